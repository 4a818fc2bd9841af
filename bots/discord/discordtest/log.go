package discordtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// keptCalls is how many calls the log keeps at least.
const keptCalls = 100_000

// downloads is the route that the log and faults know downloads of attachments
// by.
const downloads = "GET file"

// Call is one call of the bot, as it is in the log. It holds no token.
type Call struct {
	Time        time.Time         // when it began
	Route       string            // such as "POST /channels/{channel}/messages"
	Body        json.RawMessage   // the JSON that came, nil without one
	Files       map[string]Upload // files, by their n in files[n]
	ChannelID   string            // of the channel it is about, or ""
	MessageID   string            // of the message it is about or made, or ""
	Interaction string            // id of the interaction whose token it used, or ""
	Status      int               // HTTP status of the answer, 0 while there is none or when none was given
	Code        int               // that of an error's JSON
	Text        string            // the error's sentence, with every place of an invalid body
	// Early says that the call came before the retry_after that an earlier
	// one was given had passed, and after that answer was sent.
	Early bool

	number int64 // in order, from 1
	ban    *ban  // that it was given
}

// Upload is what a Call says of a file.
type Upload struct {
	Name string
	Size int
}

// Complaint is something that the service would let pass though it is wrong.
type Complaint struct {
	Time    time.Time
	Route   string // empty for what came over the gateway
	Where   string
	Problem string
}

// String says what is wrong in one line.
func (c Complaint) String() string {
	return fmt.Sprintf("%s: %s: %s", c.Route, c.Where, c.Problem)
}

// Calls returns the calls in the order in which they came, but for downloads,
// and at least the last 100 000. With routes only those of these routes.
func (s *Server) Calls(routes ...string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Call
	for _, c := range s.calls {
		if len(routes) == 0 && c.Route != downloads || slices.Contains(routes, c.Route) {
			found = append(found, *c)
		}
	}
	return found
}

// Early returns the calls that began when an earlier one had been given a
// retry_after that was not over. A bot that keeps the rules has none.
func (s *Server) Early() []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return !c.Early })
}

// Complaints returns what was wrong with calls though the service would let it
// pass. Tests should find none.
func (s *Server) Complaints() []Complaint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.complaints)
}

// begin notes that a call came.
func (s *Server) begin(c *call) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := &Call{Route: c.route.name(), ChannelID: c.params["channel"]}
	if id := c.params["message"]; id != original {
		begun.MessageID = id
	}
	if in := s.tokens[c.params["token"]]; in != nil {
		begun.Interaction, begun.ChannelID = in.ID, in.room.id
	}
	c.log = begun
	s.enlist(begun)
	return begun
}

// enlist puts a call into the log. It wants s.mu.
func (s *Server) enlist(c *Call) {
	s.begun++
	c.Time, c.number = s.now(), s.begun
	if len(s.calls) >= 2*keptCalls {
		s.calls = slices.Delete(s.calls, 0, keptCalls)
	}
	s.calls = append(s.calls, c)
}

// describe adds what was read to a call.
func (s *Server) describe(begun *Call, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun.Body = c.text
	begun.Files = map[string]Upload{}
	for n, u := range c.files {
		begun.Files[n] = Upload{Name: u.name, Size: len(u.data)}
	}
}

// end notes how a call ended.
func (s *Server) end(begun *Call, c *call, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun.Status = status
	var failed *apiError
	switch {
	case errors.As(err, &failed):
		begun.Code, begun.Text = failed.code, strings.TrimSuffix(failed.text+": "+failed.problems.String(), ": ")
	case err != nil:
		begun.Text = err.Error()
	}
	if c != nil {
		for _, note := range c.notes {
			note.Time = begun.Time
			s.complaints = append(s.complaints, note)
		}
	}
	s.debug(begun)
	s.touch()
}

// complain adds a complaint about what is no call. It wants s.mu.
func (s *Server) complain(where, format string, args ...any) {
	s.complaints = append(s.complaints, Complaint{Time: s.now(), Where: where, Problem: fmt.Sprintf(format, args...)})
}

package telegramtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// keptCalls is how many calls the log keeps at least.
const keptCalls = 100_000

// Call is one call of the bot, as it is in the log. It holds no token.
type Call struct {
	Time    time.Time         // when it began
	Method  string            // as the Bot API spells it, "" when there is none of that name
	Params  map[string]string // parameters that are no files
	Files   map[string]Upload // files, by the names of their parts
	ChatID  int64             // of the chat it is about, or 0
	Status  int               // HTTP status of the answer, 0 while there is none or when none was given
	Text    string            // the error's sentence
	Results []int64           // ids of the messages it posted
	// Early says that the call came before the retry_after that an earlier
	// one was given had passed, and after that answer was sent.
	Early bool

	number int64 // in order, from 1
	ban    *ban  // that it was given
}

// Upload is what a Call says of a file.
type Upload struct {
	Name string
	Size int64
}

// Complaint is something in a call that the service would let pass though it
// is wrong: a parameter it does not know, a value it would clamp.
type Complaint struct {
	Time      time.Time
	Method    string
	Parameter string
	Problem   string
}

// String says what is wrong in one line.
func (c Complaint) String() string {
	return fmt.Sprintf("%s: %s: %s", c.Method, c.Parameter, c.Problem)
}

// Calls returns the calls in the order in which they came, but for getUpdates,
// and at least the last 100 000. With names only those of these methods; name
// getUpdates to see its calls.
func (s *Server) Calls(methods ...string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Call
	for _, c := range s.calls {
		if len(methods) == 0 && c.Method != "getUpdates" || slices.Contains(methods, c.Method) {
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
func (s *Server) begin(method string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	c := &Call{Time: s.now(), Method: method, number: s.begun}
	if len(s.calls) >= 2*keptCalls {
		s.calls = slices.Delete(s.calls, 0, keptCalls)
	}
	s.calls = append(s.calls, c)
	return c
}

// describe adds what was read to a call.
func (s *Server) describe(begun *Call, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun.Params = maps.Clone(c.params)
	begun.Files = map[string]Upload{}
	for name, u := range c.files {
		begun.Files[name] = Upload{Name: u.name, Size: u.blob.size}
	}
	begun.ChatID, _ = strconv.ParseInt(c.params["chat_id"], 10, 64) // 0 for a name, which run looks up
	c.log = begun
}

// end notes how a call ended.
func (s *Server) end(begun *Call, c *call, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun.Status = status
	if err != nil {
		begun.Text = err.Error()
		if failed, is := err.(*apiError); is {
			begun.Text = failed.text
		}
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

func (s *Server) unknownMethod(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, &Call{Time: s.now(), Status: 404, Text: "Not Found"})
	s.complaints = append(s.complaints, Complaint{Time: s.now(), Method: name, Problem: "no such method"})
}

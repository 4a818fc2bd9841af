package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"kiebot/bots"
	"kiebot/core"
)

// adminPath is where the running kiebot takes an admin's words, on its socket.
const adminPath = "/admin"

// administer answers the words in the body as JSON. Whoever may open the socket
// may do everything.
func (a *app) administer(w http.ResponseWriter, r *http.Request) {
	words, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the words cannot be read", http.StatusBadRequest)
		return
	}
	reply := a.bot.Admin(r.Context(), bots.Operator{By: core.CommandLine}, string(words))
	said := adminAnswer{Refused: reply.Refused, Wrong: reply.Wrong, Text: reply.Text}
	for _, item := range reply.Items {
		said.Items = append(said.Items, adminItem{item.Group, item.Title, item.Detail})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(said); err != nil {
		a.log.Warn("an answer on the socket was not taken", "error", err)
	}
}

// adminAnswer is what the running kiebot says to an admin's words.
type adminAnswer struct {
	Refused bool        `json:"refused"` // nothing was done
	Wrong   bool        `json:"wrong"`   // because the words mean nothing
	Text    string      `json:"text"`
	Items   []adminItem `json:"items,omitempty"`
}

type adminItem struct {
	Group  string `json:"group,omitempty"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// reply is the answer as it was given.
func (a adminAnswer) reply() bots.Reply {
	reply := bots.Reply{Text: a.Text}
	for _, item := range a.Items {
		reply.Items = append(reply.Items, bots.Item{Group: item.Group, Title: item.Title, Detail: item.Detail})
	}
	return reply
}

// adminCommand is kiebot admin.
type adminCommand struct {
	JSON  bool     `name:"json" help:"Print the answer as JSON."`
	Words []string `arg:"" optional:"" passthrough:"" help:"What to do, such as: grant telegram:123 50 helped a lot. Without words it lists everything."`
}

// Help is shown below the usage.
func (adminCommand) Help() string {
	return "Asks the kiebot that runs on DATA_DIR, over its socket there: what admins can do with /admin in the chats, and with the same words. Exits with 0 when it was done, with 1 when it was refused and with 2 when the words mean nothing."
}

// Run asks.
func (c adminCommand) Run(ctx context.Context, term terminal) error {
	return askAdmin(ctx, term, strings.Join(c.Words, " "), c.JSON)
}

// taskCommand is kiebot task.
type taskCommand struct {
	JSON bool   `name:"json" help:"Print the answer as JSON."`
	ID   string `arg:"" help:"The job, by its eight characters or its whole id."`
}

// Help is shown below the usage.
func (taskCommand) Help() string {
	return "Asks the kiebot that runs on DATA_DIR for all that is known about a job, in order of time: the same as kiebot admin task."
}

// Run asks.
func (c taskCommand) Run(ctx context.Context, term terminal) error {
	return askAdmin(ctx, term, "task "+c.ID, c.JSON)
}

// errWrongWords ends a command whose output has said what was wrong with its words.
var errWrongWords = errors.New("the words mean nothing")

// askAdmin has the running kiebot do what the words say, and prints its answer.
func askAdmin(ctx context.Context, term terminal, words string, asJSON bool) error {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	body, err := local(s).do(ctx, http.MethodPost, adminPath, strings.NewReader(words))
	if err != nil {
		return startIt(err)
	}
	defer body.Close()
	var raw bytes.Buffer
	var said adminAnswer
	if err := json.NewDecoder(io.TeeReader(body, &raw)).Decode(&said); err != nil {
		return fmt.Errorf("reading the answer of the running kiebot: %w", err)
	}
	out := term.out
	if said.Refused {
		out = term.err
	}
	if asJSON {
		_, err = term.out.Write(raw.Bytes())
	} else {
		printReply(out, said.reply())
	}
	switch {
	case err != nil:
		return err
	case said.Wrong:
		return errWrongWords
	case said.Refused:
		return errSaid
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"kiebot/core"
)

// exportPath is where the running kiebot gives what it keeps about ?person.
const exportPath = "/export"

// export answers with the JSON lines of core.Engine.Export.
func (a *app) export(w http.ResponseWriter, r *http.Request) {
	who, ok := personOf(r)
	if !ok {
		http.Error(w, badPerson, http.StatusBadRequest)
		return
	}
	sent := &countWriter{w: w}
	err := a.engine.Export(r.Context(), who, sent)
	switch {
	case err == nil && sent.n == 0:
		http.Error(w, "nothing is kept about this person", http.StatusNotFound)
	case err != nil && sent.n > 0:
		panic(http.ErrAbortHandler) // so that nobody takes the half for the whole
	case err != nil:
		http.Error(w, explain(err), http.StatusInternalServerError)
	}
}

const badPerson = "a person is named as telegram:123 or discord:456"

// personOf is whom a request on the socket is about.
func personOf(r *http.Request) (core.Identity, bool) {
	platform, user, ok := strings.Cut(r.FormValue("person"), ":")
	return core.Identity{Platform: platform, User: user}, ok && platform != "" && user != ""
}

// exportCommand is kiebot export.
type exportCommand struct {
	Person string `arg:"" help:"Who, such as telegram:123 or discord:456."`
	File   string `arg:"" optional:"" help:"Where to; without it, the standard output." placeholder:"FILE"`
}

// Help is shown below the usage.
func (exportCommand) Help() string {
	return "Asks the kiebot that runs on DATA_DIR for all that it keeps about one person, and about the accounts that are linked with it: one JSON object a line, with its kind (account, task, ledger, purchase, draft, question, act) and its record. References to messages and files of the chats are left out, and so is who the admins are. A file that is there is never overwritten."
}

// Run asks.
func (c exportCommand) Run(ctx context.Context, term terminal) (err error) {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	if c.File == "" {
		return c.fetch(ctx, s, term.out)
	}
	if err := free(c.File); err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(c.File))
		}
	}()
	return errors.Join(c.fetch(ctx, s, f), f.Sync(), f.Close())
}

func (c exportCommand) fetch(ctx context.Context, s settings, w io.Writer) error {
	return startIt(local(s).stream(ctx, w, http.MethodGet, exportPath+"?person="+url.QueryEscape(c.Person), nil))
}

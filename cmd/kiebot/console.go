package main

import (
	"context"
	"fmt"
	"net/http"
	"unicode/utf8"

	"kiebot/bots/web/console"
	"kiebot/core/media"
	"kiebot/kie"
)

// leastPassword is how many characters the password of the console has at least:
// a page in the open can be guessed at for years.
const leastPassword = 8

func (e environment) readConsole(s *settings, found *problems) {
	if n := utf8.RuneCountInString(e.Console); n > 0 && n < leastPassword {
		found.add("CONSOLE_PASSWORD", "has fewer than %d characters", leastPassword)
	}
	s.consolePassword = kie.Secret(e.Console)
}

func (a *app) makeConsole(s settings, links *media.Links, secret []byte) (err error) {
	a.reach = s.publicURL
	a.desk, err = console.New(console.Config{
		Engine: a.engine, Store: a.store, Bot: a.bot, Catalog: a.models, Links: links, Key: derive(secret, "console"),
		Password: s.consolePassword.Reveal(), PublicURL: s.publicURL,
		Locale: s.locale, Location: s.location, Version: version(), Logger: a.log,
	})
	return err
}

// consoleLinkPath is where the running kiebot makes such links, on its socket.
const consoleLinkPath = console.Path + "/link"

// consoleLink answers with a link that opens the console once.
func (a *app) consoleLink(w http.ResponseWriter, r *http.Request) {
	path, until, err := a.desk.Invite(r.Context())
	if err != nil {
		http.Error(w, fmt.Sprintf("the link cannot be made: %v", err), http.StatusServiceUnavailable)
		return
	}
	a.log.Info("a link to the console was made", "until", until)
	fmt.Fprintf(w, "%s%s\n", a.reach, path)
}

// consoleCommand is kiebot console.
type consoleCommand struct{}

// Help is shown below the usage.
func (consoleCommand) Help() string {
	return "Asks the kiebot that runs on DATA_DIR for a link to its operator's console, and prints it. The link opens the console once, within ten minutes, whether CONSOLE_PASSWORD is set or not: whoever may read DATA_DIR may do everything anyway."
}

// Run asks.
func (consoleCommand) Run(ctx context.Context, term terminal) error {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	return local(s).stream(ctx, term.out, http.MethodPost, consoleLinkPath, nil)
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"kiebot/bots/discord"
	"kiebot/bots/telegram"
	"kiebot/kie"
)

// askFor is how long one answer is waited for.
const askFor = 15 * time.Second

// finding is what one of the services says, in one line.
type finding struct {
	about string
	says  string
	wrong bool   // serve would not work like this
	next  string // what would make it better; may be empty
}

// line is the finding as it is printed.
func (f finding) line() string {
	mark := "ok"
	if f.wrong {
		mark = "WRONG"
	}
	text := f.says
	if f.next != "" {
		text += ". " + f.next
	}
	return fmt.Sprintf("%s\t%s\t%s", mark, f.about, text)
}

// askAll asks everything that serve will talk to. Nothing is bought, sent or changed.
func (s settings) askAll(ctx context.Context) []finding {
	var all []finding
	for _, k := range s.kieKeys {
		all = append(all, s.askKie(ctx, k))
	}
	if s.telegramToken != "" {
		all = append(all, s.askTelegram(ctx))
	}
	if s.discord.token != "" {
		all = append(all, s.askDiscord(ctx))
	}
	if s.publicURL != "" {
		all = append(all, s.askPublic(ctx))
	}
	return all
}

func (s settings) askKie(ctx context.Context, k kieKey) finding {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f := finding{about: "Kie.ai"}
	if len(s.kieKeys) > 1 {
		f.about += " (" + k.name + ")"
	}
	client, err := s.kieClient(k, slog.New(slog.DiscardHandler))
	if err != nil {
		return f.failed(err, "")
	}
	balance, err := client.Credits(ctx)
	switch kie.KindOf(err) {
	case kie.ErrAuth:
		return f.failed(errors.New("the key is not accepted"), "Make a new one on https://kie.ai/api-key")
	case kie.ErrTemporary:
		return f.failed(errors.New("cannot be reached"), "Look at KIE_API_URL, and at this machine's network")
	}
	if err != nil {
		return f.failed(err, "")
	}
	f.says = fmt.Sprintf("the key is accepted, and %v credits are left", balance)
	if balance <= 0 {
		f.next = "Nothing can be made before you buy some on https://kie.ai/pricing"
	}
	return f
}

func (f finding) failed(err error, next string) finding {
	f.says, f.wrong, f.next = err.Error(), true, next
	return f
}

func (s settings) askTelegram(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f := finding{about: "Telegram"}
	self, err := telegram.Ask(ctx, telegram.Token(s.telegramToken.Reveal()), s.telegramURL, nil)
	if err != nil {
		return f.failed(err, "")
	}
	f.says = "this is @" + self.Username
	switch {
	case s.telegramWebhook && self.Failed != "":
		f.next = "The latest webhook failed: " + self.Failed
	case !self.Groups:
		f.next = "It cannot be added to groups; /setjoingroups at @BotFather changes that"
	case !self.Inline:
		f.next = "/setinline at @BotFather lets people send what they made in every chat"
	}
	return f
}

func (s settings) askDiscord(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f := finding{about: "Discord"}
	self, err := discord.Ask(ctx, discord.Token(s.discord.token.Reveal()), s.discord.url, nil)
	if err != nil {
		return f.failed(err, "")
	}
	f.says = fmt.Sprintf("this is %s", self.Name)
	const page = "on the page General Information of https://discord.com/developers/applications"
	switch endpoint := s.publicURL + discord.WebhookPath; {
	case s.discord.key != "" && !strings.EqualFold(s.discord.key, self.PublicKey):
		return f.failed(errors.New("DISCORD_PUBLIC_KEY is of another application"), "Copy the Public Key "+page)
	case s.discord.key == "" && self.Endpoint != "":
		return f.failed(errors.New("interactions are sent to an endpoint, so none comes by the gateway"), "Empty Interactions Endpoint URL "+page+", or set DISCORD_PUBLIC_KEY and PUBLIC_URL")
	case s.discord.key != "" && self.Endpoint != endpoint:
		f.next = "When kiebot runs, enter " + endpoint + " as Interactions Endpoint URL " + page
	}
	return f
}

// askPublic finds out whether PUBLIC_URL leads to LISTEN_ADDR: it listens there
// for a moment, unless kiebot runs already.
func (s settings) askPublic(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f := finding{about: "PUBLIC_URL", says: "leads here"}
	const next = "Let it lead to LISTEN_ADDR, through a proxy that has the certificate; without it kiebot has to poll"
	want := "" // whatever a kiebot that runs says
	if listener, err := net.Listen("tcp", s.listen); err == nil {
		want = rand.Text()
		server := &http.Server{ReadHeaderTimeout: askFor, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, want) })}
		defer server.Close()
		go func() { _ = server.Serve(listener) }()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.publicURL+"/healthz", nil)
	if err != nil {
		return f.failed(err, next)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return f.failed(errors.New("cannot be reached from this machine"), next)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil || resp.StatusCode != http.StatusOK || want != "" && string(got) != want {
		return f.failed(fmt.Errorf("leads to something else, which answers %d", resp.StatusCode), next)
	}
	return f
}

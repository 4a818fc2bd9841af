package telegram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
)

// Token is a bot's token, or the secret of a webhook. Printed and encoded it
// is "redacted".
type Token string

func (t Token) reveal() string { return string(t) }

// Format implements fmt.Formatter.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// String is "redacted".
func (Token) String() string { return "redacted" }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements encoding.TextMarshaler.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// DefaultURL is Telegram's own Bot API server.
const DefaultURL = "https://api.telegram.org"

// Bot is bots.Bot: it answers people and finds the words.
type Bot interface {
	wording
	Command(ctx context.Context, in bots.Incoming) bots.Reply
	Press(ctx context.Context, in bots.Incoming, data string) bots.Reply
	Broken(locale string) bots.Reply
	Commands(locale string) []bots.Command
	HasCommand(name string) bool
	WriteFirst(locale, link string) string
	Recent(ctx context.Context, origin core.Origin, words string) (bots.Offer, error)
}

// Duty is what one replica at a time has: it handles the updates, whichever way
// they come.
const Duty core.Duty = Platform

// Engine is the part of core.Engine that receiving needs.
type Engine interface {
	MoveChat(ctx context.Context, from, to core.Lane) error
	OnDuty(ctx context.Context, duty core.Duty, do func(context.Context) error) error
	Sharers() int
	PutSettings(ctx context.Context, values map[string][]byte) error
	OnSettings(prefix string, heard func(name string))
}

// Config is what a Telegram needs. Token, Bot, Engine and Store are required.
type Config struct {
	Token Token
	URL   string // of the Bot API server; empty means DefaultURL, another one is taken for a local server, with its limits
	Bot   Bot
	Till  Till // nil when nothing is sold, and never was: payments are left alone then
	// Operators are the users who run the bot, and in whose private chats with it
	// the menu offers /admin.
	Operators []int64
	// Engine writes where receiving stopped and what it has not finished, and says
	// whether this replica receives. It must not run yet when New is called.
	Engine Engine
	Store  core.Store // the engine's, to read from
	// Links sign the address of files that are too large for a chat; nil when
	// kiebot cannot be reached from outside.
	Links *media.Links

	// Webhook lets Telegram send updates to PublicURL, proven by Secret. The
	// default is to ask for them.
	Webhook   bool
	PublicURL string
	Secret    Token // 1 to 256 of A-Z, a-z, 0-9, _ and -

	Transport http.RoundTripper // to the Bot API server; nil means NewTransport
	Logger    *slog.Logger      // nil discards
	Now       func() time.Time  // nil means time.Now
}

// Telegram is kiebot on Telegram: a core.Adapter, a core.Source and a
// core.Paced. Its methods may be called concurrently.
type Telegram struct {
	*talker
	cfg      Config
	receiver *receiver
	health   health
	admins   admins
	local    bool

	mu      sync.Mutex
	running context.Context // of Run, nil before
	serving context.Context // of the duty, nil without it
	self    models.User     // who the bot is, known once Run has asked
}

var validToken = regexp.MustCompile(`^[0-9]+:[\w-]{30,}$`)

// New checks the configuration. It calls nothing.
func New(cfg Config) (*Telegram, error) {
	if cfg.Bot == nil || cfg.Store == nil || cfg.Engine == nil {
		return nil, errors.New("telegram: Config.Bot, Engine and Store are required")
	}
	if !validToken.MatchString(cfg.Token.reveal()) {
		return nil, errors.New("telegram: Config.Token is not a bot's token")
	}
	if cfg.Webhook && (cfg.PublicURL == "" || cfg.Secret == "") {
		return nil, errors.New("telegram: a webhook needs Config.PublicURL and Secret")
	}
	cfg.URL = serverURL(cfg.URL)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	api, err := newClient(cfg.Token.reveal(), cfg.URL, cfg.Transport)
	if err != nil {
		return nil, err
	}
	t := &Telegram{cfg: cfg, local: cfg.URL != DefaultURL}
	t.talker = &talker{
		api: api, words: cfg.Bot, moved: cfg.Engine.MoveChat, sharers: cfg.Engine.Sharers, links: cfg.Links, limits: limitsOf(t.local),
		log: cfg.Logger, now: cfg.Now, shrinker: media.NewShrinker(),
	}
	t.receiver = newReceiver(newInbox(cfg.Store, cfg.Engine), t.handle, t.skipped)
	cfg.Engine.OnSettings(inboxPrefix, t.receiver.inbox.hear)
	return t, nil
}

// serverURL is the address of the Bot API server, without a slash at its end;
// empty means DefaultURL.
func serverURL(url string) string { return cmp.Or(strings.TrimRight(url, "/"), DefaultURL) }

// Run receives until ctx ends, and returns when nothing is being handled any
// more. Webhooks are taken all the time; the rest is done whenever this replica
// has the duty. Telegram being away is no error, nor is the store: it goes on
// when they are back.
func (t *Telegram) Run(ctx context.Context) error {
	t.mu.Lock()
	t.running = ctx
	t.mu.Unlock()
	defer t.receiver.beside.Wait()
	if t.steadily(ctx, "asking who the bot is", func() error { return t.learn(ctx) }) != nil {
		return nil // ctx ended
	}
	return t.cfg.Engine.OnDuty(ctx, Duty, func(ctx context.Context) error {
		t.serve(ctx)
		return nil
	})
}

// serve handles updates until ctx ends: first what is in the inbox.
func (t *Telegram) serve(ctx context.Context) {
	defer t.leave()
	if t.steadily(ctx, "handling what was left", func() error { return t.takeUp(ctx) }) != nil {
		return
	}
	t.receiver.work.Go(func() { t.attend(ctx) })
	t.mu.Lock()
	t.serving = ctx
	t.mu.Unlock()
	if t.steadily(ctx, "setting the webhook", func() error { return t.setWebhook(ctx) }) != nil {
		return
	}
	t.receiver.work.Go(func() { t.showMenus(ctx) }) // nobody waits for it
	if t.cfg.Till != nil {
		t.receiver.work.Go(func() { t.lookForMissed(ctx) })
	}
	if t.cfg.Webhook {
		<-ctx.Done()
		return
	}
	t.poll(ctx)
}

// takeUp begins with everything that is in the inbox.
func (t *Telegram) takeUp(ctx context.Context) error {
	left, err := t.receiver.inbox.begin(ctx)
	if err != nil {
		return err
	}
	return t.receiver.resume(ctx, left)
}

// attend takes up what is put into the inbox, until ctx ends.
func (t *Telegram) attend(ctx context.Context) {
	for {
		select {
		case <-t.receiver.inbox.more:
		case <-ctx.Done():
			return
		}
		_ = t.steadily(ctx, "reading the inbox", func() error {
			heard, err := t.receiver.inbox.next(ctx)
			if err != nil {
				return err
			}
			return t.receiver.resume(ctx, heard)
		})
	}
}

// leave ends what serve has begun. The next one finds the rest in the inbox.
func (t *Telegram) leave() {
	t.mu.Lock()
	t.serving = nil
	t.mu.Unlock()
	t.receiver.leave()
	t.health.rest()
}

// learn asks who the bot is: commands name it in groups.
func (t *Telegram) learn(ctx context.Context) error {
	me, err := t.api.GetMe(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.self = *me
	return nil
}

func (t *Telegram) me() models.User {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self
}

// Healthy is nil when updates can come, else a sentence that says why not.
func (t *Telegram) Healthy() error { return t.health.state() }

// Pace implements core.Paced.
func (*Telegram) Pace(lane core.Lane) core.Pace { return Pace(lane) }

// Tell sends a person, or a group as itself, a message of its own, such as an
// alert to the operator. A person has to have written to the bot before.
func (t *Telegram) Tell(ctx context.Context, user, words string, buttons []bots.Button) error {
	chat, err := strconv.ParseInt(user, 10, 64)
	if err != nil {
		return fmt.Errorf("telegram: %q is no person", user)
	}
	says := &text{}
	says.add(words)
	at := place{chat: chat}
	return t.sayEach(ctx, &at, says.split(textMax), markup(keyboard(buttons)))
}

// skipped notes an update that cannot be handled. Nothing of what it says is logged.
func (t *Telegram) skipped(id int64, err error) {
	t.log.Error("an update could not be handled", "update", id, "error", err)
}

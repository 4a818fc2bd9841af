package discord

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"kiebot/bots"
	"kiebot/bots/discord/gateway"
	"kiebot/core"
	"kiebot/core/media"
)

// Token is a bot's token. Printed and encoded it is "redacted".
type Token = gateway.Token

// DefaultURL is where Discord's own REST API is, and apiPath its version that
// we speak.
const (
	DefaultURL = "https://discord.com"
	apiPath    = "/api/v10"
)

// Bot is bots.Bot: it answers people and finds the words.
type Bot interface {
	wording
	Command(ctx context.Context, in bots.Incoming) bots.Reply
	Press(ctx context.Context, in bots.Incoming, data string) bots.Reply
	Broken(locale string) bots.Reply
	Commands(locale string) []bots.Command
	Complete(ctx context.Context, command, field, typed string, others []bots.Given, locale string) []bots.Suggestion
}

// Config is what a Discord needs. Token, Bot, Engine and Store are required.
type Config struct {
	Token Token
	URL   string // of the REST API, without its version; empty means DefaultURL
	Bot   Bot
	// Engine shares the gateway and the deliveries with other replicas, and Store
	// has what they need of each other.
	Engine Engine
	Store  core.Store
	// Links sign the address of files that are too large for a channel; nil when
	// kiebot cannot be reached from outside.
	Links *media.Links

	// PublicKey is the application's, in hexadecimal digits: with it
	// interactions come to Handler, without it by the gateway.
	PublicKey string
	Shards    string // of the gateway: auto, or n/m; empty means auto
	// Prefix comes before the name of every command, so that the bot can live
	// beside another /imagine; it may be empty.
	Prefix string
	// Safe keeps what is not fit for everybody to age-restricted channels.
	Safe bool

	Transport http.RoundTripper // to the REST API; nil means NewTransport
	Dial      gateway.Dial      // to the gateway; nil means the network
	Logger    *slog.Logger      // nil discards
	Now       func() time.Time  // nil means time.Now
}

// Discord is kiebot on Discord: a core.Adapter, a core.Source and a core.Paced.
// Its methods may be called concurrently.
type Discord struct {
	*talker
	cfg      Config
	commands map[string]bots.Command // by their names
	gateway  *gateway.Gateway        // nil with Config.PublicKey
	seen     memory
	forms    forms
	rooms    rooms
	key      ed25519.PublicKey // nil with a gateway
	slots    chan struct{}
	work     sync.WaitGroup

	mu      sync.Mutex
	running context.Context // of Run, nil before
	working context.Context // of what was received, which outlives it a little
	err     error           // why interactions cannot come
}

var (
	validToken  = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`)
	validPrefix = regexp.MustCompile(`^[a-z0-9_-]{0,16}$`)
)

// New checks the configuration. It is called before the engine runs; it calls
// nothing but OnAnnounced.
func New(cfg Config) (*Discord, error) {
	switch {
	case cfg.Bot == nil || cfg.Engine == nil || cfg.Store == nil:
		return nil, errors.New("discord: Config.Bot, Engine and Store are required")
	case !validToken.MatchString(string(cfg.Token)):
		return nil, errors.New("discord: Config.Token is not a bot's token")
	case !validPrefix.MatchString(cfg.Prefix):
		return nil, errors.New("discord: Config.Prefix may have up to 16 of a-z, 0-9, _ and -")
	}
	cfg.URL = apiURL(cfg.URL)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Discord{cfg: cfg, commands: map[string]bots.Command{}, slots: make(chan struct{}, atOnce), err: errNotBegun}
	for _, c := range cfg.Bot.Commands("") {
		d.commands[c.Name] = c
	}
	d.talker = &talker{
		api: newClient(string(cfg.Token), cfg.URL, cfg.Transport), words: cfg.Bot, links: cfg.Links,
		log: cfg.Logger, now: cfg.Now, shrinker: media.NewShrinker(),
	}
	d.api.limits.sharers = cfg.Engine.Sharers
	d.forms = forms{cfg.Store, cfg.Now}
	var err error
	if cfg.PublicKey != "" {
		d.key, err = readKey(cfg.PublicKey)
		return d, err
	}
	d.gateway, err = gateway.New(gateway.Config{
		Token: cfg.Token, URL: cfg.URL, Shards: cfg.Shards, Take: d.take, Shared: newReplicas(cfg.Engine, cfg.Store), Dial: cfg.Dial, Logger: cfg.Logger,
	})
	return d, err
}

// apiURL is the address of the REST API with its version, without a slash at its
// end; empty means that of DefaultURL.
func apiURL(url string) string {
	url = cmp.Or(strings.TrimRight(url, "/"), DefaultURL)
	return strings.TrimSuffix(url, apiPath) + apiPath
}

// readKey reads an application's public key.
func readKey(text string) (ed25519.PublicKey, error) {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("discord: Config.PublicKey is not an application's public key, which has 64 hexadecimal digits")
	}
	return key, nil
}

var (
	errNotBegun  = errors.New("Discord was not reached yet")
	errUnreached = errors.New("Discord cannot be reached: look at DISCORD_API_URL, and at this machine's network")
	errToken     = errors.New("Discord does not accept DISCORD_TOKEN: make a new one on the application's Bot page and start kiebot again")
)

// finishFor is how long what was received before a stop may take: Discord waits
// no longer for an answer.
const finishFor = answerWithin

// Run receives until ctx ends, and returns when nothing is being handled any
// more, after finishFor at most. Discord being away, or refusing the bot, is no
// error: Healthy says so.
func (d *Discord) Run(ctx context.Context) error {
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(finishFor, end) })()
	defer d.finish()
	app, err := d.learn(ctx)
	if err != nil {
		return nil // ctx ended
	}
	d.mu.Lock()
	d.running, d.working, d.err = ctx, working, nil
	d.mu.Unlock()
	if err := d.register(ctx, app.ID); err != nil && ctx.Err() == nil {
		d.log.Warn("setting the commands", "error", err)
	}
	if d.gateway == nil {
		<-ctx.Done()
		return nil
	}
	if err := d.gateway.Run(ctx); err != nil {
		d.log.Error("Discord cannot be reached until kiebot is started again", "error", err)
		d.mu.Lock()
		d.err = err
		d.mu.Unlock()
		<-ctx.Done() // deliveries go on by what they have
	}
	return nil
}

// finish takes no more requests and waits for what is being handled.
func (d *Discord) finish() {
	d.mu.Lock()
	d.running = nil
	d.mu.Unlock()
	d.work.Wait()
}

// application is what Discord says about ours.
type application struct {
	ID string `json:"id"`
}

// learn asks which application this is, until it is told.
func (d *Discord) learn(ctx context.Context) (app application, err error) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err = d.api.do(ctx, call{method: http.MethodGet, route: "/applications/@me"}, &app)
		if err == nil && app.ID != "" {
			return app, nil
		}
		d.trouble(err)
		select {
		case <-time.After(max(wait, waitOf(err).RetryAfter)):
		case <-ctx.Done():
			return app, ctx.Err()
		}
	}
}

// trouble notes why Discord was not reached.
func (d *Discord) trouble(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = errNotBegun
	if meaning(err) == failToken {
		d.err = errToken
	}
	d.log.Warn("Discord fails and is tried again", "error", err)
}

// Healthy is nil when interactions can come, else a sentence that says why not.
func (d *Discord) Healthy() error {
	d.mu.Lock()
	err := d.err
	d.mu.Unlock()
	if err != nil || d.gateway == nil {
		return err
	}
	return d.gateway.Healthy()
}

// Pace implements core.Paced.
func (*Discord) Pace(lane core.Lane) core.Pace { return Pace(lane) }

// Pace is the pace of a lane, or of Discord as a whole when the lane is empty.
// Most calls are about one interaction, whose limit is its own; what a channel
// takes of the bot's own messages, five in five seconds as people see it, its
// answers say. So this only keeps one channel from taking everybody's turn.
func Pace(lane core.Lane) core.Pace {
	if lane == "" {
		return core.Pace{}
	}
	return core.Pace{Rates: []core.Rate{{Calls: 25, Per: 5 * time.Second}}, Edits: 3 * time.Second}
}

package discord

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/bots"
	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

// world is a whole kiebot between a Kie and a Discord of its own, as cmd/kiebot
// puts it together, in a bubble of its own time.
type world struct {
	t       *testing.T
	dir     string
	kie     *kietest.Server
	discord *discordtest.Server
	guild   *discordtest.Guild
	channel *discordtest.Channel
	ada     *discordtest.Person // speaks English
	eva     *discordtest.Person // speaks Russian
	cfg     worldConfig
	net     *http.Transport   // to Discord
	wire    http.RoundTripper // what our side calls through: net, unless a test puts something before it
	spy     *secrecy

	store  storage
	engine *core.Engine
	ours   *Discord
	stop   func()
}

// storage is a store of either kind.
type storage interface {
	core.Store
	Close() error
}

// worldConfig is what a world is made of; its zero value is the gateway's.
type worldConfig struct {
	kie     kietest.Config
	discord discordtest.Config
	change  func(*core.Config) // of the engine; nil changes nothing
	hook    bool               // interactions come to our address
	prefix  string
	safe    bool                    // DISCORD_NSFW=restricted
	boss    bool                    // Ada runs the bot
	strict  bool                    // and lets nobody in but Ada
	open    func() (storage, error) // nil is bolt's
}

// now is a time at which Discord was there already.
func now() time.Time { return time.Now().AddDate(26, 0, 0) }

// both runs the test over both ways in which interactions come.
func both(t *testing.T, cfg worldConfig, test func(*testing.T, *world)) {
	t.Helper()
	for name, hook := range map[string]bool{"gateway": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			cfg.hook = hook
			inWorld(t, cfg, test)
		})
	}
}

// inWorld runs the test in a world where everything runs, and looks for
// complaints and calls that came too early at its end.
func inWorld(t *testing.T, cfg worldConfig, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, dir: workDir(t), cfg: cfg}
		if w.cfg.kie.Shrink == 0 {
			w.cfg.kie.Shrink = 16
		}
		w.cfg.discord.Patience, w.cfg.discord.Now = time.Hour, now
		w.cfg.discord.Transport = hook{w}
		w.kie, w.discord = kietest.NewMemoryServer(w.cfg.kie), discordtest.NewMemoryServer(w.cfg.discord)
		defer w.kie.Close()
		defer w.discord.Close()
		w.spy = newSecrecy(t, w.discord.Token())
		w.net = &http.Transport{DialContext: w.discord.DialContext}
		w.wire = w.net
		defer w.net.CloseIdleConnections()
		w.ada, w.eva = w.discord.Person("Ada"), w.discord.Person("Eva", discordtest.Locale("ru"))
		w.guild = w.discord.Guild("the guild", w.ada, w.eva)
		w.channel = w.guild.Channel("pictures")
		w.start()
		defer func() { w.end() }()
		test(t, w)
		w.leftOver()
	})
}

// hook brings interactions to our address.
type hook struct{ w *world }

// RoundTrip implements http.RoundTripper.
func (h hook) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	in := httptest.NewRequest(r.Method, WebhookPath, r.Body).WithContext(r.Context())
	in.Header = r.Header
	h.w.ours.Handler().ServeHTTP(answer, in)
	h.w.callsNobody("callback by the reply", answer.Body.Bytes())
	return answer.Result(), nil
}

// workDir is a folder in memory where there is one: nothing here is about the disk.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kiebot-discord-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// toDiscord is what core knows as the platform, which needs the engine to be made.
type toDiscord struct{ w *world }

func (c toDiscord) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	return c.w.ours.Deliver(ctx, p)
}

func (c toDiscord) Open(ctx context.Context, file core.InputFile) (io.ReadCloser, error) {
	return c.w.ours.Open(ctx, file)
}

func (toDiscord) Pace(lane core.Lane) core.Pace { return Pace(lane) }

// start opens everything of ours and runs it.
func (w *world) start() {
	w.t.Helper()
	client, err := kie.New(kie.Config{APIKey: kie.Secret(w.kie.Key()), BaseURL: w.kie.URL(), UploadURL: w.kie.URL(), HTTPClient: w.spy.over(w.kie)})
	w.must(err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{w.kie.URL()}, Dial: w.kie.DialContext})
	w.must(err)
	spool, err := media.OpenSpool(filepath.Join(w.dir, "media"), fetcher)
	w.must(err)
	models, err := catalog.Default()
	w.must(err)
	if w.cfg.open == nil {
		w.store, err = bolt.Open(filepath.Join(w.dir, "kiebot.db"), bolt.Options{})
	} else {
		w.store, err = w.cfg.open()
	}
	w.must(err)
	log := slog.New(slog.NewTextHandler(w.spy, nil))
	cfg := core.Config{
		Store: w.store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, UserDaily: 100_000, Now: now,
		Adapters: map[string]core.Adapter{Platform: toDiscord{w}}, Sources: map[string]core.Source{Platform: toDiscord{w}}, Logger: log,
	}
	if w.cfg.strict {
		cfg.Policy.Allow, cfg.Alert = []string{w.boss().String()}, w.tellBoss
	}
	if w.cfg.change != nil {
		w.cfg.change(&cfg)
	}
	w.engine, err = core.New(cfg)
	w.must(err)
	runs := bots.Config{Engine: w.engine, Catalog: models, Answers: -1, Now: now}
	if w.cfg.boss {
		runs.Admins = []core.Identity{w.boss()}
		runs.Tell = func(ctx context.Context, to core.Identity, words string) error {
			return w.ours.Tell(ctx, to.User, words, nil)
		}
	}
	words, err := bots.New(runs)
	w.must(err)
	key := ""
	if w.cfg.hook {
		key = w.discord.PublicKey()
	}
	w.ours, err = New(Config{
		Token: Token(w.discord.Token()), URL: w.discord.URL(), Bot: words, Engine: w.engine, Store: w.store, PublicKey: key, Prefix: w.cfg.prefix, Safe: w.cfg.safe,
		Transport: w.wire, Dial: w.discord.DialContext, Logger: log, Now: now,
	})
	w.must(err)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 2)
	go func() { ended <- w.engine.Run(ctx) }()
	go func() { ended <- w.ours.Run(ctx) }()
	w.stop = func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				w.t.Error(err)
			}
		}
	}
	if w.cfg.open != nil {
		return // the fleet waits for all of them
	}
	w.discord.Until(w.t, func() bool { return w.ours.Healthy() == nil && len(w.discord.Commands("")) > 0 })
	if w.cfg.hook {
		w.must(w.discord.SetEndpoint("http://kiebot.test" + WebhookPath))
	}
}

func (w *world) boss() core.Identity { return core.Identity{Platform: Platform, User: w.ada.ID()} }

// tellBoss is core.Config.Alert as cmd/kiebot has it.
func (w *world) tellBoss(ctx context.Context, a core.Alert) error {
	words, buttons := w.ours.cfg.Bot.(*bots.Bot).Alert(a, "en")
	return w.ours.Tell(ctx, w.ada.ID(), words, buttons)
}

// end stops everything of ours; start may follow.
func (w *world) end() {
	w.stop()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// says is a message whose words contain all the parts, whatever is marked as
// text in them.
func says(parts ...string) func(discordtest.Message) bool {
	return func(m discordtest.Message) bool {
		words := strings.ReplaceAll(m.Words(), `\`, "")
		for _, part := range parts {
			if !strings.Contains(words, part) {
				return false
			}
		}
		return true
	}
}

// made is a result: a message with so many files.
func made(files int, parts ...string) func(discordtest.Message) bool {
	return func(m discordtest.Message) bool { return len(m.Attachments) == files && says(parts...)(m) }
}

// uploads counts the requests to Kie that had a file of its own among their inputs.
func (w *world) uploads() (n int) {
	for _, task := range w.kie.Tasks() {
		data, err := json.Marshal(task.Input)
		w.must(err)
		if strings.Contains(string(data), w.kie.URL()) {
			n++
		}
	}
	return n
}

package telegram

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// town is a whole kiebot between a Kie and a Telegram of its own, as
// cmd/kiebot puts it together, in a bubble of its own time. People in it type.
type town struct {
	t     *testing.T
	dir   string
	kie   *kietest.Server
	tg    *telegramtest.Server
	net   *http.Transport   // to Telegram
	wire  http.RoundTripper // what our side calls through: net, unless a test puts something before it
	cfg   townConfig
	spy   *secrecy
	stale []*telegramtest.Press // that need no answer any more

	store    *bolt.Store
	engine   *core.Engine
	telegram *Telegram
	stop     func()
}

// townConfig is what a town is made of; its zero value is the cloud's.
type townConfig struct {
	kie       kietest.Config
	telegram  telegramtest.Config
	change    func(*core.Config) // of the engine; nil changes nothing
	admins    []core.Identity    // who run the bot
	operators []int64            // of them, those whose menus say so
	strict    bool               // and are the only ones whom it lets in
	packs     []bots.Pack        // that are sold
	hook      bool               // a webhook in place of getUpdates
}

// inTown runs the test in a town where everything runs, and looks for
// complaints and calls that came too early at its end.
func inTown(t *testing.T, cfg townConfig, test func(*testing.T, *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.kie.Shrink == 0 {
			cfg.kie.Shrink = 16
		}
		cfg.telegram.Patience = time.Hour
		w := &town{t: t, dir: workDir(t), kie: kietest.NewMemoryServer(cfg.kie), tg: telegramtest.NewMemoryServer(cfg.telegram)}
		w.cfg, w.spy = cfg, newSecrecy(t, w.tg.Token())
		w.net = &http.Transport{DialContext: w.tg.DialContext, DisableCompression: true}
		w.wire = w.net
		defer w.kie.Close()
		defer w.tg.Close()
		defer w.net.CloseIdleConnections()
		w.start()
		defer func() { w.end() }()
		test(t, w)
		w.leftOver()
	})
}

// workDir is a folder in memory where there is one: nothing here is about the disk.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kiebot-telegram-")
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

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// toTelegram is what core knows as the platform, which needs the engine to be made.
type toTelegram struct{ w *town }

func (c toTelegram) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	return c.w.telegram.Deliver(ctx, p)
}

func (c toTelegram) Open(ctx context.Context, file core.InputFile) (io.ReadCloser, error) {
	return c.w.telegram.Open(ctx, file)
}

func (toTelegram) Pace(lane core.Lane) core.Pace { return Pace(lane) }

// start opens everything of ours and runs it.
func (w *town) start() {
	w.t.Helper()
	client, err := kie.New(kie.Config{APIKey: kie.Secret(w.kie.Key()), BaseURL: w.kie.URL(), UploadURL: w.kie.URL(), HTTPClient: w.spy.over(w.kie)})
	w.must(err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{w.kie.URL()}, Dial: w.kie.DialContext})
	w.must(err)
	spool, err := media.OpenSpool(filepath.Join(w.dir, "media"), fetcher)
	w.must(err)
	models, err := catalog.Default()
	w.must(err)
	w.store, err = bolt.Open(filepath.Join(w.dir, "kiebot.db"), bolt.Options{})
	w.must(err)
	log := slog.New(slog.NewTextHandler(w.spy, nil))
	cfg := core.Config{
		Store: w.store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, UserDaily: 100_000,
		Adapters: map[string]core.Adapter{Platform: toTelegram{w}}, Sources: map[string]core.Source{Platform: toTelegram{w}}, Logger: log,
	}
	if w.cfg.strict {
		cfg.Policy.Allow, cfg.Alert = []string{w.cfg.admins[0].String()}, w.tellBoss
	}
	if w.cfg.change != nil {
		w.cfg.change(&cfg)
	}
	w.engine, err = core.New(cfg)
	w.must(err)
	words, err := bots.New(bots.Config{Engine: w.engine, Catalog: models, Answers: -1, Admins: w.cfg.admins, Sale: bots.Sale{
		Platform: Platform, Packs: w.cfg.packs,
		PayBack: func(ctx context.Context, p core.Payment) error { return w.telegram.PayBack(ctx, p) },
	}, Tell: func(ctx context.Context, to core.Identity, words string) error {
		return w.telegram.Tell(ctx, to.User, words, nil)
	}})
	w.must(err)
	w.telegram, err = New(Config{
		Token: Token(w.tg.Token()), URL: w.server(), Bot: words, Till: words, Engine: w.engine, Store: w.store, Transport: plainly{w.wire}, Logger: log,
		Operators: w.cfg.operators, Webhook: w.cfg.hook, PublicURL: "http://127.0.0.1", Secret: "a-secret",
	})
	w.must(err)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 2)
	go func() { ended <- w.engine.Run(ctx) }()
	go func() { ended <- w.telegram.Run(ctx) }()
	w.stop = func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				w.t.Error(err)
			}
		}
	}
	synctest.Wait()
}

// tellBoss is core.Config.Alert as cmd/kiebot has it.
func (w *town) tellBoss(ctx context.Context, a core.Alert) error {
	words, buttons := w.telegram.cfg.Bot.(*bots.Bot).Alert(a, "en")
	return w.telegram.Tell(ctx, w.cfg.admins[0].User, words, buttons)
}

// end stops everything of ours; start may follow.
func (w *town) end() {
	w.stop()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// finds is a message of that kind whose words contain all the parts.
func finds(kind string, parts ...string) func(telegramtest.Message) bool {
	return func(m telegramtest.Message) bool {
		if m.Kind() != kind {
			return false
		}
		for _, part := range parts {
			if !strings.Contains(m.Words(), part) {
				return false
			}
		}
		return true
	}
}

// alone waits until the bot's messages in the chat are so many.
func (w *town) alone(chat *telegramtest.Chat, n int) []telegramtest.Message {
	w.t.Helper()
	w.tg.Until(w.t, func() bool { return len(chat.FromBot()) == n })
	return chat.FromBot()
}

// chatRecord is what is stored about a chat.
func chatRecord(t *testing.T, w *town, lane core.Lane) (chat core.Chat, err error) {
	t.Helper()
	err = w.store.View(t.Context(), func(tx core.Tx) error {
		chat, err = tx.Chat(lane)
		return err
	})
	return chat, err
}

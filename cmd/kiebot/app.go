package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"kiebot/bots"
	"kiebot/bots/discord"
	"kiebot/bots/telegram"
	"kiebot/bots/web"
	"kiebot/bots/web/console"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/storage/postgres"
)

// app is everything that one process runs, tied together.
type app struct {
	log     *slog.Logger
	store   database
	models  *liveCatalog
	engine  *core.Engine
	bot     *bots.Bot
	page    *web.Web
	desk    *console.Console
	mux     *http.ServeMux
	handler http.Handler   // of what the mux serves, counted and cut off in time
	local   *http.ServeMux // behind the socket in DATA_DIR, for subcommands
	reach   string         // the address of the pages, for links; set before anybody asks
	access  string         // the token that opens the web chat; empty when it is open

	telegram *telegram.Telegram // nil without TELEGRAM_TOKEN
	discord  *discord.Discord   // nil without DISCORD_TOKEN

	socket     net.Listener // nil without openSocket
	socketFile string
	snapshots  turnstile // one copy of the store is made at a time
	backupPlan func(context.Context)

	meters     *meters
	forMetrics net.Listener // nil when nobody may ask
	proof      proof
	stopping   atomic.Bool
}

// options are what tells demo and serve apart.
type options struct {
	open     bool                    // the web chat needs no access link
	demo     bool                    // it says that nothing costs anything
	adapters map[string]core.Adapter // beside the web chat
	sources  map[string]core.Source  // of the platforms that take files
}

// deliverFunc is an Adapter. It lets the engine know an adapter that needs the engine.
type deliverFunc func(context.Context, core.Parcel) (json.RawMessage, error)

// Deliver implements core.Adapter.
func (f deliverFunc) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	return f(ctx, p)
}

// newApp opens the store and ties everything together. The caller closes it.
func newApp(ctx context.Context, s settings, o options, log *slog.Logger) (*app, error) {
	models, err := s.catalog()
	if err != nil {
		return nil, err
	}
	counts := newMeters(models)
	store, err := openDatabase(ctx, s, counts.committed)
	if err != nil {
		return nil, err
	}
	a := &app{log: log, store: store, models: models, meters: counts, mux: http.NewServeMux(), local: http.NewServeMux(), snapshots: make(turnstile, 1)}
	if err := a.assemble(ctx, s, o, models); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return a, nil
}

func (a *app) assemble(ctx context.Context, s settings, o options, models *liveCatalog) error {
	secret, err := a.secret(ctx)
	if err != nil {
		return err
	}
	spool, err := newSpool(s, a.meters.fetched)
	if err != nil {
		return err
	}
	if err := a.makeEngine(s, o, models, spool); err != nil {
		return err
	}
	a.bot, err = bots.New(bots.Config{
		Engine: a.engine, Catalog: models, Locale: s.locale, Location: s.location, Sale: a.sale(s),
		Admins: slices.Concat(s.admins, []core.Identity{localUser}), // who has the link to the page, and so the machine
		Tell:   func(ctx context.Context, to core.Identity, words string) error { return a.say(ctx, to, words, nil) },
	})
	if err != nil {
		return err
	}
	links, err := media.NewLinks(derive(secret, "file links"), time.Now)
	if err != nil {
		return err
	}
	links.Base = s.publicURL
	if !o.open {
		a.access = hex.EncodeToString(derive(secret, "web access"))[:32]
	}
	var openConsole func(context.Context) (string, error)
	if o.demo {
		openConsole = func(ctx context.Context) (string, error) {
			path, _, err := a.desk.Invite(ctx)
			return path, err
		}
	}
	a.page, err = web.New(web.Config{
		Engine: a.engine, Bot: a.bot, Catalog: models, Links: links, Access: a.access, PublicURL: s.publicURL,
		Identity: localUser, Name: "you",
		Locale: s.locale, Version: version(), Demo: o.demo, Console: openConsole, Logger: a.log,
	})
	if err != nil {
		return err
	}
	if err := a.makeConsole(s, links, secret); err != nil {
		return err
	}
	if s.telegramToken != "" {
		if err := a.makeTelegram(s, links, secret); err != nil {
			return err
		}
	}
	if s.discord.token != "" {
		if err := a.makeDiscord(s, links); err != nil {
			return err
		}
	}
	a.routes(links, spool)
	a.meter(s)
	a.localRoutes(s)
	a.backupPlan = func(ctx context.Context) { a.backups(ctx, s) }
	return nil
}

// lowBalance is at how many credits of a Kie account the operator is warned:
// some twenty pictures or one good video.
const lowBalance core.Credits = 200_000

func (a *app) makeEngine(s settings, o options, models *liveCatalog, spool *media.Spool) error {
	accounts, err := s.kieAccounts(a.log)
	if err != nil {
		return err
	}
	cfg := core.Config{
		Store: a.store, Kie: accounts, Catalog: models, Spool: spool, MediaKept: s.mediaKept,
		Sources: map[string]core.Source{}, UserDaily: s.userDaily, Retention: s.retention, Location: s.location, CallbackBase: s.publicURL, Logger: a.log, Lease: s.lease,
		Adapters: map[string]core.Adapter{
			web.Platform: deliverFunc(func(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
				return a.page.Deliver(ctx, p)
			}),
		},
	}
	cfg.Policy, cfg.LowBalance, cfg.Name = s.policy, lowBalance, replicaName()
	if s.telegramToken != "" {
		late := lateChat{get: func() chat { return a.telegram }, pace: telegram.Pace}
		cfg.Adapters[telegram.Platform], cfg.Sources[telegram.Platform] = late, late
	}
	if s.discord.token != "" {
		late := lateChat{get: func() chat { return a.discord }, pace: discord.Pace}
		cfg.Adapters[discord.Platform], cfg.Sources[discord.Platform] = late, late
	}
	cfg.Alert = a.alerter(s)
	maps.Copy(cfg.Sources, o.sources)
	for platform, adapter := range o.adapters {
		cfg.Adapters[platform] = adapter
	}
	for platform, adapter := range cfg.Adapters {
		cfg.Adapters[platform] = a.meters.adapter(platform, adapter)
	}
	for i, account := range cfg.Kie {
		cfg.Kie[i].Client = meteredKie{account.Client, a.meters}
	}
	cfg.Observer = a.meters
	if len(s.webhookKeys) > 0 {
		cfg.Verifier = &kie.Verifier{Keys: s.webhookKeys}
	}
	a.engine, err = core.New(cfg)
	return err
}

// replicaName is this process among all that work on the database.
func replicaName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "kiebot"
	}
	return host + ":" + strconv.Itoa(os.Getpid())
}

// kieClient opens a Kie account. It tries nothing twice: who calls it decides that.
func (s settings) kieClient(k kieKey, log *slog.Logger) (*kie.Client, error) {
	return kie.New(kie.Config{APIKey: k.key, BaseURL: s.kieURL, UploadURL: s.uploadURL, UserAgent: "kiebot/" + version(), Logger: log, Tries: 1})
}

// kieAccounts makes a client for each key.
func (s settings) kieAccounts(log *slog.Logger) ([]core.KieAccount, error) {
	var all []core.KieAccount
	for _, k := range s.kieKeys {
		client, err := s.kieClient(k, log)
		if err != nil {
			return nil, err
		}
		all = append(all, core.KieAccount{Name: k.name, Client: client})
	}
	return all, nil
}

func newSpool(s settings, observe func(error)) (*media.Spool, error) {
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{s.kieURL}, UserAgent: "kiebot/" + version(), Observe: observe})
	if err != nil {
		return nil, err
	}
	return media.OpenSpool(filepath.Join(s.dataDir, "media"), fetcher)
}

// routes fills the one mux of the process.
func (a *app) routes(links *media.Links, spool *media.Spool) {
	a.mux.Handle("POST /hooks/kie/{task}/{token}", a.engine.CallbackHandler())
	a.mux.Handle(media.LinkPrefix, links.Handler(spool, a.engine.Bring))
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	a.mux.HandleFunc("GET /readyz", a.readyz)
	if a.telegram != nil {
		a.mux.Handle("POST "+telegram.WebhookPath, a.telegram.Handler())
	}
	if a.discord != nil {
		a.mux.Handle("POST "+discord.WebhookPath, a.discord.Handler())
	}
	a.mux.Handle(console.Path, a.desk.Handler())
	a.mux.Handle(console.Path+"/", a.desk.Handler())
	a.mux.Handle("/", a.page.Handler())
	a.handler = timely(a.meters.requests(a.mux))
}

// answer says in words whether all is well.
func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// secret is what this installation's keys are derived from: made once and kept in the store.
func (a *app) secret(ctx context.Context) ([]byte, error) {
	const name = "installation_secret"
	var secret []byte
	err := a.store.Update(ctx, func(tx core.Tx) error {
		var err error
		if secret, err = tx.Setting(name); !errors.Is(err, core.ErrNotFound) {
			return err
		}
		secret = make([]byte, sha256.Size)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		return tx.PutSetting(name, secret)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the installation's secret: %w", err)
	}
	return secret, nil
}

// derive makes a key for one purpose.
func derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "kiebot "+purpose, sha256.Size)
	if err != nil {
		panic(err) // only for lengths that sha256 cannot make
	}
	return key
}

func (a *app) close() error { return a.store.Close() }

// shutdownFor is how long requests may take to end after a stop; with the
// engine's eight seconds a stop takes less than ten.
const shutdownFor = time.Second

// bodyFor is how long the body of a request may take; none is larger than a
// command or an update.
const bodyFor = 15 * time.Second

// timely cuts off who sends a body too slowly. Answers may take as long as they
// want, as the chat's events do.
func timely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyFor)) // every connection of ours has one
		}
		next.ServeHTTP(w, r)
	})
}

// move moves tasks until ctx ends. After a time without its database it goes on
// with what nobody has taken over meanwhile, and it waits for one that is away
// while it starts.
func (a *app) move(ctx context.Context) error {
	for {
		err := a.engine.Run(ctx)
		switch _, remote := a.store.(*postgres.Store); {
		case err == nil, ctx.Err() != nil, errors.Is(err, core.ErrStoreClosed):
			return err
		case errors.Is(err, core.ErrLeaseLost):
			a.log.Warn("the database was away for so long that others may have taken over what was under way; what they have not is taken up again", "error", err)
		case remote:
			a.log.Error("the work could not begin; it is tried again", "wait", beginAgain, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(beginAgain):
			}
		default:
			return err
		}
	}
}

// beginAgain is how long a database that is away is left alone.
const beginAgain = time.Second

// run moves tasks, and serves through the front, which is open, until ctx ends.
func (a *app) run(ctx context.Context, front *front) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var served, moved error
	var parts sync.WaitGroup
	parts.Go(func() {
		defer cancel()
		moved = a.move(ctx)
	})
	parts.Go(func() { a.models.watch(ctx, a.log) })
	parts.Go(func() { a.supervised(ctx) })
	if a.forMetrics != nil {
		parts.Go(func() { a.serveMetrics(ctx, a.forMetrics) })
	}
	parts.Go(func() { a.serveLocal(ctx) })
	parts.Go(func() { a.backupPlan(ctx) })
	var telegramEnded, discordEnded error
	if a.telegram != nil {
		parts.Go(func() {
			defer cancel()
			telegramEnded = a.telegram.Run(ctx)
		})
	}
	if a.discord != nil {
		parts.Go(func() {
			defer cancel()
			discordEnded = a.discord.Run(ctx)
		})
	}
	select {
	case <-ctx.Done():
	case served = <-front.ended:
		served = fmt.Errorf("serving: %w", served)
		cancel()
	}
	a.stopping.Store(true) // from here on the front takes nothing, and says so
	a.log.Info("stopping")
	a.page.Close()
	a.desk.Close()
	parts.Wait()
	late, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownFor)
	defer done()
	if front.server.Shutdown(late) != nil {
		front.close()
	}
	return errors.Join(served, moved, telegramEnded, discordEnded)
}

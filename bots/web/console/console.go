package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"kiebot/bots"
	"kiebot/bots/web/site"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Path is where the console lives; the [Console.Handler] has to be mounted
// there and below.
const Path = "/console"

// Catalog is the part of catalog.Catalog that the console shows. It may answer
// differently from call to call.
type Catalog interface {
	core.Catalog
	Families(kind ...catalog.Kind) []catalog.Family
}

// Config is what a Console needs. Engine, Store, Bot, Catalog, Links and Key are
// required; the zero value of everything else is a sensible default.
type Config struct {
	Engine  *core.Engine
	Store   core.Store // the engine's; keeps who was let in
	Bot     *bots.Bot  // does what admins want
	Catalog Catalog
	Links   *media.Links // signs the links to files; its handler is mounted by the caller

	// Key signs what forms carry, at least 32 bytes. It is copied nowhere else.
	Key []byte
	// Password lets people in. Empty means that only invitations do.
	Password string
	// PublicURL is the address under which the console is reached from outside.
	PublicURL string

	Locale   string         // the language; one that has no texts here means English
	Location *time.Location // in which times are shown; nil means UTC
	Version  string         // shown on the pages; may be empty

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil means time.Now
}

// Console is the operator's console. Its methods may be called concurrently.
type Console struct {
	cfg    Config
	log    *slog.Logger
	door   *door
	say    texts
	pages  map[string]*template.Template
	assets site.Assets
	live   live
}

// New checks the configuration and reads the embedded pages. It starts nothing.
func New(cfg Config) (*Console, error) {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Bot == nil || cfg.Catalog == nil || cfg.Links == nil {
		return nil, errors.New("console: Config.Engine, Store, Bot, Catalog and Links are required")
	}
	if len(cfg.Key) < 32 {
		return nil, errors.New("console: Config.Key has fewer than 32 bytes")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	c := &Console{cfg: cfg, log: cfg.Logger}
	var err error
	if c.door, err = newDoor(cfg); err != nil {
		return nil, fmt.Errorf("console: Config.PublicURL: %w", err)
	}
	if c.say, err = readTexts(cfg.Locale); err != nil {
		return nil, err
	}
	if c.assets, err = site.ReadAssets(embedded); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.pages, err = c.readPages()
	return c, err
}

// Close ends all event streams, so that an http.Server can shut down at once.
func (c *Console) Close() { c.live.close() }

// Invite makes a link, as a path with a query, that lets one browser in until
// the time, at any replica. It needs no password, so only somebody who may read
// the data folder should be able to get one.
func (c *Console) Invite(ctx context.Context) (path string, until time.Time, err error) {
	secret, until, err := c.door.invite(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	return Path + "/enter?" + url.Values{"key": {secret}}.Encode(), until, nil
}

// Guesses counts what was tried to get in.
func (c *Console) Guesses() Guesses { return c.door.guesses.counted() }

// bodyMax is how long a form may be.
const bodyMax = 64 << 10

// Handler serves the console under Path.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Path+"/assets/{name}", c.assets)
	mux.HandleFunc("GET "+Path+"/login", c.loginPage)
	mux.HandleFunc("POST "+Path+"/login", c.form(c.login))
	mux.HandleFunc("GET "+Path+"/enter", c.enterPage)
	mux.HandleFunc("POST "+Path+"/enter", c.form(c.enter))
	for path, page := range c.inside() {
		mux.HandleFunc("GET "+Path+path, c.guard(page))
	}
	mux.HandleFunc("GET "+Path+"/events", c.events)
	mux.HandleFunc("POST "+Path+"/act", c.form(c.guard(c.act)))
	mux.HandleFunc("POST "+Path+"/logout", c.form(c.guard(c.logout)))
	origins := http.NewCrossOriginProtection()
	if c.door.public != nil {
		// Scheme and host of an address that was parsed are an origin.
		_ = origins.AddTrustedOrigin(c.door.public.Scheme + "://" + c.door.public.Host)
	}
	origins.SetDenyHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.log.Warn("a form of the console came from another site", "address", addressOf(r))
		c.problem(rw, r, http.StatusForbidden, "problem.origin")
	}))
	return protected(origins.Handler(http.MaxBytesHandler(mux, bodyMax)))
}

// inside are the pages that only who was let in sees, by their paths.
func (c *Console) inside() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"":                c.nowPage,
		"/tasks":          c.tasksPage,
		"/tasks/{id}":     c.taskPage,
		"/accounts":       c.accountsPage,
		"/accounts/{who}": c.accountPage,
		"/spending":       c.spendingPage,
		"/models":         c.modelsPage,
		"/audit":          c.auditPage,
		"/replicas":       c.replicasPage,
		"/{anything...}":  c.nothingHere,
	}
}

// protected guards what next answers: console.js makes elements of what comes
// from here, so it has a policy of its own, and nothing is kept but assets.
func protected(next http.Handler) http.Handler {
	return site.Protect(contentPolicy(), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	}))
}

func contentPolicy() string { return site.ContentPolicy("console") }

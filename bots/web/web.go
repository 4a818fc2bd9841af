package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"kiebot/bots"
	"kiebot/bots/web/site"
	"kiebot/core"
	"kiebot/core/media"
)

// Platform is the name of this adapter in identities and lanes.
const Platform = "web"

// Engine is the part of core.Engine that the chat uses.
type Engine interface {
	History(ctx context.Context, who core.Identity, before core.TaskID, limit int) ([]core.Task, error)
	Snapshot(ctx context.Context, lead core.TaskID) (core.Parcel, error)
	OnAnnounced(topic string, heard func(data json.RawMessage))
	Announce(ctx context.Context, topic string, data json.RawMessage) error
}

// Bot is bots.Bot: it answers people and finds the words.
type Bot interface {
	Command(ctx context.Context, in bots.Incoming) bots.Reply
	Press(ctx context.Context, in bots.Incoming, data string) bots.Reply
	Show(ctx context.Context, p core.Parcel) bots.Message
	Suggest(text, locale string) []bots.Suggestion
}

// Config is what a Web needs. Engine, Bot, Catalog, Links and Identity.User are
// required; the zero value of everything else is a sensible default.
type Config struct {
	Engine  Engine
	Bot     Bot
	Catalog core.Catalog // says what shape a result will have before it is there
	Links   *media.Links // signs the links to files; its handler is mounted by the caller

	// Access is the token in the link that lets a browser in. Empty lets
	// everybody in who addresses the page by an IP address, as localhost or by
	// the host of PublicURL.
	Access string
	// PublicURL is the address under which the page is reached from outside.
	PublicURL string

	Identity core.Identity // the person at the page; Platform may be left empty
	Name     string        // how to address the person
	Locale   string        // language of people whose browser asks for none that exists; empty means English
	Version  string        // shown on the page; may be empty
	Demo     bool          // the page says that nothing costs anything
	// Console makes an address that opens the operator's console, for whoever
	// may use the page; nil when the page leads to none.
	Console func(context.Context) (string, error)

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil means time.Now
}

// Web is the browser chat. Its methods may be called concurrently.
type Web struct {
	cfg    Config
	log    *slog.Logger
	lane   core.Lane
	hub    hub
	gate   *gate
	texts  map[string]texts
	pages  *template.Template
	assets site.Assets
}

// New checks the configuration and reads the embedded page. It starts nothing.
// It is called before the engine runs.
func New(cfg Config) (*Web, error) {
	if cfg.Engine == nil || cfg.Bot == nil || cfg.Catalog == nil || cfg.Links == nil {
		return nil, errors.New("web: Config.Engine, Bot, Catalog and Links are required")
	}
	if cfg.Identity.Platform == "" {
		cfg.Identity.Platform = Platform
	}
	if cfg.Identity.Platform != Platform || cfg.Identity.User == "" {
		return nil, fmt.Errorf("web: Config.Identity is %q, want a user of platform %q", cfg.Identity, Platform)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	w := &Web{cfg: cfg, log: cfg.Logger, lane: core.NewLane(Platform, cfg.Identity.User)}
	var err error
	if w.gate, err = newGate(cfg.Access, cfg.PublicURL); err != nil {
		return nil, err
	}
	if w.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if w.assets, err = site.ReadAssets(embedded); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if w.pages, err = template.ParseFS(embedded, "*.html"); err != nil {
		return nil, fmt.Errorf("web: reading the pages: %w", err)
	}
	cfg.Engine.OnAnnounced(topic, w.heard)
	return w, nil
}

// topic is under which replicas tell each other what they show. What they say
// is a message, as pages read it.
const topic = Platform

// heard passes on to the pages here what another replica shows.
func (w *Web) heard(data json.RawMessage) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		w.log.Error("reading a message of another replica", "error", err)
		return
	}
	w.hub.publish(m.ID, m.Final, data)
}

// Close ends all event streams, so that an http.Server can shut down at once.
// Deliver goes on working: pages see the result when they connect again.
func (w *Web) Close() { w.hub.close() }

// receipt is what Deliver leaves with the batch. The engine sends progress only
// after a first one, whatever it holds.
type receipt struct {
	// Details is the line under the end as it was shown: it speaks of the
	// credits that were left then, and a page that loads later says the same.
	Details string `json:"details,omitempty"`
}

// Deliver implements core.Adapter. It never waits for a page: one that cannot
// keep up is disconnected and gets everything when it is back. Pages at other
// replicas hear of it in one more commit: the engine calls for one message after
// the other, and edits progress seldom enough for that.
func (w *Web) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	m := newsMessage(p.Delivery)
	if p.Delivery.Kind != core.DeliverNews {
		m = w.message(ctx, p)
	}
	var left receipt
	if m.Final {
		left.Details = m.Details
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, &core.DeliveryError{Permanent: true, Err: fmt.Errorf("encoding a message: %w", err)}
	}
	w.hub.publish(m.ID, m.Final, data)
	if err := w.cfg.Engine.Announce(ctx, topic, data); err != nil {
		return nil, fmt.Errorf("telling other replicas what to show: %w", err)
	}
	return json.Marshal(left)
}

// Handler serves the page, its parts and its API. It is meant for the root of
// a host; links to files (media.LinkPrefix) have to be mounted beside it.
func (w *Web) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.page)
	mux.Handle("GET /assets/{name}", w.assets)
	if w.cfg.Console != nil {
		mux.HandleFunc("GET "+consolePath, w.console)
	}
	mux.HandleFunc("GET /api/events", w.events)
	mux.HandleFunc("GET /api/suggest", w.suggest)
	mux.HandleFunc("POST /api/command", w.command)
	mux.HandleFunc("POST /api/press", w.press)
	// Browsers tell where a request comes from; nothing but this page may act for the person.
	return site.Protect(site.ContentPolicy("'none'"), w.guard(http.NewCrossOriginProtection().Handler(mux)))
}

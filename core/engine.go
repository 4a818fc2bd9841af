package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
)

// Adapter shows deliveries on one chat platform.
type Adapter interface {
	// Deliver shows the parcel and returns when the platform has answered.
	// The receipt is stored and comes back as Parcel.Shown with the batch's
	// next delivery, so that a message can be edited in place; nil keeps the
	// one before. A batch without a receipt gets no progress edits.
	//
	// Calls for one lane come one at a time. One delivery is shown twice only
	// when the answer was lost or the process died before the receipt was
	// committed: Delivery.ID is then the same, for platforms that recognise a
	// repeated call. A *DeliveryError says whether, when and where to try
	// again; any other error is tried again with backoff, for a day at least.
	// A receipt beside the error says how much was shown before it, where that
	// takes several calls: the next attempt has it as Delivery.Part. So that a
	// kill between two calls repeats none, Parcel.Keep stores it in between.
	Deliver(ctx context.Context, p Parcel) (receipt json.RawMessage, err error)
}

// Parcel is a delivery with everything needed to show it. The adapter must
// not change it. When the first task's MovedTo is set, the batch was asked for
// elsewhere and the message should say so.
type Parcel struct {
	Delivery Delivery
	Tasks    []Task // the batch, in order; none for news
	// Shown is the adapter's receipt of the batch's earlier delivery, nil at first.
	Shown json.RawMessage
	// Copied is, for show, the adapter's receipt of the end that is shown once
	// more; nil when it was shown on another platform, or never.
	Copied json.RawMessage
	// Position is the lead's place in the queue, 1 for the next; 0 when unknown or not queued.
	Position int
	// Paused says why nothing is created at the moment, empty when all is well.
	Paused Reason
	// Resume is when a paused engine tries again; zero when an admin paused it.
	Resume time.Time
	// Patience is until when a queued batch waits for what it cannot do without.
	Patience time.Time
	// Usual is how long the model mostly takes at Kie; 0 when too little is known of it.
	Usual time.Duration
	// Keep stores what becomes Delivery.Part, before it returns nil; it may be
	// called during Deliver only. Nil for progress, which is never repeated.
	Keep func(ctx context.Context, part json.RawMessage) error
}

// DeliveryError is what an adapter returns when it knows more than "it failed".
type DeliveryError struct {
	// Permanent says that trying again in this lane cannot help: blocked, chat
	// gone, no permission.
	Permanent bool
	// Fallback is where it can be shown instead when Permanent, such as the
	// person's direct messages; empty when nowhere.
	Fallback Lane
	// RetryAfter is what the platform asked for: nothing is shown in the lane
	// before it has passed, from the return of Deliver. Zero leaves it to the engine.
	RetryAfter time.Duration
	// Everywhere says that RetryAfter is about the whole platform.
	Everywhere bool
	// Err is the cause. Its text is logged and kept for the operator: no
	// token, no link with one.
	Err error
}

// Error is the cause's text.
func (e *DeliveryError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Catalog is the part of catalog.Catalog that the engine uses. It may answer
// differently from call to call: an operator's file can change while kiebot runs.
type Catalog interface {
	Lookup(name string) (catalog.Model, error)
}

// Limit is how many credits a window allows.
type Limit Credits

// Unlimited is the Limit that refuses nothing.
const Unlimited Limit = -1

// Config is what an Engine needs. Store, Kie, Catalog, Spool and Adapters are
// required; the zero value of everything else is a sensible default.
type Config struct {
	Store    Store
	Kie      []KieAccount // at least one
	Catalog  Catalog
	Spool    *media.Spool
	Adapters map[string]Adapter // by Identity.Platform
	Sources  map[string]Source  // by Identity.Platform; of those that take files

	// UserDaily is what one account may use per calendar day in Location.
	UserDaily Limit
	// Policy is the other rules about credits, until admins change them; what
	// is nil is unlimited, but for Policy.User.Daily, which is UserDaily then.
	Policy   Policy
	Location *time.Location // nil means UTC

	// CallbackBase is the public address that /hooks/kie/… hangs under; empty means polling only.
	CallbackBase string
	// Verifier checks Kie's signature on callbacks; nil when no key is configured.
	Verifier *kie.Verifier

	// Retention is how long finished tasks and the days of the ledger are
	// kept; zero means 90 days. It is counted from when the end of a batch was
	// shown or given up: what still waits for that is kept.
	Retention time.Duration

	// LowBalance is what a Kie account may have before the operator is alerted,
	// once, until it has had a tenth more.
	LowBalance Credits

	// Alert tells the operator something, and returns nil when that is done.
	// Until then the alert is kept in the store, across restarts, and handed
	// over again with backoff; so the same one (Alert.ID) may come twice. Of
	// more than 100 that wait only the newest are kept. Calls come one at a
	// time, the oldest alert first, and have 30 seconds. Nil means that alerts
	// are only logged.
	Alert func(context.Context, Alert) error

	// MediaKept bounds the spool; a zero field means 336 h, or 10 GiB. What
	// waits to be shown is kept beyond that.
	MediaKept media.Limits

	// UploadBytes is how much of files is handed to the adapters of one
	// platform at once, as long as it is more than one batch; zero means 256 MiB.
	UploadBytes int64

	// Grace is how long an unresolved task waits for a callback to claim it.
	// Zero means 15 minutes with a CallbackBase, one minute without.
	Grace time.Duration

	// Name is what people read as the owner of the lease, such as the machine; a
	// random one when empty.
	Name string

	// Lease is how long the lease lasts unless it is renewed, and so how long
	// other processes on the same store wait before they take over a dead one's
	// duties. Zero means 30 seconds.
	Lease time.Duration

	// Observer hears of what was committed; nil for nobody.
	Observer Observer

	Now    func() time.Time // nil means time.Now
	Rand   io.Reader        // nil means crypto/rand
	Logger *slog.Logger     // nil discards
}

// Times that the engine keeps. They are contracts with people, so they stand here together.
const (
	SeenFor      = 48 * time.Hour  // how long a repeated update is recognised
	KeyPatience  = time.Hour       // how long a task waits for a usable key
	emptyFor     = 2 * time.Minute // how long a success without outputs is read again
	stopFor      = 8 * time.Second // how long a stop waits for answers that are under way
	maxBackoff   = 5 * time.Minute // between two tries of one delivery
	statusReads  = 10              // reads of Kie's status per second, at most
	readersMax   = 16              // reads under way at once
	uploadsMax   = 4               // tasks whose files are given to Kie at once
	createFor    = time.Minute     // how long an answer to createTask is awaited
	readFor      = 30 * time.Second
	keyPark      = time.Minute     // between two tries of a parked key
	storePause   = 5 * time.Second // after the store has failed, before a task is looked at again
	creationsMax = 20              // per creationsPer: Kie's limit for one account
	creationsPer = 10 * time.Second
)

// Engine moves tasks: it accepts requests, creates them at Kie, follows them
// and delivers the results. Every exported method may be called concurrently,
// before, during and after Run.
type Engine struct {
	cfg   Config
	store Store
	log   *slog.Logger
	ids   *ids
	name  string // owner of the lease
	posts *posts // the duties that this replica can have

	topics   map[string]func(json.RawMessage) // who hears what is announced
	prefixes map[string]func(string)          // and who of settings

	secret   callbackSecret
	kies     []*kieAccount // as configured, never empty
	probing  chan struct{} // has room for measuresMax
	bringing chan struct{} // has room for bringMax
	creator  *turns        // queued tasks
	uploads  *turns        // queued tasks whose turn came, with files that Kie does not have yet
	graces   *schedule     // unresolved tasks, by the end of their grace time
	clocks   *schedule     // running tasks, by when their chats show a later time
	learned  *durations
	courier  *courier
	places   *positions    // of queued tasks, as their messages say
	alerted  chan struct{} // has room for one: "there is a new alert"
	full     chan struct{} // has room for one: "the spool is above its bound"
	unkept   chan []string // keys of files that another replica has forgotten

	decoded  atomic.Pointer[policyInForce]
	pause    pauseKnown
	overview overviews
	spending spendings
	running  atomic.Bool
	resumed  atomic.Bool
	lease    atomic.Pointer[Lease]     // nil while nothing runs
	until    atomic.Pointer[time.Time] // when the lease expires, at the earliest
	reread   chan struct{}             // has room for one: "another replica has set something"

	recalling sync.Mutex
	recalled  bool // accounts that were parked are parked again
}

// New checks the configuration. Nothing runs and nothing is read until Run.
func New(cfg Config) (*Engine, error) {
	var missing []error
	for name, there := range map[string]bool{
		"Store": cfg.Store != nil, "Kie": len(cfg.Kie) > 0, "Catalog": cfg.Catalog != nil,
		"Spool": cfg.Spool != nil, "Adapters": len(cfg.Adapters) > 0,
	} {
		if !there {
			missing = append(missing, fmt.Errorf("core: Config.%s is required", name))
		}
	}
	e := &Engine{cfg: cfg.withDefaults(), store: cfg.Store}
	e.log = e.cfg.Logger
	e.ids = &ids{rand: e.cfg.Rand}
	e.probing = make(chan struct{}, measuresMax)
	e.bringing = make(chan struct{}, bringMax)
	e.alerted = make(chan struct{}, 1)
	e.full = make(chan struct{}, 1)
	e.unkept = make(chan []string, unkeptMax)
	e.reread = make(chan struct{}, 1)
	e.posts = newPosts()
	e.topics, e.prefixes = map[string]func(json.RawMessage){filesTopic: e.hearFiles}, map[string]func(string){}
	e.posts.add(&post{duty: DutyChores, do: e.chores})
	e.creator = newTurns(e.cfg.Now)
	e.uploads = newTurns(e.cfg.Now)
	e.graces = newSchedule(e.cfg.Now)
	e.clocks = newSchedule(e.cfg.Now)
	e.learned = newDurations()
	e.places = newPositions()
	if wrong := append(missing, append(e.openKieAccounts(), e.cfg.Policy.Prompts.compile())...); errors.Join(wrong...) != nil {
		return nil, errors.Join(wrong...)
	}
	e.courier = newCourier(e)
	if e.name = e.cfg.Name; e.name == "" {
		name, err := e.ids.next(e.cfg.Now())
		if err != nil {
			return nil, err
		}
		e.name = name
	}
	return e, nil
}

func (c Config) withDefaults() Config {
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Policy.User.Daily == nil {
		c.Policy.User.Daily = &c.UserDaily
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Retention == 0 {
		c.Retention = retention
	}
	c.Lease = cmp.Or(c.Lease, leaseFor)
	c.UploadBytes = cmp.Or(c.UploadBytes, uploadBytes)
	c.MediaKept.Retention = cmp.Or(c.MediaKept.Retention, mediaRetention)
	c.MediaKept.Bytes = cmp.Or(c.MediaKept.Bytes, mediaMax)
	if c.Grace == 0 && c.CallbackBase != "" {
		c.Grace = 15 * time.Minute
	}
	if c.Grace == 0 {
		c.Grace = time.Minute
	}
	if c.Policy.Prompts != nil {
		list := *c.Policy.Prompts
		c.Policy.Prompts = &list
	}
	return c
}

var errRunning = errors.New("core: the engine is running already")

// Run resumes everything that was under way and moves tasks until ctx ends.
// It then lets answers that are under way arrive, for at most eight seconds,
// and returns nil. An error means that the store could not be read at the
// start, or that the lease on the work was lost (ErrLeaseLost). It may be
// called again after it returned.
func (e *Engine) Run(ctx context.Context) error {
	if !e.running.CompareAndSwap(false, true) {
		return errRunning
	}
	defer e.running.Store(false)
	e.forgetPlans()
	return e.leased(ctx, e.work)
}

// Resumed reports whether Run has taken up everything that was under way, and
// works on it.
func (e *Engine) Resumed() bool { return e.resumed.Load() }

// work resumes what was under way and runs the loops until ctx ends.
func (e *Engine) work(ctx context.Context) error {
	work, stop := drainContext(ctx, stopFor)
	defer stop()
	if err := e.resume(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("resuming what was under way: %w", err)
	}
	e.resumed.Store(true)
	defer e.resumed.Store(false)
	var loops sync.WaitGroup
	loops.Go(func() { e.dutyLoop(ctx) })
	loops.Go(func() { e.staleLoop(ctx) })
	loops.Go(func() { e.createLoop(ctx, work) })
	for range uploadsMax {
		loops.Go(func() { e.uploadLoop(ctx, work) })
	}
	loops.Go(func() { e.graceLoop(ctx) })
	loops.Go(func() { e.clockLoop(ctx) })
	loops.Go(func() { e.positionLoop(ctx) })
	loops.Go(func() { e.courier.run(ctx, work) })
	loops.Go(func() { e.sweepLoop(ctx) })
	loops.Wait()
	return nil
}

// chores does what is done once for the store, until ctx ends.
func (e *Engine) chores(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { e.pruneLoop(ctx) })
	loops.Go(func() { e.alertLoop(ctx) })
	loops.Wait()
}

// drainContext outlives ctx by at most d.
func drainContext(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return work, func() { stop(); cancel() }
}

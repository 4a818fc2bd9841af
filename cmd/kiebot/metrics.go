package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
)

// meters counts what goes on, for Prometheus. No label names a person, a chat
// or a task. It implements core.Observer.
type meters struct {
	set    *metrics.Set
	models core.Catalog
	latest atomic.Pointer[core.Overview] // nil while it cannot be read
	ready  atomic.Bool                   // when the metrics were asked for

	// Those without labels, which are counted most, need not be looked up.
	waits, shows, commits *metrics.PrometheusHistogram
	updates               *metrics.Counter

	quick, slow []float64 // the bounds of histograms, in seconds
}

// family is a metric with all its labels.
type family struct{ name, kind, help string }

// families are the metrics, with what is said about them where they are read.
func families() []family {
	return []family{
		{"kiebot_build_info", "gauge", "The version that runs, as a label; always 1."},
		{"kiebot_tasks", "gauge", "Tasks that are not final, by state."},
		{"kiebot_tasks_moved_total", "counter", "Changes of state, by the state that was reached and the kind of model; queued is what was accepted."},
		{"kiebot_tasks_refunded_total", "counter", "Tasks that cost nothing after all, by why: the state they ended in, or operator."},
		{"kiebot_task_wait_seconds", "histogram", "From acceptance to Kie having the task."},
		{"kiebot_task_duration_seconds", "histogram", "From Kie having the task to its end, by kind of model."},
		{"kiebot_task_shown_seconds", "histogram", "From the end of a task to its being shown in the chat."},
		{"kiebot_credits_held", "gauge", "Credits held today for tasks under way."},
		{"kiebot_credits_total", "counter", "Credits booked, by what was done: held, settled, lost by the operator, granted."},
		{"kiebot_deliveries_total", "counter", "Attempts to show something in a chat, by platform and outcome."},
		{"kiebot_delivery_duration_seconds", "histogram", "How long an attempt took, by platform."},
		{"kiebot_deliveries_waiting", "gauge", "Deliveries that wait to be shown."},
		{"kiebot_deliveries_failing", "gauge", "Of those, the ones that failed at least once."},
		{"kiebot_delivery_lag_seconds", "gauge", "How long the oldest delivery has been waiting."},
		{"kiebot_platform_calls_total", "counter", "Calls to the platforms' APIs, by platform and outcome: ok, told_to_wait, refused, failed, unanswered."},
		{"kiebot_retries_total", "counter", "What is done again after a failure: a delivery, a creation that Kie surely did not take, a reading of a task at Kie."},
		{"kiebot_callbacks_total", "counter", "Callbacks from Kie, by the HTTP status that they were answered with."},
		{"kiebot_store_commit_seconds", "histogram", "How long a commit took, with the updates in it."},
		{"kiebot_store_updates_total", "counter", "Updates that were committed."},
		{"kiebot_store_bytes", "gauge", "Size of the database, when it is a file."},
		{"kiebot_kie_requests_total", "counter", "Requests to Kie, by operation, what came of them, and the code that Kie answered with; none is no answer."},
		{"kiebot_kie_request_seconds", "histogram", "How long Kie took to answer, by operation."},
		{"kiebot_kie_balance_credits", "gauge", "Credits of each Kie account that this replica has, when that was read last."},
		{"kiebot_kie_parked", "gauge", "1 while nothing is created at the Kie account, of those that this replica has."},
		{"kiebot_fetches_total", "counter", "Results fetched from Kie, by outcome; blocked_address is one that is not fetched from."},
		{"kiebot_console_guesses_total", "counter", "Failed attempts to get into the console: wrong, or refused unseen after too many."},
		{"kiebot_http_requests_total", "counter", "Requests that came in, by route and HTTP status."},
		{"kiebot_platform_connected", "gauge", "1 while updates of the platform can come, of those that this replica receives."},
		{"kiebot_ready", "gauge", "1 while kiebot is ready; /readyz says what is missing."},
		{"kiebot_replicas", "gauge", "Processes that work on the database, by their leases."},
		{"kiebot_replica_duties", "gauge", "Duties that this replica has, by kind."},
		{"kiebot_duty_held", "gauge", "1 while this replica has the duty; those to show deliveries are not listed."},
		{"kiebot_duties_free", "gauge", "Duties that no replica has."},
		{"kiebot_lease_seconds_left", "gauge", "How long the lease of this replica lasts unless it is renewed."},
	}
}

func newMeters(models core.Catalog) *meters {
	set := metrics.NewSet()
	quick := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow := []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 10800}
	m := &meters{
		set: set, models: models, quick: quick, slow: slow,
		waits:   set.NewPrometheusHistogramExt("kiebot_task_wait_seconds", slow),
		shows:   set.NewPrometheusHistogramExt("kiebot_task_shown_seconds", quick),
		commits: set.NewPrometheusHistogramExt("kiebot_store_commit_seconds", quick),
		updates: set.NewCounter("kiebot_store_updates_total"),
	}
	m.gauge("kiebot_build_info", func() float64 { return 1 }, "version", version())
	return m
}

// named is a metric's name with its labels, pairs of name and value.
func named(name string, labels ...string) string {
	var out strings.Builder
	out.WriteString(name)
	before := "{"
	for i := 0; i < len(labels); i += 2 {
		out.WriteString(before + labels[i] + "=" + strconv.Quote(labels[i+1]))
		before = ","
	}
	if len(labels) > 0 {
		out.WriteString("}")
	}
	return out.String()
}

func (m *meters) count(name string, labels ...string) {
	m.set.GetOrCreateCounter(named(name, labels...)).Inc()
}

func (m *meters) add(name string, amount float64, labels ...string) {
	m.set.GetOrCreateFloatCounter(named(name, labels...)).Add(amount)
}

func (m *meters) gauge(name string, read func() float64, labels ...string) {
	m.set.NewGauge(named(name, labels...), read)
}

// took notes a length of time; those of which nobody knows the beginning are left out.
func (m *meters) took(name string, bounds []float64, d time.Duration, labels ...string) {
	if d >= 0 {
		m.set.GetOrCreatePrometheusHistogramExt(named(name, labels...), bounds).Update(d.Seconds())
	}
}

// lasted notes a length of time without labels.
func lasted(in *metrics.PrometheusHistogram, d time.Duration) {
	if d >= 0 {
		in.Update(d.Seconds())
	}
}

// kind is the kind of the task's model.
func (m *meters) kind(t *core.Task) string {
	if model, err := m.models.Lookup(t.Request.Model); err == nil {
		return string(model.Kind)
	}
	return "other"
}

// Moved implements core.Observer.
func (m *meters) Moved(t *core.Task, from core.State) {
	kind := m.kind(t)
	m.count("kiebot_tasks_moved_total", "state", string(t.State), "kind", kind)
	if t.State.Final() && t.Charged == 0 {
		m.count("kiebot_tasks_refunded_total", "why", string(t.State))
	}
	switch {
	case t.State == core.Running && !t.Started.IsZero():
		lasted(m.waits, t.Started.Sub(t.Created))
	case from == core.Creating && t.State == core.Queued:
		m.retried("creation")
	case from == core.Running && t.State.Final() && !t.Started.IsZero():
		m.took("kiebot_task_duration_seconds", m.slow, t.Finished.Sub(t.Started), "kind", kind)
	}
}

// Booked implements core.Observer.
func (m *meters) Booked(e *core.Entry) {
	if e.Kind == core.EntryAdjust && e.Task != "" {
		m.count("kiebot_tasks_refunded_total", "why", "operator")
	}
	for _, p := range e.Postings {
		switch {
		case p.Window.Kind() == core.WindowTotal:
			m.credits("held", p.Held)
			m.credits("settled", p.Settled)
		case p.Window.Kind() == core.WindowLoss:
			m.credits("lost", p.Settled)
		case p.Window.Kind() == core.WindowGranted:
			m.credits("granted", p.Granted)
		}
	}
}

// credits counts what is booked; what is taken back is not, since a counter
// only grows.
func (m *meters) credits(what string, amount core.Credits) {
	if amount > 0 {
		m.add("kiebot_credits_total", amount.Float(), "booked", what)
	}
}

// Shown implements core.Observer.
func (m *meters) Shown(lead *core.Task) {
	if !lead.Finished.IsZero() {
		lasted(m.shows, lead.Delivered.Sub(lead.Finished))
	}
}

// CalledBack implements core.Observer.
func (m *meters) CalledBack(status int) {
	m.count("kiebot_callbacks_total", "code", strconv.Itoa(status))
}

// committed is bolt.Options.Observe.
func (m *meters) committed(updates int, took time.Duration) {
	lasted(m.commits, took)
	m.updates.Add(updates)
}

// retried notes that something is done again.
func (m *meters) retried(what string) { m.count("kiebot_retries_total", "what", what) }

// fetched notes what came of fetching a result.
func (m *meters) fetched(err error) {
	outcome := "ok"
	var failed *media.Error
	switch {
	case errors.As(err, &failed):
		outcome = strings.ReplaceAll(string(failed.Kind), " ", "_")
	case err != nil:
		outcome = "failed"
	}
	m.count("kiebot_fetches_total", "outcome", outcome)
}

// meteredKie counts the requests to one Kie account.
type meteredKie struct {
	core.Kie
	m *meters
}

func (k meteredKie) note(operation string, began time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = strings.ReplaceAll(kie.KindOf(err).String(), " ", "_")
	}
	k.m.count("kiebot_kie_requests_total", "operation", operation, "outcome", outcome, "code", kieCode(err))
	k.m.took("kiebot_kie_request_seconds", k.m.quick, time.Since(began), "operation", operation)
}

// kieCode is the code of Kie's envelope, or the HTTP status where there was no
// envelope. What Kie never answers with is one label, so that no server can
// make very many.
func kieCode(err error) string {
	var failed *kie.Error
	code := http.StatusOK
	switch {
	case errors.As(err, &failed):
		code = cmp.Or(failed.Code, failed.HTTPStatus)
	case err != nil:
		code = 0
	}
	switch {
	case code == 0:
		return "none"
	case code < 100 || code > 599:
		return "other"
	}
	return strconv.Itoa(code)
}

// Create implements core.Kie.
func (k meteredKie) Create(ctx context.Context, r kie.CreateRequest) (ref kie.Ref, err error) {
	defer func(began time.Time) { k.note("create", began, err) }(time.Now())
	return k.Kie.Create(ctx, r)
}

// Status implements core.Kie.
func (k meteredKie) Status(ctx context.Context, ref kie.Ref) (s kie.Status, err error) {
	defer func(began time.Time) {
		k.note("status", began, err)
		if err != nil {
			k.m.retried("status") // nothing is decided by a reading that failed
		}
	}(time.Now())
	return k.Kie.Status(ctx, ref)
}

// Upload implements core.Kie.
func (k meteredKie) Upload(ctx context.Context, f kie.File) (u kie.UploadedFile, err error) {
	defer func(began time.Time) { k.note("upload", began, err) }(time.Now())
	return k.Kie.Upload(ctx, f)
}

// Credits implements core.Kie.
func (k meteredKie) Credits(ctx context.Context) (c kie.Credits, err error) {
	defer func(began time.Time) { k.note("credits", began, err) }(time.Now())
	return k.Kie.Credits(ctx)
}

// meteredAdapter counts what is shown on one platform.
type meteredAdapter struct {
	core.Adapter
	m        *meters
	platform string
}

// Deliver implements core.Adapter.
func (a meteredAdapter) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	if p.Delivery.Attempts > 0 {
		a.m.retried("delivery")
	}
	began := time.Now()
	receipt, err := a.Adapter.Deliver(ctx, p)
	var known *core.DeliveryError
	outcome := "ok"
	switch {
	case errors.As(err, &known) && known.Permanent:
		outcome = "impossible"
	case errors.As(err, &known) && known.RetryAfter > 0:
		outcome = "told_to_wait"
	case err != nil:
		outcome = "failed"
	}
	a.m.count("kiebot_deliveries_total", "platform", a.platform, "outcome", outcome)
	a.m.took("kiebot_delivery_duration_seconds", a.m.quick, time.Since(began), "platform", a.platform)
	return receipt, err
}

// meteredTransport counts the calls to a platform's API.
type meteredTransport struct {
	http.RoundTripper
	m        *meters
	platform string
}

// RoundTrip implements http.RoundTripper.
func (t meteredTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	outcome := "ok"
	switch {
	case err != nil:
		outcome = "unanswered"
	case resp.StatusCode == http.StatusTooManyRequests:
		outcome = "told_to_wait"
	case resp.StatusCode >= 500:
		outcome = "failed"
	case resp.StatusCode >= 300:
		outcome = "refused"
	}
	t.m.count("kiebot_platform_calls_total", "platform", t.platform, "outcome", outcome)
	return resp, err
}

// meteredPaced is a meteredAdapter that has a pace of its own.
type meteredPaced struct {
	meteredAdapter
	core.Paced
}

// adapter counts what the adapter shows.
func (m *meters) adapter(platform string, adapter core.Adapter) core.Adapter {
	metered := meteredAdapter{adapter, m, platform}
	if paced, ok := adapter.(core.Paced); ok {
		return meteredPaced{metered, paced}
	}
	return metered
}

// requests counts the requests that come in, by the route that answers them.
func (m *meters) requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		m.count("kiebot_http_requests_total", "route", route, "code", strconv.Itoa(answer.status))
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	said   bool
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if !w.said {
		w.status, w.said = status, status >= 200
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(data []byte) (int, error) {
	w.said = true
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// meter adds what is read when somebody asks.
func (a *app) meter(s settings) {
	m := a.meters
	for _, state := range core.States() {
		if !state.Final() {
			m.gauge("kiebot_tasks", m.overview(func(o core.Overview) float64 { return float64(o.Tasks[state].Tasks) }), "state", string(state))
		}
	}
	m.gauge("kiebot_console_guesses_total", func() float64 { return float64(a.desk.Guesses().Wrong) }, "outcome", "wrong")
	m.gauge("kiebot_console_guesses_total", func() float64 { return float64(a.desk.Guesses().Refused) }, "outcome", "refused")
	m.gauge("kiebot_ready", func() float64 { return oneIf(m.ready.Load()) })
	m.gauge("kiebot_credits_held", m.overview(func(o core.Overview) float64 { return o.Today.Held.Float() }))
	m.gauge("kiebot_deliveries_waiting", m.overview(func(o core.Overview) float64 { return float64(o.Deliveries) }))
	m.gauge("kiebot_deliveries_failing", m.overview(func(o core.Overview) float64 { return float64(o.BackOff) }))
	m.gauge("kiebot_delivery_lag_seconds", m.overview(func(o core.Overview) float64 { return lag(o, o.Oldest).Seconds() }))
	m.gauge("kiebot_store_bytes", func() float64 {
		info, err := os.Stat(s.database())
		if err != nil {
			return math.NaN()
		}
		return float64(info.Size())
	})
}

// duties are what this replica has and knows at the moment. What another one
// knows is not there.
func (a *app) duties(ctx context.Context) *metrics.Set {
	now := metrics.NewSet()
	put := func(value float64, name string, labels ...string) {
		now.NewGauge(named(name, labels...), nil).Set(value)
	}
	for _, account := range a.engine.KieAccounts() {
		if account.Elsewhere {
			continue
		}
		if !account.AsOf.IsZero() {
			put(account.Balance.Float(), "kiebot_kie_balance_credits", "account", account.Name)
		}
		put(oneIf(account.Parked != ""), "kiebot_kie_parked", "account", account.Name)
	}
	for platform, healthy := range a.platforms() {
		if a.attends(ctx, platform) {
			put(oneIf(healthy() == nil), "kiebot_platform_connected", "platform", platform)
		}
	}
	kinds := map[string]float64{}
	for _, duty := range a.engine.Duties() {
		held := oneIf(a.engine.Has(duty))
		kinds[duty.Kind()] += held
		if duty.Kind() != core.KindLanes {
			put(held, "kiebot_duty_held", "duty", string(duty))
		}
	}
	for kind, held := range kinds {
		put(held, "kiebot_replica_duties", "kind", kind)
	}
	put(a.engine.LeaseLeft().Seconds(), "kiebot_lease_seconds_left")
	if replicas, err := a.engine.Replicas(ctx); err == nil {
		put(float64(len(replicas)), "kiebot_replicas")
		put(float64(a.free(replicas)), "kiebot_duties_free")
	}
	return now
}

// free counts the duties that none of the replicas has.
func (a *app) free(replicas []core.Replica) int {
	free := a.engine.Duties()
	for _, one := range replicas {
		free = slices.DeleteFunc(free, func(d core.Duty) bool { return slices.Contains(one.Duties, d) })
	}
	return len(free)
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// overview gives one number of how things stood when the metrics were asked
// for; NaN, which write leaves out, when that could not be read.
func (m *meters) overview(read func(core.Overview) float64) func() float64 {
	return func() float64 {
		o := m.latest.Load()
		if o == nil {
			return math.NaN()
		}
		return read(*o)
	}
}

// lag is how long something has been waiting that was made then; zero is nothing.
func lag(o core.Overview, made time.Time) time.Duration {
	if made.IsZero() {
		return 0
	}
	return max(o.At.Sub(made), 0)
}

// write writes all metrics, with what they are, and those of the moment. What
// cannot be read is left out.
func (m *meters) write(w io.Writer, now *metrics.Set) error {
	var plain bytes.Buffer
	m.set.WritePrometheus(&plain)
	now.WritePrometheus(&plain)
	metrics.WriteProcessMetrics(&plain)
	lines := map[string][]string{}
	for line := range strings.Lines(plain.String()) {
		if strings.HasSuffix(line, " NaN\n") {
			continue
		}
		name := familyOf(line)
		lines[name] = append(lines[name], line)
	}
	out := bufio.NewWriter(w)
	for _, f := range families() { // also those that nothing was counted of yet
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		writeLines(out, lines[f.name])
		delete(lines, f.name)
	}
	for _, name := range slices.Sorted(maps.Keys(lines)) { // of the process
		writeLines(out, lines[name])
	}
	return out.Flush()
}

func writeLines(out *bufio.Writer, lines []string) {
	for _, line := range lines {
		out.WriteString(line) // Flush has the error
	}
}

// familyOf is the name of the metric that a line is about.
func familyOf(line string) string {
	name := line[:strings.IndexAny(line+" ", "{ ")]
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, part)
	}
	return name
}

// serveMetrics serves /metrics on METRICS_ADDR until ctx ends.
func (a *app) serveMetrics(ctx context.Context, listener net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		o, err := a.engine.Overview(r.Context())
		a.meters.latest.Store(&o)
		if err != nil {
			a.meters.latest.Store(nil)
		}
		a.meters.ready.Store(a.ready(r.Context()) == nil)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = a.meters.write(w, a.duties(r.Context())) // whoever asked has gone
	})
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	a.log.Info("metrics are served", "address", "http://"+listener.Addr().String()+"/metrics")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		a.log.Error("metrics are not served any more", "error", err)
	}
}

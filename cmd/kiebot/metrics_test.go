package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"kiebot/bots/web/console"
	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

var metricsLine = regexp.MustCompile(`http://[0-9.:]+/metrics`)

// metrics are what the process exports, by their names with labels.
func (p *process) metrics() map[string]float64 {
	p.t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(p.exported()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, " ")
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		if err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		all[line[:i]] = value
	}
	return all
}

// exported is what the process exports, as it stands there.
func (p *process) exported() string {
	p.t.Helper()
	return page(p.t)(p.client.Get(p.metricsAddress()))
}

// metricsAddress is where the process says that they are.
func (p *process) metricsAddress() string {
	p.t.Helper()
	var address string
	eventually(p.t, "the address of the metrics is logged", func() bool {
		address = metricsLine.FindString(p.log.String())
		return address != ""
	})
	return address
}

func TestMetrics(t *testing.T) {
	server := quickKie(t)
	p := launch(t, server)
	p.stop() // now the port is known, and Kie calls back
	p.start()
	answer, err := p.command("request-1", "/imagine a cat")
	if err != nil || !answer.Accepted {
		t.Fatalf("%+v, %v", answer, err)
	}
	p.watch("the picture", func(m shown) bool { return m.Final && len(m.Media) > 0 })
	server.NextCreate(kietest.Fail("500", "no"))
	if answer, err = p.command("request-2", "/imagine a dog"); err != nil || !answer.Accepted {
		t.Fatalf("%+v, %v", answer, err)
	}
	p.watch("the end", func(m shown) bool { return m.Final && len(m.Media) == 0 })
	if status, _ := p.send(t.Context(), http.MethodPost, "/hooks/kie/01jd00000000000000/00000000000000000000000000000000", "{}", nil); status != http.StatusForbidden {
		t.Errorf("a forged callback is answered with %d", status)
	}
	enter(t, visitor(t), p.base+console.Path+"/enter?key=guessed")
	got := p.metrics()
	for name, least := range map[string]float64{
		`kiebot_tasks_moved_total{state="queued",kind="image"}`:    2,
		`kiebot_tasks_moved_total{state="succeeded",kind="image"}`: 1,
		`kiebot_tasks_moved_total{state="failed",kind="image"}`:    1,
		`kiebot_tasks_refunded_total{why="failed"}`:                1,
		`kiebot_console_guesses_total{outcome="wrong"}`:            1,
		`kiebot_ready`: 1,
		`kiebot_task_duration_seconds_count{kind="image"}`:                              2,
		`kiebot_task_wait_seconds_count`:                                                2,
		`kiebot_task_shown_seconds_count`:                                               1,
		`kiebot_credits_total{booked="held"}`:                                           1,
		`kiebot_credits_total{booked="settled"}`:                                        1,
		`kiebot_deliveries_total{platform="web",outcome="ok"}`:                          2,
		`kiebot_callbacks_total{code="200"}`:                                            2,
		`kiebot_callbacks_total{code="403"}`:                                            1,
		`kiebot_http_requests_total{route="POST /hooks/kie/{task}/{token}",code="403"}`: 1,
		`kiebot_kie_requests_total{operation="create",outcome="ok",code="200"}`:         2,
		`kiebot_store_updates_total`:                                                    5,
		`kiebot_store_commit_seconds_count`:                                             5,
		`kiebot_store_bytes`:                                                            1,
		`kiebot_kie_balance_credits{account="default"}`:                                 1,
		`kiebot_fetches_total{outcome="ok"}`:                                            1,
		`kiebot_build_info{version=` + strconv.Quote(version()) + `}`:                   1,
	} {
		if got[name] < least {
			t.Errorf("%s is %v, want at least %v", name, got[name], least)
		}
	}
	for _, name := range []string{`kiebot_tasks{state="running"}`, "kiebot_credits_held", `kiebot_kie_parked{account="default"}`} {
		if value, there := got[name]; !there || value != 0 {
			t.Errorf("%s is %v, %v, want 0", name, value, there)
		}
	}
	eventually(t, "nothing waits to be shown", func() bool {
		now := p.metrics()
		return now["kiebot_deliveries_waiting"] == 0 && now["kiebot_delivery_lag_seconds"] == 0
	})
	p.stop()
}

// Every metric has its line in the table, and promtool has nothing against them.
func TestMetricsAreDescribed(t *testing.T) {
	p := launch(t, quickKie(t))
	answer, err := p.command("request-1", "/imagine a cat")
	if err != nil || !answer.Accepted {
		t.Fatalf("%+v, %v", answer, err)
	}
	p.watch("the picture", func(m shown) bool { return m.Final && len(m.Media) > 0 })
	known := map[string]bool{}
	for _, f := range families() {
		known[f.name] = true
	}
	for name := range p.metrics() {
		if family := familyOf(name); strings.HasPrefix(family, "kiebot_") && !known[family] {
			t.Errorf("nothing is said about %s", family)
		}
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: install Debian's package prometheus")
		}
		t.Skip("promtool is not installed; it is in Debian's package prometheus")
	}
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(ours(p.exported()))
	if said, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
	p.stop()
}

// ours are the lines about kiebot: what is said of a process is the library's.
func ours(exported string) string {
	var out strings.Builder
	for line := range strings.Lines(exported) {
		if strings.Contains(line, "kiebot_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// What Kie answers is counted by its code, and what is done again by what it is.
func TestRetriesAreCounted(t *testing.T) {
	server := quickKie(t)
	client, err := kie.New(kie.Config{APIKey: kie.Secret(server.Key()), BaseURL: server.URL(), Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	models, err := settings{}.catalog()
	if err != nil {
		t.Fatal(err)
	}
	m := newMeters(models)
	m.Moved(&core.Task{State: core.Creating}, core.Queued)
	m.Moved(&core.Task{State: core.Queued}, core.Creating) // Kie took nothing
	account := meteredKie{client, m}
	server.NextCreate(kietest.Answer(429, "slow down"))
	server.Next(kietest.CallRecord, kietest.HTML(503))
	if _, err := account.Create(t.Context(), kie.CreateRequest{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}}); err == nil {
		t.Error("a creation is taken that the server refuses")
	}
	if _, err := account.Status(t.Context(), kie.Ref{Endpoint: kie.Jobs, TaskID: "none"}); err == nil {
		t.Error("a task is read that the server does not give")
	}
	server.Close()
	if _, err := account.Credits(t.Context()); err == nil {
		t.Error("a server answers that is gone")
	}
	shown := meteredAdapter{deliverFunc(func(context.Context, core.Parcel) (json.RawMessage, error) { return nil, nil }), m, "web"}
	for attempts := range 3 { // the first is none that is done again
		if _, err := shown.Deliver(t.Context(), core.Parcel{Delivery: core.Delivery{Attempts: attempts}}); err != nil {
			t.Error(err)
		}
	}
	var out bytes.Buffer
	if err := m.write(&out, metrics.NewSet()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`kiebot_kie_requests_total{operation="create",outcome="rate",code="429"} 1`,
		`kiebot_kie_requests_total{operation="status",outcome="temporary",code="503"} 1`,
		`kiebot_kie_requests_total{operation="credits",outcome="temporary",code="none"} 1`,
		`kiebot_retries_total{what="creation"} 1`,
		`kiebot_retries_total{what="status"} 1`,
		`kiebot_retries_total{what="delivery"} 2`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

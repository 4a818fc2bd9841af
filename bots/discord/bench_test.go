//go:build unix

package discord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/storage/bolt"
)

// load is what the process that stands for Discord does: it signs so many
// interactions and posts them, all connections at once or so many a second.
type load struct {
	URL         string
	Count       int
	Connections int
	PerSecond   int // 0: as fast as they are answered
}

// loadOrder is in that process's environment.
const loadOrder = "KIEBOT_BENCH_DISCORD"

// benchKey signs the interactions of benchmarks.
func benchKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

// benchInteraction is /imagine in a guild's channel.
func benchInteraction(n int) []byte {
	id := uint64(time.Now().UnixMilli()-discordEpoch)<<22 + uint64(n)
	return fmt.Appendf(nil, `{"id":"%d","application_id":"1000000000000000001","type":2,"token":"aW50ZXJhY3Rpb24-%d","guild_id":"5","channel_id":"%d",`+
		`"channel":{"id":"6","type":0},"member":{"user":{"id":"%d","username":"p","global_name":"P"},"roles":["8"],"permissions":"2147483647"},"locale":"en-US",`+
		`"app_permissions":"2147483647","authorizing_integration_owners":{"0":"5"},"attachment_size_limit":10485760,"data":{"id":"9","name":"imagine","type":1,`+
		`"options":[{"name":"prompt","type":3,"value":"a cat astronaut on the moon"},{"name":"model","type":3,"value":"imagen4"}]}}`, id, n, 6+n%50, 100+n%200)
}

// TestBenchLoad is that process; otherwise it does nothing. It prints the
// latencies' percentiles.
func TestBenchLoad(t *testing.T) {
	var order load
	if json.Unmarshal([]byte(os.Getenv(loadOrder)), &order) != nil {
		t.Skip("only for benchmarks")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: order.Connections}}
	defer client.CloseIdleConnections()
	var next, bad atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	began := time.Now()
	post := func(n int) {
		body := benchInteraction(n)
		at := strconv.FormatInt(time.Now().Unix(), 10)
		req, err := http.NewRequest(http.MethodPost, order.URL, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set(timestampHeader, at)
		req.Header.Set(signatureHeader, hex.EncodeToString(ed25519.Sign(benchKey(), append([]byte(at), body...))))
		start := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"type":5`) {
			bad.Add(1)
		}
		mu.Lock()
		took = append(took, time.Since(start))
		mu.Unlock()
	}
	var all sync.WaitGroup
	for range order.Connections {
		all.Go(func() {
			for n := int(next.Add(1)); n <= order.Count; n = int(next.Add(1)) {
				if order.PerSecond > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(order.PerSecond))))
				}
				post(n)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Microseconds()) / 1000 }
	fmt.Printf("\nloaded %f %f %f %d\n", time.Since(began).Seconds(), at(0.5), at(0.99), bad.Load())
}

// BenchmarkHTTP measures signed interactions that are verified, understood,
// accepted, which is on the disk, and answered. What posts them is another
// process on this machine, whose time does not count. What follows an
// acceptance is not in it.
func BenchmarkHTTP(b *testing.B) {
	b.Run("flat out", func(b *testing.B) { benchHTTP(b, load{Connections: 64}) })
	b.Run("100 a second", func(b *testing.B) { benchHTTP(b, load{Connections: 64, PerSecond: 100}) })
}

func benchHTTP(b *testing.B, order load) {
	d, stop := benchDiscord(b, Config{PublicKey: hex.EncodeToString(benchKey().Public().(ed25519.PublicKey))})
	defer stop()
	server := httptest.NewServer(d.Handler())
	defer server.Close()
	order.URL, order.Count = server.URL+WebhookPath, b.N
	data, err := json.Marshal(order)
	if err != nil {
		b.Fatal(err)
	}
	idle, used := resident(b), processorTime(b)
	cmd := exec.Command(os.Args[0], "-test.run=^TestBenchLoad$")
	cmd.Env = append(os.Environ(), loadOrder+"="+string(data))
	b.ResetTimer()
	out, err := cmd.Output()
	b.StopTimer()
	used = processorTime(b) - used
	var seconds, p50, p99 float64
	var bad int
	_, report, found := strings.Cut(string(out), "\nloaded ")
	if _, failed := fmt.Sscan(report, &seconds, &p50, &p99, &bad); err != nil || !found || failed != nil || bad > 0 {
		b.Fatalf("%v, %v, %d bad answers: %s", err, failed, bad, out)
	}
	b.ReportMetric(float64(b.N)/seconds, "interactions/s")
	b.ReportMetric(p50, "p50-ms")
	b.ReportMetric(p99, "p99-ms")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "us-cpu/interaction")
	b.ReportMetric(idle, "MiB-idle")
	b.ReportMetric(residentAfter(b), "MiB-after")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGateway measures what the gateway hands over until it is accepted,
// and the answer has left, to a server that takes everything.
func BenchmarkGateway(b *testing.B) {
	d, stop := benchDiscord(b, Config{})
	defer stop()
	idle, used := resident(b), processorTime(b)
	b.ResetTimer()
	room := make(chan struct{}, 256)
	for n := range b.N {
		room <- struct{}{}
		i := &interaction{}
		if err := json.Unmarshal(benchInteraction(n), i); err != nil {
			b.Fatal(err)
		}
		d.work.Go(func() {
			defer func() { <-room }()
			d.handle(b.Context(), &opening{in: i, send: func(ctx context.Context, r response) (message, error) { return d.respondTo(ctx, i, r) }})
		})
	}
	d.work.Wait()
	b.StopTimer()
	used = processorTime(b) - used
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "interactions/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "us-cpu/interaction")
	b.ReportMetric(idle, "MiB-idle")
	b.ReportMetric(residentAfter(b), "MiB-after")
	b.ReportMetric(0, "ns/op")
}

// unasked is a Kie that is never asked: the engine does not run.
type unasked struct{ core.Kie }

// adapterNone shows nothing: nothing is delivered.
type adapterNone struct{ core.Adapter }

// takesAll is a Discord that is content with everything.
type takesAll struct{}

// RoundTrip implements http.RoundTripper.
func (takesAll) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	body := `{"id":"1000000000000000001"}`
	if strings.HasSuffix(r.URL.Path, "/commands") {
		body = `[]`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func benchDiscord(b *testing.B, cfg Config) (*Discord, func()) {
	b.Helper()
	dir := b.TempDir()
	store, err := bolt.Open(filepath.Join(dir, "kiebot.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	if err != nil {
		b.Fatal(err)
	}
	spool, err := media.OpenSpool(filepath.Join(dir, "media"), fetcher)
	if err != nil {
		b.Fatal(err)
	}
	models, err := catalog.Default()
	if err != nil {
		b.Fatal(err)
	}
	client, err := kie.New(kie.Config{APIKey: "unasked"})
	if err != nil {
		b.Fatal(err)
	}
	engine, err := core.New(core.Config{
		Store: store, Kie: []core.KieAccount{{Client: unasked{client}}}, Catalog: models, Spool: spool, UserDaily: 1 << 40,
		Adapters: map[string]core.Adapter{Platform: adapterNone{}},
	})
	if err != nil {
		b.Fatal(err)
	}
	if cfg.Bot, err = bots.New(bots.Config{Engine: engine, Catalog: models, Answers: -1}); err != nil {
		b.Fatal(err)
	}
	cfg.Token, cfg.Transport, cfg.Engine, cfg.Store = discordtest.DefaultToken, takesAll{}, engine, store
	d, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	d.running, d.working = ctx, ctx
	return d, func() {
		cancel()
		d.work.Wait()
		store.Close()
	}
}

// processorTime is what this process has used of the processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// residentAfter is resident when what is kept about each interaction for a few
// seconds is gone.
func residentAfter(b *testing.B) float64 {
	b.Helper()
	time.Sleep(keepFor + time.Second)
	return resident(b)
}

// resident is the memory that is this process's own, in MiB, without what it
// holds for no reason, and without the pages of the database's file, which the
// kernel takes back when it needs them.
func resident(b *testing.B) float64 {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc here")
	}
	_, own, found := strings.Cut(string(data), "RssAnon:")
	var kib float64
	if _, err := fmt.Sscan(own, &kib); err != nil || !found {
		b.Fatalf("%v in %s", err, data)
	}
	return kib / 1024
}

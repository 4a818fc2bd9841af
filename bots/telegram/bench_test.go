//go:build unix

package telegram

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/storage/bolt"
)

// updatesWaiting is in the environment of the process that is the Bot API
// server of a benchmark: how many updates it has.
const updatesWaiting = "KIEBOT_BENCH_UPDATES"

// TestBenchServer is that process; otherwise it does nothing. It ends when its
// standard input does.
func TestBenchServer(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(updatesWaiting))
	if err != nil {
		t.Skip("only for benchmarks")
	}
	s := telegramtest.NewServer(telegramtest.Config{})
	defer s.Close()
	var people []*telegramtest.Person
	for i := range 200 {
		people = append(people, s.Person(fmt.Sprint("P", i)))
	}
	for i := range n {
		people[i%len(people)].Types("/imagine a cat astronaut on the moon --model imagen4")
	}
	fmt.Println(s.URL())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

// benchServer starts the process and answers with its address.
func benchServer(b *testing.B, updates int) string {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBenchServer$")
	cmd.Env = append(os.Environ(), updatesWaiting+"="+strconv.Itoa(updates))
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// counted is a Bot that says when so many commands were accepted, or, when it
// is deaf, heard.
type counted struct {
	*bots.Bot
	deaf bool
	left atomic.Int64
	done chan struct{}
	b    *testing.B
}

func (c *counted) Command(ctx context.Context, in bots.Incoming) bots.Reply {
	reply := bots.Reply{Silent: true}
	if !c.deaf {
		if reply = c.Bot.Command(ctx, in); len(reply.Accepted) == 0 {
			c.b.Errorf("%+v", reply)
		}
	}
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
	return reply
}

// unasked is a Kie that is never asked: the engine does not run.
type unasked struct{ core.Kie }

// BenchmarkReceive measures commands that wait at Telegram: each is got by
// polling, understood and accepted, which is on the disk, before Telegram is
// told. The Bot API server is another process on this machine, whose time does
// not count. What follows an acceptance is not in it. In "heard" the commands are
// for nobody: that is what receiving alone takes.
func BenchmarkReceive(b *testing.B) {
	b.Run("accepted", func(b *testing.B) { benchReceive(b, false) })
	b.Run("heard", func(b *testing.B) { benchReceive(b, true) })
}

func benchReceive(b *testing.B, deaf bool) {
	url := benchServer(b, b.N)
	dir := b.TempDir()
	store, err := bolt.Open(filepath.Join(dir, "kiebot.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	bot := &counted{Bot: benchBot(b, dir, store), deaf: deaf, done: make(chan struct{}), b: b}
	bot.left.Store(int64(b.N))
	tel, err := New(Config{
		Token: telegramtest.DefaultToken, URL: url, Bot: bot, Store: store, Engine: onlyOne{store},
	})
	if err != nil {
		b.Fatal(err)
	}
	idle := resident(b)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	used := processorTime(b)
	b.ResetTimer()
	go func() { ended <- tel.Run(ctx) }()
	<-bot.done
	b.StopTimer()
	used = processorTime(b) - used
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "us-cpu/update")
	b.ReportMetric(idle, "MiB-idle")
	b.ReportMetric(resident(b), "MiB-after")
	b.ReportMetric(0, "ns/op")
}

func benchBot(b *testing.B, dir string, store core.Store) *bots.Bot {
	b.Helper()
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
	bot, err := bots.New(bots.Config{Engine: engine, Catalog: models, Answers: -1})
	if err != nil {
		b.Fatal(err)
	}
	return bot
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

// resident is the memory that this process holds, in MiB, without what it
// holds for no reason.
func resident(b *testing.B) float64 {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("no /proc here")
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

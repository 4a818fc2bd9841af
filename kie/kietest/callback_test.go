package kietest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/kie"
	"kiebot/kie/kietest"
)

const hook = "http://bot.test/hooks/kie/task/token"

// receiver is a bot that callbacks reach in memory.
type receiver struct {
	mu     sync.Mutex
	got    []delivery
	status []int // answers, the last one for ever; empty is 200
	hangs  bool
	hang   chan struct{} // closed to end hanging; made in the bubble
}

type delivery struct {
	at     time.Time
	path   string
	header http.Header
	body   []byte
	Code   int
	Msg    string
	Data   record
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	d := delivery{at: time.Now(), path: req.URL.Path, header: req.Header, body: body}
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, d)
	status := http.StatusOK
	if len(r.status) > 0 {
		status = r.status[0]
		r.status = r.status[min(1, len(r.status)-1):]
	}
	r.mu.Unlock()
	if r.hangs {
		select {
		case <-r.hang:
		case <-req.Context().Done():
		}
	}
	w.WriteHeader(status)
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// bubbleWith is bubble with a receiver of callbacks.
func bubbleWith(t *testing.T, cfg kietest.Config, r *receiver, test func(c caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r.hang = make(chan struct{})
		l := kietest.NewListener()
		bot := &http.Server{Handler: r}
		var served sync.WaitGroup
		served.Go(func() { _ = bot.Serve(l) })
		t.Cleanup(func() {
			bot.Close()
			served.Wait()
		})
		cfg.CallbackTransport = &http.Transport{DialContext: l.DialContext}
		srv := kietest.NewMemoryServer(cfg)
		t.Cleanup(srv.Close)
		test(caller{t, srv})
	})
}

func TestCallback(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []kietest.Fault
		code   int
		state  string
		text   string
	}{
		{"success", nil, 200, kietest.StateSuccess, "completed successfully"},
		{"failure", []kietest.Fault{kietest.Fail("501", "no luck")}, 501, kietest.StateFail, "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &receiver{}
			bubbleWith(t, fast(), r, func(c caller) {
				c.NextCreate(test.faults...)
				id := c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
				record := c.finished(id)
				got := r.deliveries()
				if len(got) != 1 {
					t.Fatalf("%d callbacks, want 1", len(got))
				}
				d := got[0]
				if d.Code != test.code || !strings.Contains(d.Msg, test.text) || d.Data.State != test.state || d.Data.TaskID != id || d.path != "/hooks/kie/task/token" {
					t.Errorf("callback is %s to %s", d.body, d.path)
				}
				if d.Data.CompleteTime == nil || *d.Data.CompleteTime != *record.CompleteTime || d.at.UnixMilli() != *record.CompleteTime {
					t.Errorf("callback came at %d, the task ended at %d", d.at.UnixMilli(), *record.CompleteTime)
				}
				if d.header.Get("X-Webhook-Signature") != "" || d.header.Get("X-Webhook-Timestamp") != "" {
					t.Error("callback is signed without a key")
				}
			})
		})
	}
}

func TestNoCallbackWithoutURL(t *testing.T) {
	r := &receiver{}
	bubbleWith(t, fast(), r, func(c caller) {
		c.finished(c.create("a cat"))
		if len(r.deliveries()) != 0 || len(c.Callbacks()) != 0 {
			t.Error("a callback was sent to nowhere")
		}
	})
}

// TestCallbackSignature checks the signature with our own client, which was
// written apart.
func TestCallbackSignature(t *testing.T) {
	r := &receiver{}
	cfg := fast()
	cfg.HMACKey = "hook-key"
	bubbleWith(t, cfg, r, func(c caller) {
		c.NextCreate(kietest.CallbackForgedSignature())
		c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
		pass(time.Minute)
		got := r.deliveries()
		if len(got) != 2 {
			t.Fatalf("%d callbacks, want a forged and a true one", len(got))
		}
		verify := func(key string, d delivery) error {
			v := kie.Verifier{Keys: []kie.Secret{kie.Secret(key)}, Window: time.Hour}
			return v.Verify(d.header, d.body)
		}
		if err := verify("hook-key", got[1]); err != nil {
			t.Errorf("true callback: %v", err)
		}
		if verify("hook-key", got[0]) == nil {
			t.Error("the forged callback is signed rightly")
		}
		if got[0].Data.State != kietest.StateSuccess || len(got[0].Data.Response.ResultURLs) != 1 {
			t.Errorf("the forged callback claims nothing: %s", got[0].body)
		}
		if verify("other-key", got[1]) == nil {
			t.Error("another key verifies")
		}
	})
}

func TestCallbackIsRetried(t *testing.T) {
	for _, test := range []struct {
		name   string
		status []int
		want   int
	}{
		{"works at once", []int{200}, 1},
		{"works the second time", []int{500, 200}, 2},
		{"redirect is no success", []int{302, 200}, 2},
		{"204 is no success", []int{204, 200}, 2},
		{"never works", []int{503}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &receiver{status: test.status}
			bubbleWith(t, fast(), r, func(c caller) {
				c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
				pass(time.Hour)
				got := r.deliveries()
				if len(got) != test.want || len(c.Callbacks()) != test.want {
					t.Fatalf("%d attempts, want %d", len(got), test.want)
				}
				for i := 1; i < len(got); i++ {
					if pause := got[i].at.Sub(got[i-1].at); pause != 5*time.Second {
						t.Errorf("pause of %v before attempt %d", pause, i+1)
					}
					if c.Callbacks()[i].Attempt != i+1 {
						t.Errorf("attempt %d is numbered %d", i+1, c.Callbacks()[i].Attempt)
					}
				}
			})
		})
	}
}

func TestCallbackTimesOut(t *testing.T) {
	r := &receiver{hangs: true}
	bubbleWith(t, fast(), r, func(c caller) {
		c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
		pass(time.Hour)
		got := r.deliveries()
		if len(got) != 4 {
			t.Fatalf("%d attempts, want 4", len(got))
		}
		if pause := got[1].at.Sub(got[0].at); pause != 20*time.Second {
			t.Errorf("the second attempt came after %v, want 15 s of waiting and 5 s of pause", pause)
		}
		if first := c.Callbacks()[0]; first.Err == nil || first.Status != 0 {
			t.Errorf("first attempt is %+v, want a timeout", first)
		}
	})
}

func TestOneHangingReceiverDelaysNobody(t *testing.T) {
	r := &receiver{hangs: true}
	bubbleWith(t, fast(), r, func(c caller) {
		for range 5 {
			c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
		}
		pass(6 * time.Second)
		if got := len(r.deliveries()); got != 5 {
			t.Errorf("%d of 5 callbacks arrived while the first ones hang", got)
		}
	})
}

func TestFaultsOfCallbacks(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		r := &receiver{}
		bubbleWith(t, fast(), r, func(c caller) {
			c.NextCreate(kietest.CallbackTwice())
			c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			pass(time.Minute)
			if got := r.deliveries(); len(got) != 2 || string(got[0].body) != string(got[1].body) {
				t.Errorf("%d callbacks, want the same twice", len(got))
			}
		})
	})
	t.Run("never", func(t *testing.T) {
		r := &receiver{}
		bubbleWith(t, fast(), r, func(c caller) {
			c.NextCreate(kietest.CallbackNever())
			c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			pass(time.Minute)
			if len(r.deliveries()) != 0 {
				t.Error("a callback came")
			}
		})
	})
	t.Run("forged token", func(t *testing.T) {
		r := &receiver{}
		bubbleWith(t, fast(), r, func(c caller) {
			c.NextCreate(kietest.CallbackForgedToken())
			id := c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			pass(time.Minute)
			got := r.deliveries()
			if len(got) != 2 || got[0].path != "/hooks/kie/task/nekot" || got[0].Data.TaskID != id || got[0].Data.State != kietest.StateSuccess {
				t.Fatalf("callbacks are %+v", got)
			}
			if sent := c.Callbacks(); !sent[0].Forged || sent[1].Forged {
				t.Error("the log mixes up which one is forged")
			}
			if a := c.fetch(got[0].Data.Response.ResultURLs[0]); a.status != http.StatusNotFound {
				t.Errorf("the invented result has status %d", a.status)
			}
		})
	})
	t.Run("early", func(t *testing.T) {
		r := &receiver{}
		bubbleWith(t, fast(), r, func(c caller) {
			release := make(chan struct{})
			c.NextCreate(kietest.CallbackEarly(), kietest.After(kietest.Hold(release)))
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			}()
			synctest.Wait() // the reply of createTask is still held
			got := r.deliveries()
			if len(got) != 1 || got[0].Data.State != kietest.StateSuccess {
				t.Fatalf("%d callbacks before the reply, want 1", len(got))
			}
			c.call(http.MethodGet, recordPath+got[0].Data.TaskID, "").want(c, 422, "recordInfo is null")
			close(release)
			<-answered
		})
	})
}

func TestForeignCallbackTargets(t *testing.T) {
	bubble(t, fast(), func(c caller) { // no CallbackTransport: real connections
		targets := []string{"https://example.com/hook", "http://192.0.2.1/hook", "http://127.0.0.1.example.com/"}
		for _, target := range targets {
			c.createFor(picture, map[string]any{"prompt": "a cat"}, target)
		}
		pass(time.Hour)
		got := c.Callbacks()
		if len(got) != len(targets) {
			t.Fatalf("%d attempts, want one for each target", len(got))
		}
		for _, one := range got {
			if !one.Undeliverable || one.Err == nil {
				t.Errorf("a callback to %s was tried", one.URL)
			}
		}
	})
}

// TestCallbackOverLoopback uses real sockets.
func TestCallbackOverLoopback(t *testing.T) {
	arrived := make(chan string, 1)
	l := newLoopback(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.URL.Path }))
	srv := kietest.NewServer(kietest.Config{Durations: kietest.Durations{Image: time.Millisecond}})
	defer srv.Close()
	caller{t, srv}.createFor(picture, map[string]any{"prompt": "a cat"}, l+"/hook")
	select {
	case path := <-arrived:
		if path != "/hook" {
			t.Errorf("callback came to %s", path)
		}
	case <-t.Context().Done():
		t.Fatal("no callback")
	}
}

func TestCloseWaitsForCallbacks(t *testing.T) {
	t.Run("that finish", func(t *testing.T) {
		r := &receiver{hangs: true}
		bubbleWith(t, fast(), r, func(c caller) {
			c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			pass(6 * time.Second)
			time.AfterFunc(500*time.Millisecond, func() { close(r.hang) })
			c.Close()
			if got := c.Callbacks(); len(got) != 1 || got[0].Status != http.StatusOK {
				t.Errorf("callbacks are %+v, want one finished", got)
			}
		})
	})
	t.Run("that hang, for a second", func(t *testing.T) {
		r := &receiver{hangs: true}
		bubbleWith(t, fast(), r, func(c caller) {
			c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
			pass(6 * time.Second)
			start := time.Now()
			c.Close()
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("Close took %v", took)
			}
			if got := c.Callbacks(); len(got) != 1 || got[0].Err == nil {
				t.Errorf("callbacks are %+v, want one broken off", got)
			}
		})
	})
}

func TestListener(t *testing.T) {
	l := kietest.NewListener()
	if l.Addr().Network() != "pipe" || l.Addr().String() == "" {
		t.Errorf("address is %v", l.Addr())
	}
	go func() {
		conn, err := l.Accept()
		if err == nil {
			io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	conn, err := l.DialContext(t.Context(), "tcp", "anywhere:80")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || string(text) != "hello" {
		t.Errorf("read %q, %v", text, err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("Accept works after Close")
	}
	if _, err := l.DialContext(t.Context(), "tcp", "anywhere:80"); err == nil {
		t.Error("DialContext works after Close")
	}
}

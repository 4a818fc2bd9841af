package kie

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	noRecord   = `{"code":422,"msg":"recordInfo is null","data":null}`
	waiting    = `{"code":200,"msg":"success","data":{"state":"waiting"}}`
	failed     = `{"code":200,"msg":"success","data":{"state":"fail","failCode":"501","failMsg":"no"}}`
	succeeded  = `{"code":200,"msg":"success","data":{"state":"success","resultJson":"{\"resultUrls\":[\"https://h/1.png\"]}"}}`
	successNil = `{"code":200,"msg":"success","data":{"state":"success","resultJson":""}}`
)

// timeline is a server whose reply depends on the time since its start: the
// last one whose moment has come.
type timeline struct {
	start time.Time
	steps []step
	asked []time.Duration
}

type step struct {
	from  time.Duration
	reply reply
}

func (l *timeline) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	elapsed := time.Since(l.start)
	l.asked = append(l.asked, elapsed)
	var now reply
	for _, s := range l.steps {
		if elapsed >= s.from {
			now = s.reply
		}
	}
	if now.status != 0 {
		w.WriteHeader(now.status)
	}
	_, _ = io.WriteString(w, now.body)
}

// waitOn runs Wait against a timeline inside a bubble.
func waitOn(ctx context.Context, t *testing.T, steps ...step) (*timeline, Status, error) {
	t.Helper()
	l := &timeline{start: time.Now(), steps: steps}
	status, err := serveInMemory(t, l.ServeHTTP).Wait(ctx, Ref{Jobs, "t1"})
	return l, status, err
}

func TestWaitEnds(t *testing.T) {
	page := reply{status: 502, body: "<html></html>"}
	tests := []struct {
		name     string
		steps    []step
		state    State
		outputs  int
		kind     ErrorKind
		min, max time.Duration
	}{
		{"done already", []step{{0, reply{body: succeeded}}}, Success, 1, 0, 0, 0},
		{"failed already", []step{{0, reply{body: failed}}}, Fail, 0, 0, 0, 0},
		{"done later", []step{{0, reply{body: waiting}}, {40 * time.Second, reply{body: succeeded}}}, Success, 1, 0, 40 * time.Second, 45 * time.Second},
		{"unknown at first", []step{{0, reply{body: noRecord}}, {50 * time.Second, reply{body: succeeded}}}, Success, 1, 0, 50 * time.Second, 55 * time.Second},
		{"unknown for good", []step{{0, reply{body: noRecord}}}, "", 0, ErrNotFound, 60 * time.Second, 65 * time.Second},
		{"record vanishes", []step{{0, reply{body: waiting}}, {5 * time.Minute, reply{body: noRecord}}}, Waiting, 0, ErrNotFound, 5*time.Minute + 45*time.Second, 6 * time.Minute},
		{"outage in between", []step{{0, reply{body: waiting}}, {10 * time.Second, page}, {10 * time.Minute, reply{body: succeeded}}},
			Success, 1, 0, 10 * time.Minute, 10*time.Minute + 20*time.Second},
		{"maintenance", []step{{0, reply{body: `{"code":455,"msg":"maintenance"}`}}, {5 * time.Minute, reply{body: succeeded}}},
			Success, 1, 0, 5 * time.Minute, 5*time.Minute + 20*time.Second},
		{"outputs follow", []step{{0, reply{body: successNil}}, {20 * time.Second, reply{body: succeeded}}}, Success, 1, 0, 20 * time.Second, 25 * time.Second},
		{"outputs never come", []step{{0, reply{body: successNil}}}, Success, 0, 0, 2 * time.Minute, 2*time.Minute + 15*time.Second},
		{"key refused", []step{{0, reply{body: waiting}}, {time.Minute, reply{body: `{"code":401,"msg":"no"}`}}}, Waiting, 0, ErrAuth, time.Minute, 65 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, status, err := waitOn(t.Context(), t, test.steps...)
				if test.kind != 0 {
					wantError(t, err, test.kind, "read task")
				} else if err != nil {
					t.Error(err)
				}
				if status.State != test.state || len(status.Outputs) != test.outputs {
					t.Errorf("status %+v", status)
				}
				if took := time.Since(l.start); took < test.min || took > test.max {
					t.Errorf("took %v, want %v to %v", took, test.min, test.max)
				}
			})
		})
	}
}

// TestWaitPace compares the moments of asking with the documented advice.
func TestWaitPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, err := waitOn(t.Context(), t, step{0, reply{body: waiting}}, step{10 * time.Minute, reply{body: succeeded}})
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(l.asked); i++ {
			var want time.Duration
			switch before := l.asked[i-1]; {
			case before < 30*time.Second:
				want = 3 * time.Second
			case before < 2*time.Minute:
				want = 5 * time.Second
			default:
				want = 15 * time.Second
			}
			if got := l.asked[i] - l.asked[i-1]; got != want {
				t.Errorf("asked %v after the question at %v, want %v", got, l.asked[i-1], want)
			}
		}
		if n := len(l.asked); n != 1+10+18+32 {
			t.Errorf("%d questions in ten minutes", n)
		}
	})
}

func TestWaitHonoursLongRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &script{replies: []reply{
			{status: 503, header: map[string]string{"Retry-After": "300"}},
			{body: succeeded},
		}}
		client := serveInMemory(t, server.ServeHTTP)
		start := time.Now()
		if _, err := client.Wait(t.Context(), Ref{Jobs, "t1"}); err != nil || time.Since(start) != 5*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestWaitInterrupted: the caller gets the last status and can tell why.
func TestWaitInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		l, status, err := waitOn(ctx, t, step{0, reply{body: waiting}})
		e := wantError(t, err, ErrTemporary, "wait for task")
		if !errors.Is(e, context.DeadlineExceeded) || status.State != Waiting {
			t.Errorf("Wait = %+v, %v", status, err)
		}
		if took := time.Since(l.start); took != 100*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestWaitInterruptedInACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		client := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 {
				_, _ = io.WriteString(w, waiting)
				return
			}
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		status, err := client.Wait(ctx, Ref{Jobs, "t1"})
		wantError(t, err, ErrTemporary, "wait for task")
		if !errors.Is(err, context.Canceled) || status.State != Waiting {
			t.Errorf("Wait = %+v, %v", status, err)
		}
	})
}

func TestWaitRefusesForeignRef(t *testing.T) {
	_, err := newTestClient(t, "http://kie.test", opaque{}).Wait(t.Context(), Ref{"nowhere", "t1"})
	wantError(t, err, ErrInvalid, "read task")
}

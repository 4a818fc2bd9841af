package kietest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"kiebot/kie/catalog"
)

// Call names a kind of request, for Next and Always.
type Call string

// The calls of the service. CallCreate and CallRecord are those of the older
// endpoints too.
const (
	CallCreate      Call = "createTask"
	CallRecord      Call = "recordInfo"
	CallCredit      Call = "credit"
	CallDownloadURL Call = "download-url"
	CallFile        Call = "file"            // of a result; uploads are noted under it too, but faults pass them by
	CallUpload      Call = "upload"          // of an input file, by any of the three ways
	CallModels      Call = "models"          // the list of models, and what is asked about one
	CallVeo1080p    Call = "get-1080p-video" // Veo's, read until the video is there
	CallDirect      Call = "direct"          // the calls that answer without a task
)

// Fault is one thing that goes wrong. Make it with the functions of this
// package and order it with Next, Always or CreateWhen. Faults about an answer
// (Answer, HTML, Drop, Hold, Slow, Reset, After) suit every Call; NullTaskID and the
// faults about a task suit CallCreate only.
type Fault struct {
	kind    faultKind
	after   bool
	code    string
	msg     string
	number  int
	credits catalog.Credits
	wait    time.Duration
	release <-chan struct{}
}

type faultKind int

const (
	faultAnswer faultKind = iota + 1
	faultHTML
	faultDrop
	faultHold
	faultSlow
	faultReset
	faultNullTaskID
	// All below are about the task that is created.
	faultFail
	faultConsume
	faultStick
	faultHoldTask
	faultEmptyResult
	faultUnknown
	faultFilesMissing
	faultFilesStall
	faultFilesGone
	faultCallbackTwice
	faultCallbackForgedSignature
	faultCallbackForgedToken
	faultCallbackEarly
	faultCallbackNever
	faultCallbackLate
	faultCallbackReordered
)

// Answer makes the call fail with an HTTP 200 that holds this body code and
// text. Nothing is executed.
func Answer(code int, msg string) Fault {
	return Fault{kind: faultAnswer, number: code, msg: msg}
}

// HTML makes the call fail as a broken gateway does: with this HTTP status and
// an HTML page. Nothing is executed.
func HTML(status int) Fault { return Fault{kind: faultHTML, number: status} }

// Drop closes the connection without an answer. Nothing is executed. Under
// Next it may stay unseen for a GET: net/http's client repeats one by itself
// when a connection it used before breaks.
func Drop() Fault { return Fault{kind: faultDrop} }

// Hold keeps the call until release is closed, then goes on as usual. When the
// client leaves before that, nothing is executed.
func Hold(release <-chan struct{}) Fault { return Fault{kind: faultHold, release: release} }

// Slow sends the first half of the answer at once and the rest after wait.
func Slow(wait time.Duration) Fault { return Fault{kind: faultSlow, wait: wait} }

// Reset sends the first half of the answer and then breaks the connection with
// a TCP reset. The call was executed.
func Reset() Fault { return Fault{kind: faultReset} }

// NullTaskID makes createTask answer code 200 with data null. Nothing is
// executed; under After the task exists.
func NullTaskID() Fault { return Fault{kind: faultNullTaskID} }

// After changes an Answer, HTML, Drop, Hold or NullTaskID so that it strikes
// when the call was executed already: the task exists and is billed, only its
// reply is lost, wrong or late.
func After(f Fault) Fault {
	f.after = true
	return f
}

// Fail makes the task end in state fail with this failCode and failMsg.
func Fail(code, msg string) Fault { return Fault{kind: faultFail, code: code, msg: msg} }

// Consume makes the task, when it succeeds, cost these thousandths of a credit
// in place of what was reserved. A charge above the balance leaves it negative.
func Consume(credits catalog.Credits) Fault { return Fault{kind: faultConsume, credits: credits} }

// Stick keeps the task waiting until Server.Release.
func Stick() Fault { return Fault{kind: faultStick} }

// HoldTask keeps the task generating until Server.Release.
func HoldTask() Fault { return Fault{kind: faultHoldTask} }

// EmptyResult makes the first n reads after success, or all of them when n is
// negative, show a success with an empty resultJson.
func EmptyResult(n int) Fault { return Fault{kind: faultEmptyResult, number: n} }

// UnknownFor makes recordInfo answer 422 "recordInfo is null" for this long
// after the creation, in place of Config.RecordDelay.
func UnknownFor(d time.Duration) Fault { return Fault{kind: faultUnknown, wait: d} }

// FilesMissing makes the first n requests for each result file a 404.
func FilesMissing(n int) Fault { return Fault{kind: faultFilesMissing, number: n} }

// FilesStall makes the result files stop after n bytes until release is
// closed, then go on.
func FilesStall(n int, release <-chan struct{}) Fault {
	return Fault{kind: faultFilesStall, number: n, release: release}
}

// FilesGone makes the result files a 404 for good.
func FilesGone() Fault { return Fault{kind: faultFilesGone} }

// CallbackTwice delivers the callback of the task twice.
func CallbackTwice() Fault { return Fault{kind: faultCallbackTwice} }

// CallbackForgedSignature sends, while the task still runs, a callback that
// claims success with an invented result, signed with a wrong key (or not at
// all when Config.HMACKey is empty).
func CallbackForgedSignature() Fault { return Fault{kind: faultCallbackForgedSignature} }

// CallbackForgedToken sends, while the task still runs, a rightly signed
// callback that claims success, to the callback URL with its last path
// element reversed.
func CallbackForgedToken() Fault { return Fault{kind: faultCallbackForgedToken} }

// CallbackEarly lets the task end, and its callback leave, at the moment of
// creation, before recordInfo knows the task and perhaps before the reply of
// createTask arrives.
func CallbackEarly() Fault { return Fault{kind: faultCallbackEarly} }

// CallbackNever delivers no callback.
func CallbackNever() Fault { return Fault{kind: faultCallbackNever} }

// CallbackLate delivers the callbacks of the task this much later.
func CallbackLate(d time.Duration) Fault { return Fault{kind: faultCallbackLate, wait: d} }

// CallbackReordered delivers the callbacks of a song in the wrong order: the
// final one first, that of the first track a second later, and the one of the
// text last. The callback of any other task has none to change places with.
func CallbackReordered() Fault { return Fault{kind: faultCallbackReordered} }

// Next applies the faults, all together, to the next request of that kind.
// Calls queue up: each is for one request. It panics when a fault does not
// suit the call.
func (s *Server) Next(call Call, faults ...Fault) {
	s.addRule(&rule{call: call, faults: faults, once: true})
}

// NextCreate is Next for createTask.
func (s *Server) NextCreate(faults ...Fault) { s.Next(CallCreate, faults...) }

// Always applies the faults to every request of that kind, after what Next
// ordered for it, until stop is called. It panics when a fault does not suit
// the call.
func (s *Server) Always(call Call, faults ...Fault) (stop func()) {
	return s.addRule(&rule{call: call, faults: faults})
}

// CreateWhen is Always for the createTask requests for which match returns
// true. It is called with the model and the input as they were sent, also
// when they are invalid, and must neither change the input nor call the
// Server. For an older endpoint the model is the endpoint's name in package
// kie, such as "veo", and the input is the whole body.
func (s *Server) CreateWhen(match func(model string, input map[string]any) bool, faults ...Fault) (stop func()) {
	return s.addRule(&rule{call: CallCreate, faults: faults, choose: func(c Creation) []Fault {
		if match(c.Model, c.Input) {
			return faults
		}
		return nil
	}})
}

// Creation is a createTask request as it was sent, valid or not. Model and
// Input are as for CreateWhen.
type Creation struct {
	Model       string         `json:"model"`
	Input       map[string]any `json:"input"`
	CallbackURL string         `json:"callBackUrl"`
}

// CreateWith applies, to every createTask request that authentication and
// rate limit let through, the faults that choose answers with, until stop is
// called. choose is called once for each, by one goroutine at a time, and
// must neither change the input nor call the Server. A fault that suits no
// createTask request has no effect.
func (s *Server) CreateWith(choose func(Creation) []Fault) (stop func()) {
	return s.addRule(&rule{call: CallCreate, choose: choose})
}

// rule orders faults.
type rule struct {
	call   Call
	choose func(Creation) []Fault // nil: faults
	faults []Fault
	once   bool
}

// script is all rules in order. The server's mutex guards it.
type script struct{ rules []*rule }

func (s *Server) addRule(r *rule) (stop func()) {
	for _, f := range r.faults {
		if f.kind >= faultNullTaskID && r.call != CallCreate {
			panic(fmt.Sprintf("kietest: fault %d suits createTask only, not %s", f.kind, r.call))
		}
		if f.after && (f.kind > faultNullTaskID || f.kind == faultSlow || f.kind == faultReset) {
			panic(fmt.Sprintf("kietest: fault %d cannot be put under After", f.kind))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.rules = append(s.script.rules, r)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.script.drop(r)
	}
}

func (p *script) drop(r *rule) {
	p.rules = slices.DeleteFunc(p.rules, func(other *rule) bool { return other == r })
}

// take returns the faults for a call and forgets the ones for one request.
func (p *script) take(call Call, at *endpoint, body []byte) []Fault {
	var once *rule
	var faults, always []Fault
	for _, r := range p.rules {
		switch {
		case r.call != call:
		case r.once && once == nil:
			once, faults = r, slices.Clone(r.faults)
		case !r.once:
			always = append(always, r.chosen(at, body)...)
		}
	}
	if once != nil {
		p.drop(once)
	}
	return append(faults, always...)
}

// chosen is what the rule orders for the request.
func (r *rule) chosen(at *endpoint, body []byte) []Fault {
	if r.choose == nil {
		return r.faults
	}
	c := Creation{Model: at.name}
	if at.name != catalog.Jobs {
		if json.Unmarshal(body, &c.Input) != nil {
			return nil
		}
		c.CallbackURL, _ = c.Input["callBackUrl"].(string)
		return r.choose(c)
	}
	if c.Model = ""; json.Unmarshal(body, &c) != nil {
		return nil
	}
	return r.choose(c)
}

// disturb applies the faults about the answer that strike before or after the
// execution. It returns the reply that replaces the real one, or false.
func (s *Server) disturb(r *http.Request, faults []Fault, after bool) (reply, bool) {
	for _, f := range faults {
		if f.after != after {
			continue
		}
		switch f.kind {
		case faultAnswer:
			return reply{code: f.number, msg: f.msg}, true
		case faultHTML:
			return reply{status: f.number, html: true}, true
		case faultDrop:
			return reply{drop: true}, true
		case faultNullTaskID:
			return reply{code: http.StatusOK, msg: "success"}, true
		case faultHold:
			if !s.await(r, f.release) {
				return reply{drop: true}, true
			}
		}
	}
	return reply{}, false
}

// await blocks until release is closed and reports whether that came before
// the client left and the server was closed.
func (s *Server) await(r *http.Request, release <-chan struct{}) bool {
	select {
	case <-release:
		return true
	case <-r.Context().Done():
	case <-s.life.done:
	}
	return false
}

// taskFaults is what goes wrong with one task.
type taskFaults struct {
	failCode, failMsg string
	consume           *catalog.Credits
	stick, hold       bool
	emptyReads        int
	unknownFor        *time.Duration
	filesMissing      int
	filesStall        int
	filesRelease      <-chan struct{}
	filesGone         bool
	twice, early      bool
	never             bool
	forgedSignature   bool
	forgedToken       bool
	late              time.Duration
	reordered         bool
}

// collect gathers the faults about the task.
func collect(faults []Fault) taskFaults {
	var t taskFaults
	for _, f := range faults {
		switch f.kind {
		case faultFail:
			t.failCode, t.failMsg = f.code, f.msg
		case faultConsume:
			t.consume = &f.credits
		case faultStick:
			t.stick = true
		case faultHoldTask:
			t.hold = true
		case faultEmptyResult:
			t.emptyReads = f.number
		case faultUnknown:
			t.unknownFor = &f.wait
		case faultFilesMissing:
			t.filesMissing = f.number
		case faultFilesStall:
			t.filesStall, t.filesRelease = f.number, f.release
		case faultFilesGone:
			t.filesGone = true
		case faultCallbackTwice:
			t.twice = true
		case faultCallbackEarly:
			t.early = true
		case faultCallbackNever:
			t.never = true
		case faultCallbackForgedSignature:
			t.forgedSignature = true
		case faultCallbackForgedToken:
			t.forgedToken = true
		case faultCallbackLate:
			t.late = f.wait
		case faultCallbackReordered:
			t.reordered = true
		}
	}
	return t
}

package kie

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEndpointTable(t *testing.T) {
	seen := map[string]bool{}
	var atOnce []Endpoint
	for _, info := range Endpoints() {
		if info.Page == "" || strings.HasPrefix(info.Page, "/") {
			t.Errorf("%s: page %q", info.Endpoint, info.Page)
		}
		for _, name := range []string{string(info.Endpoint), info.Create} {
			if name == "" || seen[name] {
				t.Errorf("%s: %q is missing or used twice", info.Endpoint, name)
			}
			seen[name] = true
		}
		if !strings.HasPrefix(info.Create, "/api/v1/") || !info.AtOnce() && !strings.HasPrefix(info.Record, "/api/v1/") || strings.Contains(info.Record, "?") {
			t.Errorf("%s: paths %q and %q", info.Endpoint, info.Create, info.Record)
		}
		if info.AtOnce() {
			atOnce = append(atOnce, info.Endpoint)
			if info.StateField != "" || info.Callback {
				t.Errorf("%s answers at once: %+v", info.Endpoint, info)
			}
		} else if !slices.Contains([]string{"state", "status", "successFlag"}, info.StateField) || info.Makes == "" {
			t.Errorf("%s: state in %q, makes %q", info.Endpoint, info.StateField, info.Makes)
		}
		if got, ok := info.Endpoint.Info(); !ok || got != info {
			t.Errorf("%s: Info = %+v, %v", info.Endpoint, got, ok)
		}
		want := Ref{info.Endpoint, "veo_task:1"}
		text, err := want.MarshalText()
		var got Ref
		if err != nil || got.UnmarshalText(text) != nil || got != want {
			t.Errorf("%s: a reference becomes %q, %v, and then %v", info.Endpoint, text, err, got)
		}
	}
	if !slices.Equal(atOnce, []Endpoint{OmniAudio, OmniCharacter}) {
		t.Errorf("%v answer at once", atOnce)
	}
	if info, ok := Endpoint("").Info(); !ok || info.Endpoint != Jobs {
		t.Errorf("the zero endpoint is %v, %v", info.Endpoint, ok)
	}
	if info, ok := Endpoint("nowhere").Info(); ok {
		t.Errorf("nowhere is %+v", info)
	}
	Endpoints()[0].Create = "changed"
	if info, _ := Jobs.Info(); info.Create == "changed" {
		t.Error("a caller changed the table")
	}
}

// TestMethodsNameTheirEndpoint: whoever reads a method's comment knows which
// call of Kie's it makes, and where that is documented.
func TestMethodsNameTheirEndpoint(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name == "kie" {
			files = append(files, file)
		}
	}
	documented, err := doc.NewFromFiles(fset, files, "kiebot/kie")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(documented.Types, func(ty *doc.Type) bool { return ty.Name == "Client" })
	if i < 0 || len(documented.Types[i].Methods) < 15 {
		t.Fatal("the methods of Client were not found")
	}
	for _, method := range documented.Types[i].Methods {
		if method.Name == "Upload" || method.Name == "Wait" {
			continue // made of the others
		}
		if !strings.Contains(method.Doc, "/api/") || !strings.Contains(method.Doc, "docs.kie.ai") && !strings.Contains(method.Doc, "kie-models") {
			t.Errorf("%s names no endpoint, or no page: %s", method.Name, method.Doc)
		}
	}
}

// TestShapesAreComplete: no endpoint without its documented shapes.
func TestShapesAreComplete(t *testing.T) {
	var have []Endpoint
	for _, s := range shapes() {
		have = append(have, s.endpoint)
	}
	records := 0
	for _, info := range Endpoints() {
		if info.AtOnce() {
			continue // see TestEndpointsThatAnswerAtOnce
		}
		if records++; !slices.Contains(have, info.Endpoint) {
			t.Errorf("%s has no shape", info.Endpoint)
		}
	}
	if len(have) != records {
		t.Errorf("%d shapes for %d endpoints", len(have), records)
	}
}

// asks is the request for a shape.
func (s shape) asks() CreateRequest {
	return CreateRequest{Endpoint: s.endpoint, Model: s.model, Input: s.input, CallbackURL: callbackURL, AllowRetired: true}
}

// family is a server for one endpoint that follows its shape: it creates one
// task and answers with the given records in turn.
func (s shape) family(t *testing.T, records ...string) *Client {
	t.Helper()
	info, _ := s.endpoint.Info()
	asked := 0
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "POST " + info.Create:
			body, err := io.ReadAll(r.Body)
			if err != nil || !cmp.Equal(decoded(t, []byte(s.body)), decoded(t, body)) {
				t.Errorf("body %s, %v, want %s", body, err, s.body)
			}
			_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"taskId":"t1"}}`)
		case "GET " + info.Record:
			if id := r.URL.Query().Get("taskId"); id != "t1" {
				t.Errorf("asked for %q", id)
			}
			_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":`+records[asked]+`}`)
			asked++
		default:
			t.Errorf("%s %s is neither the create nor the record call", r.Method, r.URL.Path)
		}
	})
}

// TestEveryEndpoint creates and reads through every endpoint's documented
// shapes.
func TestEveryEndpoint(t *testing.T) {
	for _, s := range shapes() {
		t.Run(string(s.endpoint), func(t *testing.T) {
			client := s.family(t, s.running, s.success)
			before := fmt.Sprint(s.input)
			ref, err := client.Create(t.Context(), s.asks())
			if err != nil || ref != (Ref{s.endpoint, "t1"}) {
				t.Fatalf("Create = %v, %v", ref, err)
			}
			if after := fmt.Sprint(s.input); after != before {
				t.Errorf("Create changed the caller's input from %s to %s", before, after)
			}
			status, err := client.Status(t.Context(), ref)
			if err != nil || status.State.Final() || status.State == "" || len(status.Outputs) != 0 {
				t.Errorf("running: %+v, %v", status, err)
			}
			if diff := cmp.Diff(s.partial, status.Partial); diff != "" {
				t.Errorf("partial (-want +got):\n%s", diff)
			}
			status, err = client.Wait(t.Context(), ref)
			if err != nil || status.State != Success || status.Ref != ref || status.Partial != nil {
				t.Fatalf("success: %+v, %v", status, err)
			}
			if diff := cmp.Diff(s.outputs, status.Outputs); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryFailure(t *testing.T) {
	for _, s := range shapes() {
		for record, want := range s.fail {
			t.Run(string(s.endpoint), func(t *testing.T) {
				status, err := s.family(t, record).Status(t.Context(), Ref{s.endpoint, "t1"})
				if err != nil || status.State != Fail || len(status.Outputs) != 0 {
					t.Fatalf("%s reads as %+v, %v", record, status, err)
				}
				if diff := cmp.Diff(want, status.Failure); diff != "" {
					t.Errorf("%s (-want +got):\n%s", record, diff)
				}
			})
		}
	}
}

// TestRecordTimes: the samples of the older endpoints show several forms.
func TestRecordTimes(t *testing.T) {
	for in, want := range map[string]time.Time{
		`"2023-08-15 14:30:45"`:       time.Date(2023, 8, 15, 14, 30, 45, 0, time.UTC),
		`"2023-08-15T14:30:45Z"`:      time.Date(2023, 8, 15, 14, 30, 45, 0, time.UTC),
		`"2025-01-01T12:00:00.500Z"`:  time.Date(2025, 1, 1, 12, 0, 0, 5e8, time.UTC),
		`"2023-08-15T14:30:45+08:00"`: time.Date(2023, 8, 15, 6, 30, 45, 0, time.UTC),
		`1755500000000`:               time.UnixMilli(1755500000000).UTC(),
		`1755500000`:                  time.Unix(1755500000, 0).UTC(),
		`"1755500000000"`:             time.UnixMilli(1755500000000).UTC(),
		`"0000-01-01 00:00:00"`:       {},
		`"tomorrow"`:                  {},
		`null`:                        {},
	} {
		if got := decodeTime([]byte(in)); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s reads as %v, want %v", in, got, want)
		}
	}
}

// TestCreateChecksTheEndpoint: what the table knows is refused before sending.
func TestCreateChecksTheEndpoint(t *testing.T) {
	server := scripted(`{"code":200,"data":{"taskId":"t1"}}`)
	client := serve(t, server.ServeHTTP)
	for _, r := range []CreateRequest{
		{Endpoint: "nowhere", Model: "m"},
		{Endpoint: Runway, Model: "runway-generate"},
		{Endpoint: Suno, Model: "V5"},
		{Endpoint: SunoWAV, Input: map[string]any{"taskId": "t0"}},
		{Endpoint: Midjourney, Input: map[string]any{"prompt": "x"}},
		{Endpoint: LumaModify, CallbackURL: callbackURL},
		{Endpoint: Veo, Input: map[string]any{"prompt": func() {}}},
	} {
		ref, err := client.Create(t.Context(), r)
		wantError(t, err, ErrInvalid, "create task")
		if !ref.IsZero() {
			t.Errorf("%+v gives %v", r, ref)
		}
	}
	if n := server.count.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	// An address in the body is one, too.
	if _, err := client.Create(t.Context(), CreateRequest{Endpoint: Suno, Input: map[string]any{"callBackUrl": callbackURL}}); err != nil {
		t.Error(err)
	}
}

// TestVeo4KUnderWay: asking again for the same video is answered with an error
// code, but there is a task.
func TestVeo4KUnderWay(t *testing.T) {
	const again = `{"code":422,"msg":"4k is processing. It should be ready in 5-10 minutes.","data":{"taskId":"t1","resultUrls":null,"imageUrls":null}}`
	ask := CreateRequest{Endpoint: Veo4K, Input: map[string]any{"taskId": "t0", "index": 0}}
	ref, err := serve(t, scripted(again).ServeHTTP).Create(t.Context(), ask)
	if err != nil || ref != (Ref{Veo4K, "t1"}) {
		t.Errorf("Create = %v, %v", ref, err)
	}
	_, err = serve(t, scripted(`{"code":422,"msg":"no such task","data":null}`).ServeHTTP).Create(t.Context(), ask)
	wantError(t, err, ErrInvalid, "create task")
	ask.Endpoint = VeoExtend
	_, err = serve(t, scripted(again).ServeHTTP).Create(t.Context(), ask)
	wantError(t, err, ErrInvalid, "create task")
}

// TestMissingRecords: older endpoints say null, or that the record does not
// exist.
func TestMissingRecords(t *testing.T) {
	for _, info := range Endpoints() {
		if info.AtOnce() {
			continue
		}
		for _, body := range []string{`{"code":200,"msg":"success","data":null}`, `{"code":422,"msg":"The record does not exist","data":null}`} {
			_, err := serve(t, scripted(body).ServeHTTP).Status(t.Context(), Ref{info.Endpoint, "t1"})
			wantError(t, err, ErrNotFound, "read task")
		}
	}
}

// purchase is a call that changes something at Kie.
type purchase struct {
	name, op string
	do       func(*testing.T, *Client) error
}

// purchases are all of them but the uploads, which are free: every create
// endpoint, and Suno's calls that answer at once.
func purchases() []purchase {
	all := []purchase{
		{"persona", "create persona", func(t *testing.T, c *Client) error {
			_, err := c.SunoPersona(t.Context(), PersonaRequest{TaskID: "t0", AudioID: "a1", Name: "n", Description: "d"})
			return err
		}},
		{"timestamped lyrics", "get timestamped lyrics", func(t *testing.T, c *Client) error {
			_, err := c.SunoTimedLyrics(t.Context(), "t0", "a1")
			return err
		}},
		{"boost style", "boost style", func(t *testing.T, c *Client) error {
			_, err := c.SunoBoostStyle(t.Context(), "pop")
			return err
		}},
	}
	for _, endpoint := range []Endpoint{OmniAudio, OmniCharacter} {
		all = append(all, purchase{"create " + string(endpoint), "create task", func(t *testing.T, c *Client) error {
			_, err := c.Create(t.Context(), CreateRequest{Endpoint: endpoint, Input: map[string]any{"name": "Ada"}})
			return err
		}})
	}
	for _, s := range shapes() {
		all = append(all, purchase{"create " + string(s.endpoint), "create task", func(t *testing.T, c *Client) error {
			_, err := c.Create(t.Context(), s.asks())
			return err
		}})
	}
	return all
}

// TestPurchasesWithoutAnAnswer: each call that changes something, in both
// forms of failure: Kie did not execute it, or did and the answer was lost.
// They look alike, so both times the call is sent once and the outcome is said
// to be unknown.
func TestPurchasesWithoutAnAnswer(t *testing.T) {
	endings := map[string]func(http.ResponseWriter){
		"connection closed": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"HTML page":         func(w http.ResponseWriter) { http.Error(w, "<html>Bad gateway</html>", http.StatusBadGateway) },
		"empty body":        func(http.ResponseWriter) {},
		"nothing in it":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"code":200,"msg":"success","data":null}`) },
	}
	for _, p := range purchases() {
		for ending, end := range endings {
			for _, executed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, executed %v", p.name, ending, executed), func(t *testing.T) {
					var requests, done atomic.Int64
					client := serve(t, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						requests.Add(1)
						if executed {
							done.Add(1)
						}
						end(w)
					})
					wantError(t, p.do(t, client), ErrUnknownOutcome, p.op)
					if requests.Load() != 1 || done.Load() > 1 {
						t.Errorf("%d requests, executed %d times", requests.Load(), done.Load())
					}
				})
			}
		}
	}
}

// TestPurchasesRefused: an answer with any other code means that nothing was
// bought, and is not repeated either.
func TestPurchasesRefused(t *testing.T) {
	for _, p := range purchases() {
		for body, kind := range map[string]ErrorKind{
			`{"code":429,"msg":"Your call frequency is too high.","data":null}`: ErrRate,
			`{"code":455,"msg":"maintenance","data":null}`:                      ErrMaintenance,
			`{"code":402,"msg":"Credits insufficient","data":null}`:             ErrCredits,
			`{"code":500,"message":"server error"}`:                             ErrRefused,
			`{"code":422,"msg":"prompt is required","data":null}`:               ErrInvalid,
		} {
			server := scripted(body)
			wantError(t, p.do(t, serve(t, server.ServeHTTP)), kind, p.op)
			if n := server.count.Load(); n != 1 {
				t.Errorf("%s was sent %d times after %s", p.name, n, body)
			}
		}
	}
}

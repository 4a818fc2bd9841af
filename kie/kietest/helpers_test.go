package kietest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/kie/kietest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	createPath   = "/api/v1/jobs/createTask"
	recordPath   = "/api/v1/jobs/recordInfo?taskId="
	creditPath   = "/api/v1/chat/credit"
	downloadPath = "/api/v1/common/download-url"
)

// caller speaks to a server in memory the raw way, without our own client, so
// that both can be wrong only separately.
type caller struct {
	*testing.T
	*kietest.Server
}

// bubble runs a test on fake time against a server in memory.
func bubble(t *testing.T, cfg kietest.Config, test func(c caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := kietest.NewMemoryServer(cfg)
		t.Cleanup(srv.Close)
		test(caller{t, srv})
	})
}

// pass lets fake time go by.
func pass(d time.Duration) { <-time.After(d) }

// fast is a configuration whose image tasks take from 3 to 5 seconds and are
// quickly drawn.
func fast() kietest.Config {
	return kietest.Config{Shrink: 8, Durations: kietest.Durations{
		Image: 4 * time.Second, Video: 8 * time.Second, Music: 8 * time.Second, Speech: 4 * time.Second,
	}}
}

// answer is the reply to one call.
type answer struct {
	status int
	header http.Header
	body   []byte
	Code   int             `json:"code"`
	Msg    string          `json:"msg"`
	Data   json.RawMessage `json:"data"`
}

func (c caller) request(method, path, body string) *http.Request {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key())
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// try sends a request and reads the reply whole.
func (c caller) try(req *http.Request) (answer, error) {
	resp, err := c.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &a); err != nil {
			return a, err
		}
	}
	return a, err
}

func (c caller) call(method, path, body string) answer {
	c.Helper()
	a, err := c.try(c.request(method, path, body))
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// want fails unless the answer has this body code, and the HTTP status 200.
func (a answer) want(t testing.TB, code int, text string) answer {
	t.Helper()
	if a.status != http.StatusOK || a.Code != code || !strings.Contains(a.Msg, text) {
		t.Fatalf("answer is HTTP %d, code %d, %q; want HTTP 200, code %d, %q", a.status, a.Code, a.Msg, code, text)
	}
	return a
}

// decode reads data into v.
func (a answer) decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, v); err != nil {
		t.Fatalf("data %s: %v", a.Data, err)
	}
}

// order is a createTask body.
func order(t testing.TB, model string, input map[string]any, callback string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": model, "input": input, "callBackUrl": callback})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const picture = "google/imagen4" // costs 8 credits

// create makes a picture task for a prompt.
func (c caller) create(prompt string) string {
	c.Helper()
	return c.createFor(picture, map[string]any{"prompt": prompt}, "")
}

func (c caller) createFor(model string, input map[string]any, callback string) string {
	c.Helper()
	var made struct{ TaskID, RecordID string }
	c.call(http.MethodPost, createPath, order(c, model, input, callback)).want(c, 200, "success").decode(c, &made)
	if made.TaskID == "" || made.RecordID == "" {
		c.Fatal("createTask gave no ids")
	}
	return made.TaskID
}

// record is the part of recordInfo that tests look at.
type record struct {
	TaskID, Model, State    string
	SuccessFlag             int
	Param, ParamJSON        string
	ResultJSON              *string
	Response                *results
	FailCode, FailMsg       *string
	CostTime                *int64
	CreateTime, UpdateTime  int64
	CompleteTime            *int64
	CreditsConsumed         float64
	OperationType, Progress any
}

type results struct {
	ResultURLs          []string
	ResultWaterMarkURLs []string
	FirstFrameURL       []string
	LastFrameURL        []string
	Data                []struct {
		ID       string  `json:"id"`
		Audio    string  `json:"audio_url"`
		Image    string  `json:"image_url"`
		Title    string  `json:"title"`
		Duration float64 `json:"duration"`
	}
}

func (c caller) record(id string) record {
	c.Helper()
	var r record
	c.call(http.MethodGet, recordPath+id, "").want(c, 200, "success").decode(c, &r)
	return r
}

// finished waits until a task is final and returns its record.
func (c caller) finished(id string) record {
	c.Helper()
	pass(11 * time.Second) // of fake time; no task of fast lasts longer
	r := c.record(id)
	if r.State != kietest.StateSuccess && r.State != kietest.StateFail {
		c.Fatalf("task is still %s", r.State)
	}
	return r
}

// fetch gets a result file, without a key.
func (c caller) fetch(url string, header ...string) answer {
	c.Helper()
	a, err := c.tryFetch(url, header...)
	if err != nil {
		c.Fatalf("GET %s: %v", url, err)
	}
	return a
}

func (c caller) tryFetch(url string, header ...string) (answer, error) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, url, nil)
	if err != nil {
		c.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return c.try(req)
}

// tool returns the path of a Debian tool. In CI it must be there.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed: %v", name, err)
	case errors.Is(err, exec.ErrNotFound):
		t.Skipf("%s is not installed (Debian package ffmpeg)", name)
	default:
		t.Fatal(err)
	}
	return path
}

// newLoopback serves h on a real socket until the test ends and returns its
// address.
func newLoopback(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

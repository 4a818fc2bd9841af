package kie

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

func TestNewNamesTheWrongField(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Config
		field string
	}{
		{"no key", Config{}, "APIKey"},
		{"key with line break", Config{APIKey: "hidden-value\n"}, "APIKey"},
		{"key with blank", Config{APIKey: "hidden-value x"}, "APIKey"},
		{"key with quotes", Config{APIKey: `"hidden-value"`}, "APIKey"},
		{"key with backslash", Config{APIKey: `hidden-value\n`}, "APIKey"},
		{"key not ASCII", Config{APIKey: "hidden-valué"}, "APIKey"},
		{"URL without scheme", Config{APIKey: "k", BaseURL: "hidden-value"}, "BaseURL"},
		{"URL without host", Config{APIKey: "k", BaseURL: "https:///hidden-value"}, "BaseURL"},
		{"URL of another scheme", Config{APIKey: "k", BaseURL: "ftp://hidden-value"}, "BaseURL"},
		{"URL that does not parse", Config{APIKey: "k", BaseURL: "https://hidden-value:port"}, "BaseURL"},
		{"URL with user", Config{APIKey: "k", BaseURL: "https://u:hidden-value@h"}, "BaseURL"},
		{"URL with query", Config{APIKey: "k", BaseURL: "https://h?key=hidden-value"}, "BaseURL"},
		{"URL with fragment", Config{APIKey: "k", BaseURL: "https://h#hidden-value"}, "BaseURL"},
		{"upload URL without scheme", Config{APIKey: "k", UploadURL: "hidden-value"}, "UploadURL"},
		{"upload URL with query", Config{APIKey: "k", UploadURL: "https://h?key=hidden-value"}, "UploadURL"},
		{"agent with line break", Config{APIKey: "k", UserAgent: "hidden-value\r\nX: y"}, "UserAgent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), "Config."+test.field) {
				t.Errorf("%q does not name Config.%s", err, test.field)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("%q shows the value", err)
			}
		})
	}
}

func TestNewKeepsTheGivenClient(t *testing.T) {
	given := &http.Client{}
	if _, err := New(Config{APIKey: testKey, HTTPClient: given}); err != nil {
		t.Fatal(err)
	}
	if given.CheckRedirect != nil {
		t.Error("New changed the caller's client")
	}
}

func TestNewDefaults(t *testing.T) {
	client, err := New(Config{APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	if client.base != "https://api.kie.ai" || client.uploadBase != "https://kieai.redpandaai.co" {
		t.Errorf("base URLs %q and %q", client.base, client.uploadBase)
	}
	if client.uploads.Timeout != 0 || client.uploads.Transport != client.http.Transport || client.uploads.CheckRedirect == nil {
		t.Error("uploads do not go through the same connections without a limit")
	}
	if client.http == http.DefaultClient || client.http.Timeout == 0 {
		t.Error("the default client has no limit")
	}
}

// TestNewSharesLimiters: clients of one account are given the same ones.
func TestNewSharesLimiters(t *testing.T) {
	cfg := Config{
		APIKey: testKey, BaseURL: "https://a", UploadURL: "https://b/", UserAgent: "painter/1.2",
		Creations: NewCreationLimiter(20, 10*time.Second), Queries: rate.NewLimiter(10, 1), Discovery: rate.NewLimiter(1, 1),
	}
	for range 2 {
		client, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if client.creations != cfg.Creations || client.queries != cfg.Queries || client.discovery != cfg.Discovery {
			t.Error("a limiter was not taken over")
		}
		if client.base != "https://a" || client.uploadBase != "https://b" || client.agent != "painter/1.2" {
			t.Errorf("%q, %q, %q", client.base, client.uploadBase, client.agent)
		}
	}
	first, err := New(Config{APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	second, err := New(Config{APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	if first.discovery == second.discovery || first.discovery.Limit() != 1 || first.discovery.Burst() != 1 {
		t.Errorf("discovery at %v per second with a burst of %d", first.discovery.Limit(), first.discovery.Burst())
	}
	if first.creations != nil || first.queries != nil {
		t.Error("a pace that nobody asked for")
	}
}

// TestRequests checks every call's request line, headers and body.
func TestRequests(t *testing.T) {
	tests := []struct {
		name, method, uri, body string
		data                    any
		do                      func(*Client) error
	}{
		{
			"Create", "POST", "/base/api/v1/jobs/createTask",
			`{"callBackUrl":"https://bot.test/hooks/1","input":{"n":1,"prompt":"<cat> & \"astronaut\" 猫"},"model":"google/imagen4"}`,
			map[string]any{"taskId": "t1"},
			func(c *Client) error {
				_, err := c.Create(t.Context(), CreateRequest{
					Model:       "google/imagen4",
					Input:       map[string]any{"prompt": `<cat> & "astronaut" 猫`, "n": 1},
					CallbackURL: "https://bot.test/hooks/1",
				})
				return err
			},
		},
		{
			"Create with nothing", "POST", "/base/api/v1/jobs/createTask", `{"input":{},"model":"m"}`, map[string]any{"taskId": "t1"},
			func(c *Client) error {
				_, err := c.Create(t.Context(), CreateRequest{Model: "m"})
				return err
			},
		},
		{
			"Status", "GET", "/base/api/v1/jobs/recordInfo?taskId=a%2Fb%20%26c%3D1", "", map[string]any{"state": "waiting"},
			func(c *Client) error {
				_, err := c.Status(t.Context(), Ref{Jobs, "a/b &c=1"})
				return err
			},
		},
		{
			"Credits", "GET", "/base/api/v1/chat/credit", "", 1,
			func(c *Client) error {
				_, err := c.Credits(t.Context())
				return err
			},
		},
		{
			"DownloadURL", "POST", "/base/api/v1/common/download-url", `{"url":"https://tempfile.aiquickdraw.com/r/1.png"}`, "https://h/d",
			func(c *Client) error {
				_, err := c.DownloadURL(t.Context(), "https://tempfile.aiquickdraw.com/r/1.png")
				return err
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got http.Request
			var body []byte
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = *r
				body, _ = io.ReadAll(r.Body)
				_, _ = io.WriteString(w, envelopeOf(t, 200, "success", test.data))
			})
			client.base += "/base"
			if err := test.do(client); err != nil {
				t.Fatal(err)
			}
			if got.Method != test.method || got.RequestURI != test.uri {
				t.Errorf("request %s %s, want %s %s", got.Method, got.RequestURI, test.method, test.uri)
			}
			want := map[string]string{
				"Authorization": "Bearer " + testKey.Reveal(), "Accept": "application/json", "User-Agent": "kiebot-kie/1",
				"Content-Type": map[bool]string{true: "application/json"}[test.body != ""],
			}
			for name, value := range want {
				if got.Header.Get(name) != value {
					t.Errorf("header %s is %q, want %q", name, got.Header.Get(name), value)
				}
			}
			if test.body == "" && len(body) > 0 {
				t.Errorf("body %s", body)
			}
			if test.body != "" && !cmp.Equal(decoded(t, []byte(test.body)), decoded(t, body)) {
				t.Errorf("body %s, want %s", body, test.body)
			}
		})
	}
}

func decoded(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

func TestBaseURLTrailingSlash(t *testing.T) {
	for base, want := range map[string]string{
		"https://h": "https://h", "https://h/": "https://h", "http://127.0.0.1:80/kie/": "http://127.0.0.1:80/kie",
	} {
		client, err := New(Config{APIKey: testKey, BaseURL: base})
		if err != nil || client.base != want {
			t.Errorf("%s becomes %q, %v", base, client.base, err)
		}
	}
}

func TestUserAgent(t *testing.T) {
	var agent string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		_, _ = io.WriteString(w, `{"code":200,"data":1}`)
	})
	client.agent = "mybot/2"
	if _, err := client.Credits(t.Context()); err != nil || agent != "mybot/2" {
		t.Errorf("agent %q, %v", agent, err)
	}
}

func TestCreateReadsTheTaskID(t *testing.T) {
	for name, body := range map[string]string{
		"documented":      `{"code":200,"msg":"success","data":{"taskId":"t1","recordId":"t1"}}`,
		"snake case":      `{"code":200,"data":{"task_id":"t1"}}`,
		"blanks":          `{"code":200,"data":{"taskId":" t1\n"}}`,
		"data as text":    `{"code":200,"data":"{\"taskId\":\"t1\"}"}`,
		"code as text":    `{"code":"200","data":{"taskId":"t1"}}`,
		"message for msg": `{"code":200,"message":"ok","data":{"taskId":"t1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := serve(t, scripted(body).ServeHTTP).Create(t.Context(), CreateRequest{Model: "m"})
			if err != nil || ref != (Ref{Jobs, "t1"}) {
				t.Errorf("Create = %v, %v", ref, err)
			}
		})
	}
	t.Run("number", func(t *testing.T) {
		server := scripted(`{"code":200,"data":{"taskId":12345678901234567890}}`)
		ref, err := serve(t, server.ServeHTTP).Create(t.Context(), CreateRequest{Model: "m"})
		if err != nil || ref.TaskID != "12345678901234567890" {
			t.Errorf("Create = %v, %v: a long number must not be rounded", ref, err)
		}
	})
	t.Run("under an HTTP error", func(t *testing.T) {
		server := &script{replies: []reply{{status: 500, body: `{"code":200,"data":{"taskId":"t1"}}`}}}
		ref, err := serve(t, server.ServeHTTP).Create(t.Context(), CreateRequest{Model: "m"})
		if err != nil || ref.TaskID != "t1" {
			t.Errorf("Create = %v, %v: the envelope decides", ref, err)
		}
	})
}

func TestRefusedBeforeSending(t *testing.T) {
	server := scripted(`{"code":200,"data":{}}`)
	client := serve(t, server.ServeHTTP)
	_, err := client.Create(t.Context(), CreateRequest{Input: map[string]any{"prompt": "x"}})
	wantError(t, err, ErrInvalid, "create task")
	_, err = client.Create(t.Context(), CreateRequest{Model: "m", Input: map[string]any{"strength": math.NaN()}})
	wantError(t, err, ErrInvalid, "create task")
	for _, ref := range []Ref{{}, {Jobs, ""}, {"", "t1"}, {"nowhere", "t1"}} {
		_, err = client.Status(t.Context(), ref)
		wantError(t, err, ErrInvalid, "read task")
	}
	for _, address := range []string{"", "x", "ftp://h/1.png", "file:///etc/passwd"} {
		_, err = client.DownloadURL(t.Context(), address)
		wantError(t, err, ErrInvalid, "get download link")
	}
	if n := server.count.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestStatus(t *testing.T) {
	record := string(readFile(t, "record_success.json"))
	server := &script{replies: []reply{{body: `{"code":200,"msg":"success","data":` + record + `}`}}}
	got, err := serve(t, server.ServeHTTP).Status(t.Context(), Ref{Jobs, sampleID})
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref != (Ref{Jobs, sampleID}) || got.State != Success || len(got.Outputs) != 2 || *got.Credits != 8500 {
		t.Errorf("Status = %+v", got)
	}
	if string(got.Raw) != strings.TrimSpace(record) {
		t.Errorf("Raw = %s", got.Raw)
	}
}

func TestStatusWithoutRecord(t *testing.T) {
	for body, kind := range map[string]ErrorKind{
		`{"code":200,"msg":"success","data":null}`:                                ErrNotFound,
		`{"code":200,"msg":"success"}`:                                            ErrNotFound,
		`{"code":422,"msg":"recordInfo is null","data":null}`:                     ErrNotFound,
		`{"code":422,"message":"RecordInfo is null"}`:                             ErrNotFound,
		`{"code":422,"msg":"Record does not exist","data":null}`:                  ErrNotFound,
		`{"code":422,"msg":"The record does not exist","data":null}`:              ErrNotFound,
		`{"code":422,"msg":"taskId is required","data":null}`:                     ErrInvalid,
		`{"code":404,"msg":"Not Found","data":null}`:                              ErrNotFound,
		`{"code":200,"msg":"success","data":{"taskId":"t1"}}`:                     ErrTemporary,
		`{"code":200,"msg":"success","data":[]}`:                                  ErrTemporary,
		`{"code":200,"msg":"success","data":"processing"}`:                        ErrTemporary,
		`{"code":422,"msg":"The model name you specified is not supported."}`:     ErrInvalid,
		`{"code":401,"msg":"You do not have access permissions","data":null}`:     ErrAuth,
		`{"code":451,"msg":"Failed to fetch the image.","data":{"taskId":"t1"}}`:  ErrRefused,
		`{"code":505,"msg":"This feature is currently disabled.","data":"later"}`: ErrTemporary,
	} {
		t.Run(body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := serveInMemory(t, scripted(body).ServeHTTP).Status(t.Context(), Ref{Jobs, "t1"})
				wantError(t, err, kind, "read task")
			})
		})
	}
}

func TestCredits(t *testing.T) {
	for data, want := range map[string]Credits{`5916.25`: 5916250, `"12.5"`: 12500, `0`: 0, `0.0005`: 1, `-3`: -3000} {
		got, err := serve(t, scripted(`{"code":200,"msg":"success","data":`+data+`}`).ServeHTTP).Credits(t.Context())
		if err != nil || got != want {
			t.Errorf("balance %s reads as %s, %v", data, got, err)
		}
	}
	for _, data := range []string{`null`, `""`, `{}`, `"many"`, `true`} {
		_, err := serve(t, scripted(`{"code":200,"msg":"success","data":`+data+`}`).ServeHTTP).Credits(t.Context())
		wantError(t, err, ErrTemporary, "read credits")
	}
}

func TestDownloadURL(t *testing.T) {
	const file = "https://tempfile.aiquickdraw.com/r/1.png"
	got, err := serve(t, scripted(`{"code":200,"data":"https://h/d?sig=1"}`).ServeHTTP).DownloadURL(t.Context(), file)
	if err != nil || got != "https://h/d?sig=1" {
		t.Errorf("DownloadURL = %q, %v", got, err)
	}
	for _, data := range []string{`null`, `""`, `{}`, `"soon"`, `"javascript:alert(1)"`} {
		_, err := serve(t, scripted(`{"code":200,"data":`+data+`}`).ServeHTTP).DownloadURL(t.Context(), file)
		wantError(t, err, ErrTemporary, "get download link")
	}
	_, err = serve(t, scripted(`{"code":422,"msg":"Invalid url","data":null}`).ServeHTTP).DownloadURL(t.Context(), "https://elsewhere/1.png")
	wantError(t, err, ErrInvalid, "get download link")
}

package kie

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVeo1080p(t *testing.T) {
	var uri string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		uri = r.Method + " " + r.RequestURI
		_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"resultUrl":"https://h/1080.mp4"}}`)
	})
	got, err := client.Veo1080p(t.Context(), "t/1", 2)
	if err != nil || got != "https://h/1080.mp4" || uri != "GET /api/v1/veo/get-1080p-video?index=2&taskId=t%2F1" {
		t.Errorf("%q, %v for %s", got, err, uri)
	}
	for _, data := range []string{`{"resultUrls":["https://h/1.mp4"]}`, `"https://h/1.mp4"`, `{"data":{"result_urls":["https://h/1.mp4"]}}`} {
		got, err := serve(t, scripted(`{"code":200,"data":`+data+`}`).ServeHTTP).Veo1080p(t.Context(), "t1", 0)
		if err != nil || got != "https://h/1.mp4" {
			t.Errorf("%s gives %q, %v", data, got, err)
		}
	}
}

// TestVeo1080pNotYet: Kie says "not yet" with the code of a wrong request.
func TestVeo1080pNotYet(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"code":400,"msg":"1080P is processing. It should be ready in 1-2 minutes.","data":null}`: veoPause,
		`{"code":200,"msg":"success","data":{"resultUrl":null}}`:                                   veoPause,
		`{"code":200,"msg":"success","data":null}`:                                                 veoPause,
	} {
		server := scripted(body)
		_, err := serve(t, server.ServeHTTP).Veo1080p(t.Context(), "t1", 0)
		if e := wantError(t, err, ErrTemporary, "get 1080p video"); e.RetryAfter != want {
			t.Errorf("%s: come back in %v", body, e.RetryAfter)
		}
		if n := server.count.Load(); n != 1 {
			t.Errorf("%s: asked %d times", body, n)
		}
	}
	_, err := serve(t, scripted(`{"code":422,"msg":"record does not exist"}`).ServeHTTP).Veo1080p(t.Context(), "t1", 0)
	wantError(t, err, ErrNotFound, "get 1080p video")
	for _, index := range []int{-1, 0} {
		_, err := newTestClient(t, "http://kie.test", opaque{}).Veo1080p(t.Context(), map[int]string{-1: "t1"}[index], index)
		wantError(t, err, ErrInvalid, "get 1080p video")
	}
}

// told runs a call against one reply and returns what Kie was told.
func told(t *testing.T, reply, path string, do func(*Client)) any {
	t.Helper()
	var body []byte
	do(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != path {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, reply)
	}))
	return decoded(t, body)
}

func TestSunoPersona(t *testing.T) {
	body := told(t, `{"code":200,"data":{"personaId":"p1","name":"n","description":"d"}}`, "/api/v1/generate/generate-persona", func(c *Client) {
		got, err := c.SunoPersona(t.Context(), PersonaRequest{
			TaskID: "t1", AudioID: "a1", Name: "n", Description: "d", VocalStart: 1500 * time.Millisecond, VocalEnd: 20 * time.Second, Style: "folk",
		})
		if err != nil || got != "p1" {
			t.Errorf("persona %q, %v", got, err)
		}
	})
	want := decoded(t, []byte(`{"taskId":"t1","audioId":"a1","name":"n","description":"d","vocalStart":1.5,"vocalEnd":20,"style":"folk"}`))
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	_, err := serve(t, scripted(`{"code":409,"msg":"exists","data":null}`).ServeHTTP).SunoPersona(t.Context(),
		PersonaRequest{TaskID: "t1", AudioID: "a1", Name: "n", Description: "d"})
	wantError(t, err, ErrRefused, "create persona")
}

func TestSunoTimedLyrics(t *testing.T) {
	const reply = `{"code":200,"data":{"alignedWords":[{"word":"[Verse]\nWaves ","success":true,"startS":1.36,"endS":1.79,"palign":0},` +
		`{"word":"roll","success":false,"start_s":"2","endS":null},{"word":""},null],"waveformData":[0,1],"hootCer":0.38,"isStreamed":false}}`
	body := told(t, reply, "/api/v1/generate/get-timestamped-lyrics", func(c *Client) {
		got, err := c.SunoTimedLyrics(t.Context(), "t1", "a1")
		want := []TimedWord{{"[Verse]\nWaves ", 1360 * time.Millisecond, 1790 * time.Millisecond, true}, {"roll", 2 * time.Second, 0, false}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, words (-want +got):\n%s", err, diff)
		}
	})
	if diff := cmp.Diff(decoded(t, []byte(`{"taskId":"t1","audioId":"a1"}`)), body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	for _, data := range []string{`{"alignedWords":[]}`, `{"alignedWords":null}`} {
		got, err := serve(t, scripted(`{"code":200,"data":`+data+`}`).ServeHTTP).SunoTimedLyrics(t.Context(), "t1", "a1")
		if err != nil || len(got) != 0 {
			t.Errorf("an instrumental has the words %v, %v", got, err)
		}
	}
}

func TestSunoBoostStyle(t *testing.T) {
	body := told(t, `{"code":200,"data":{"taskId":"t1","result":"dreamy pop","creditsConsumed":0.4,"successFlag":"1"}}`, "/api/v1/style/generate", func(c *Client) {
		if got, err := c.SunoBoostStyle(t.Context(), "pop"); err != nil || got != "dreamy pop" {
			t.Errorf("style %q, %v", got, err)
		}
	})
	if diff := cmp.Diff(decoded(t, []byte(`{"content":"pop"}`)), body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	_, err := serve(t, scripted(`{"code":200,"data":{"successFlag":"2","errorMessage":"no"}}`).ServeHTTP).SunoBoostStyle(t.Context(), "pop")
	if e := wantError(t, err, ErrRefused, "boost style"); e.Message != "no" {
		t.Errorf("message %q", e.Message)
	}
}

func TestSunoCallsWantEverything(t *testing.T) {
	client := newTestClient(t, "http://kie.test", opaque{})
	_, err := client.SunoPersona(t.Context(), PersonaRequest{TaskID: "t1", AudioID: "a1", Name: "n"})
	wantError(t, err, ErrInvalid, "create persona")
	_, err = client.SunoTimedLyrics(t.Context(), "t1", "")
	wantError(t, err, ErrInvalid, "get timestamped lyrics")
	_, err = client.SunoBoostStyle(t.Context(), "")
	wantError(t, err, ErrInvalid, "boost style")
}

func TestImage4oDownloadURL(t *testing.T) {
	body := told(t, `{"code":200,"data":"https://h/d"}`, "/api/v1/gpt4o-image/download-url", func(c *Client) {
		if got, err := c.Image4oDownloadURL(t.Context(), "t1", "https://h/1.png"); err != nil || got != "https://h/d" {
			t.Errorf("link %q, %v", got, err)
		}
	})
	if diff := cmp.Diff(decoded(t, []byte(`{"taskId":"t1","url":"https://h/1.png"}`)), body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	client := newTestClient(t, "http://kie.test", opaque{})
	_, err := client.Image4oDownloadURL(t.Context(), "", "https://h/1.png")
	wantError(t, err, ErrInvalid, "get download link")
	_, err = client.Image4oDownloadURL(t.Context(), "t1", "1.png")
	wantError(t, err, ErrInvalid, "get download link")
}

// TestPaidCallsObeyTheCreationLimiter: what buys something shares one pace.
func TestPaidCallsObeyTheCreationLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, scripted(`{"code":200,"data":{"taskId":"t1","result":"x","personaId":"p"}}`).ServeHTTP)
		client.creations = NewCreationLimiter(1, 10*time.Second)
		start := time.Now()
		all := purchases()
		for _, p := range all {
			if err := p.do(t, client); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
		}
		if took, want := time.Since(start), time.Duration(len(all)-1)*10*time.Second; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

package kietest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/kie/kietest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kietest.NewMemoryServer(kietest.Config{Durations: kietest.Fast()})
		defer srv.Close()
		do := func(method, path, body string) string {
			req, _ := http.NewRequestWithContext(t.Context(), method, srv.URL()+path, strings.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+srv.Key())
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return string(b)
		}
		s := do("POST", "/api/v1/jobs/createTask", `{"model":"google/imagen4","input":{"prompt":"a cat"}}`)
		t.Log(s)
		var c struct{ Data struct{ TaskID string } }
		json.Unmarshal([]byte(s), &c)
		for range 6 {
			t.Log(do("GET", "/api/v1/jobs/recordInfo?taskId="+c.Data.TaskID, ""))
			time.Sleep(time.Second)
		}
		u := srv.Tasks()[0].URLs[0]
		resp, err := srv.Client().Get(u)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		t.Log(u, resp.Status, resp.Header, len(b))
		t.Log(do("GET", "/api/v1/chat/credit", ""))
	})
}

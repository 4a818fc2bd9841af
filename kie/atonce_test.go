package kie

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEndpointsThatAnswerAtOnce: the answer is the result, and is still there
// when its Ref comes back from a store.
func TestEndpointsThatAnswerAtOnce(t *testing.T) {
	for _, test := range []struct {
		data, text, id string
		credits        string
	}{
		{`{"audioId":"voice-1","name":"Ada: the first"}`, `{"audioId":"voice-1","name":"Ada: the first"}`, "voice-1", "<nil>"},
		{`{"character_id": 7, "creditsConsumed": 1.5}`, `{"character_id":7,"creditsConsumed":1.5}`, "7", "1.5"},
		{`"{\"id\":\"voice-2\"}"`, `{"id":"voice-2"}`, "voice-2", "<nil>"},
		{`"voice-3"`, "voice-3", "voice-3", "<nil>"},
	} {
		requests := 0
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			body, err := io.ReadAll(r.Body)
			if r.Method+" "+r.URL.Path != "POST /api/v1/omni/audio/create" || string(body) != `{"audio_id":"preset","name":"Ada"}` {
				t.Errorf("%s %s %s, %v", r.Method, r.URL, body, err)
			}
			_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":`+test.data+`}`)
		})
		ref, err := client.Create(t.Context(), CreateRequest{
			Endpoint: OmniAudio, Input: map[string]any{"audio_id": "preset", "name": "Ada"}, CallbackURL: callbackURL,
		})
		if err != nil {
			t.Errorf("%s: %v", test.data, err)
			continue
		}
		text, err := ref.MarshalText()
		var stored Ref
		if err != nil || stored.UnmarshalText(text) != nil || stored != ref {
			t.Errorf("%v is stored as %s, %v, and read as %v", ref, text, err, stored)
		}
		status, err := client.Wait(t.Context(), stored)
		if err != nil || status.State != Success || status.Ref != ref || string(status.Raw) != test.data {
			t.Errorf("%s: %+v, %v", test.data, status, err)
			continue
		}
		if diff := cmp.Diff([]Output{{Kind: KindText, Text: test.text, ID: test.id}}, status.Outputs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.data, diff)
		}
		credits := "<nil>"
		if status.Credits != nil {
			credits = status.Credits.String()
		}
		if credits != test.credits || requests != 1 {
			t.Errorf("%s: %s credits, %d requests", test.data, credits, requests)
		}
	}
}

// TestAnswersThatSayNothing: what was made is lost then.
func TestAnswersThatSayNothing(t *testing.T) {
	for _, data := range []string{`null`, `{}`, `[]`, `" "`, `true`, `"` + strings.Repeat("x", maxAnswer) + `"`} {
		client := serve(t, scripted(`{"code":200,"msg":"success","data":`+data+`}`).ServeHTTP)
		_, err := client.Create(t.Context(), CreateRequest{Endpoint: OmniCharacter})
		wantError(t, err, ErrUnknownOutcome, "create task")
	}
	client := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, id := range []string{"voice-1", "e30", "!"} { // e30 is {}
		_, err := client.Status(t.Context(), Ref{OmniAudio, id})
		wantError(t, err, ErrInvalid, "read task")
	}
}

func FuzzAnswered(f *testing.F) {
	for _, data := range []string{`{"id":"a"}`, `"a"`, `{"audioId":"a","creditsConsumed":"1"}`, `"{\"id\":[1]}"`, `[{}]`, `-1`} {
		f.Add([]byte(data))
	}
	info, _ := OmniAudio.Info()
	f.Fuzz(func(t *testing.T, body []byte) {
		env, ok := parseEnvelope(fmt.Appendf(nil, `{"code":200,"data":%s}`, body))
		if !ok {
			return
		}
		ref, ok := info.refOf(env.data)
		status, known := answered(ref)
		if ok && !known {
			t.Fatalf("%s was accepted and cannot be read", body)
		}
		if known {
			if len(status.Outputs) != 1 || status.Ref != ref || status.State != Success {
				t.Errorf("%s: %+v", body, status)
			}
			checkStatus(t, status)
		}
	})
}

package kie

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"
)

// The corpora in testdata/fuzz hold the shapes of docs.kie.ai and inputs that
// once were hard.

func FuzzDecodeRecord(f *testing.F) {
	for _, name := range []string{"record_waiting.json", "record_success.json", "record_fail.json", "record_tracks.json"} {
		f.Add(readFile(f, name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ref := Ref{Jobs, "t1"}
		s, ok := decodeRecord(jobsInfo(), ref, raw)
		if !ok {
			return
		}
		if s.Ref != ref || s.State == "" {
			t.Errorf("status %+v", s)
		}
		if (s.Failure != nil) != (s.State == Fail) || (len(s.Outputs) > 0 && s.State != Success) {
			t.Errorf("state %s with failure %v and outputs %v", s.State, s.Failure, s.Outputs)
		}
		if s.Credits != nil && *s.Credits < 0 {
			t.Errorf("negative credits %s", s.Credits)
		}
		if s.Failure != nil {
			wantPlain(t, s.Failure.Code)
			wantPlain(t, s.Failure.Message)
		}
		for _, output := range s.Outputs {
			checkOutput(t, output)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("the status cannot be stored: %v", err)
		}
	})
}

// checkOutput checks what the documentation of Output promises.
func checkOutput(t *testing.T, o Output) {
	t.Helper()
	if (o.Kind == KindText) != (o.URL == "") || (o.Kind == KindText) != (o.Text != "") {
		t.Errorf("neither file nor text: %+v", o)
	}
	if o.URL != webAddress(o.URL) || o.CoverURL != webAddress(o.CoverURL) {
		t.Errorf("not a web address: %+v", o)
	}
	if o.Duration < 0 || !utf8.ValidString(o.Text) {
		t.Errorf("output %+v", o)
	}
	wantPlain(t, o.Title)
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(`{"code":200,"msg":"success","data":{"taskId":"t1"}}`))
	f.Add([]byte(`{"code":"402","message":"积分不足","data":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		env, ok := parseEnvelope(body)
		if !ok {
			wantPlain(t, describe(502, body))
			return
		}
		if env.code == 0 {
			t.Error("an envelope without a code")
		}
		if env.data != nil && (!json.Valid(env.data) || bytes.Equal(env.data, []byte("null"))) {
			t.Errorf("data %s", env.data)
		}
		wantPlain(t, env.message)
		for _, creating := range []bool{false, true} {
			kind := codeKind(creating, env.code, env.message)
			if kind == 0 || kind == ErrUnknownOutcome || creating && kind == ErrTemporary {
				t.Errorf("an answer with code %d is of kind %q", env.code, kind)
			}
		}
	})
}

func FuzzParseCallback(f *testing.F) {
	f.Add(readFile(f, "callback.json"))
	f.Add([]byte(`{"taskId":"a","code":501,"msg":"failed","data":{"task_id":"b"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		callback, err := ParseCallback(body)
		if err != nil {
			wantError(t, err, ErrInvalid, "read callback")
			return
		}
		if callback.TaskID == "" || callback.Status != nil && callback.Status.Ref.TaskID != callback.TaskID {
			t.Errorf("callback %+v", callback)
		}
		wantPlain(t, callback.Message)
		// What was parsed is what a signature has to be for.
		v := Verifier{Keys: []Secret{"k"}, Now: func() time.Time { return signedAt }}
		if err := v.Verify(Sign("k", callback.TaskID, signedAt), body); err != nil {
			t.Errorf("signed for the parsed task %q: %v", callback.TaskID, err)
		}
		if err := v.Verify(Sign("k", callback.TaskID+"x", signedAt), body); err == nil {
			t.Errorf("signed for another task than %q, and accepted", callback.TaskID)
		}
	})
}

func FuzzVerify(f *testing.F) {
	good := Sign("k", "a", signedAt)
	f.Add(good.Get(headerTimestamp), good.Get(headerSignature), []byte(`{"taskId":"a"}`))
	f.Add("1769670760", "KxDlpbbq0GDOKqm0+FuJpJWTzY8baHSjhEt4kwElqQI=", []byte(`{"data":{"task_id":"ee9c2715375b7837f8bb51d641ff5863"}}`))
	f.Fuzz(func(t *testing.T, timestamp, signature string, body []byte) {
		v := Verifier{Keys: []Secret{"", "k"}, Now: func() time.Time { return signedAt }}
		header := http.Header{headerTimestamp: {timestamp}, headerSignature: {signature}}
		if err := v.Verify(header, body); err != nil {
			return
		}
		callback, err := ParseCallback(body)
		if err != nil || sign("k", callback.TaskID, timestamp) != signature {
			t.Errorf("accepted %q, %q, %q", timestamp, signature, body)
		}
	})
}

func FuzzCredits(f *testing.F) {
	for _, in := range []string{`5916.25`, `"0.8"`, `1e3`, `-0.0001`, `null`, `"1e-400"`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var c Credits
		if c.UnmarshalJSON(in) != nil {
			return
		}
		var again Credits
		if err := again.UnmarshalJSON([]byte(c.String())); err != nil || again != c {
			t.Errorf("%s reads as %s, which reads as %s, %v", in, c, again, err)
		}
	})
}

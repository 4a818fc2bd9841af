package kie

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseCallback(t *testing.T) {
	got, err := ParseCallback(readFile(t, "callback.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got.TaskID != sampleID || got.Code != 200 || got.Message != "Playground task completed successfully." {
		t.Errorf("callback %+v", got)
	}
	s := got.Status
	if s == nil || s.Ref != (Ref{Jobs, sampleID}) || s.State != Success || *s.Credits != 8000 || len(s.Outputs) != 1 {
		t.Errorf("status %+v", s)
	}
}

func TestParseCallbackShapes(t *testing.T) {
	tests := []struct {
		name, in string
		id       string
		code     int
		state    State // "" for no status
	}{
		{"top level", `{"taskId":"a","code":200,"data":{"state":"success"}}`, "a", 200, Success},
		{"top level, snake case", `{"task_id":"a","code":200}`, "a", 200, ""},
		{"data.taskId", `{"code":501,"msg":"failed","data":{"taskId":"a","state":"fail"}}`, "a", 501, Fail},
		{"data.task_id", `{"code":200,"data":{"task_id":"a","callbackType":"complete","data":[]}}`, "a", 200, ""},
		{"all three", `{"taskId":"a","code":200,"data":{"taskId":"b","task_id":"c"}}`, "a", 200, ""},
		{"empty at top", `{"taskId":"","code":200,"data":{"taskId":null,"task_id":"c"}}`, "c", 200, ""},
		{"number", `{"taskId":17,"code":"200","data":null}`, "17", 200, ""},
		{"data as text", `{"code":200,"data":"{\"taskId\":\"a\",\"state\":\"success\"}"}`, "a", 200, Success},
		{"no code", `{"data":{"taskId":"a","state":"generating"}}`, "a", 0, Generating},
		{"other record shape", `{"code":200,"data":{"taskId":"a","info":{"resultUrls":["https://h/1.mp4"]}}}`, "a", 200, Success},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseCallback([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if got.TaskID != test.id || got.Code != test.code {
				t.Errorf("callback %+v, want task %s and code %d", got, test.id, test.code)
			}
			switch {
			case test.state == "" && got.Status != nil:
				t.Errorf("status %+v out of nothing", got.Status)
			case test.state != "" && (got.Status == nil || got.Status.State != test.state || !got.Status.Ref.IsZero() && got.Status.Ref != (Ref{Jobs, test.id})):
				t.Errorf("status %+v, want %s of %s", got.Status, test.state, test.id)
			}
		})
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	for _, in := range []string{
		"", "null", "[]", "17", `"a"`, "<html>", `{"code":200`, `{}`, `{"code":200,"data":null}`, `{"code":200,"data":{}}`,
		`{"taskId":"  ","data":{"taskId":{}}}`, `{"TASKID":"a"}`, `{"data":[{"taskId":"a"}]}`,
	} {
		got, err := ParseCallback([]byte(in))
		if err == nil {
			t.Errorf("%s reads as %+v", in, got)
			continue
		}
		wantError(t, err, ErrInvalid, "read callback")
	}
}

// signedAt is a fixed moment for signatures.
var signedAt = time.Unix(1769670760, 0)

func TestSignKnownVector(t *testing.T) {
	// printf '%s' 'ee9c2715375b7837f8bb51d641ff5863.1769670760' |
	//   openssl dgst -sha256 -hmac 'test-hmac-key' -binary | base64
	const want = "Rnkdt30BYrQRHRTTZPVbPWvpV8NX6sTTZvi7GJmVyu4="
	header := Sign("test-hmac-key", "ee9c2715375b7837f8bb51d641ff5863", signedAt)
	if got := header.Get("X-Webhook-Signature"); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if got := header.Get("X-Webhook-Timestamp"); got != "1769670760" {
		t.Errorf("timestamp %s", got)
	}
}

func TestVerify(t *testing.T) {
	body := []byte(`{"code":200,"data":{"taskId":"a","state":"success"}}`)
	good := Sign("new", "a", signedAt)
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	raw, err := base64.StdEncoding.DecodeString(good.Get(headerSignature))
	if err != nil {
		t.Fatal(err)
	}
	both := []Secret{"old", "new"}
	tests := []struct {
		name   string
		keys   []Secret
		header http.Header
		want   error
	}{
		{"right", []Secret{"new"}, good, nil},
		{"right, one of two", both, good, nil},
		{"right, the older of two", both, Sign("old", "a", signedAt), nil},
		{"no headers", both, http.Header{}, ErrSignatureMissing},
		{"no timestamp", both, with(headerTimestamp, ""), ErrSignatureMissing},
		{"no signature", both, with(headerSignature, ""), ErrSignatureMissing},
		{"no keys", nil, good, ErrSignatureMismatch},
		{"empty key is no key", []Secret{""}, Sign("", "a", signedAt), ErrSignatureMismatch},
		{"other key", []Secret{"third"}, good, ErrSignatureMismatch},
		{"other task", both, Sign("new", "b", signedAt), ErrSignatureMismatch},
		{"other time", both, with(headerTimestamp, "1769670761"), ErrSignatureMismatch},
		{"in hex", both, with(headerSignature, hex.EncodeToString(raw)), ErrSignatureMismatch},
		{"URL-safe, unpadded", both, with(headerSignature, base64.RawURLEncoding.EncodeToString(raw)), ErrSignatureMismatch},
		{"line break inside", both, with(headerSignature, good.Get(headerSignature)[:4]+"\n"+good.Get(headerSignature)[4:]), ErrSignatureMismatch},
		{"not base64", both, with(headerSignature, "%%%"), ErrSignatureMismatch},
		{"first half", both, with(headerSignature, good.Get(headerSignature)[:22]), ErrSignatureMismatch},
		{"signed nonsense time", both, http.Header{headerTimestamp: {"soon"}, headerSignature: {sign("new", "a", "soon")}}, ErrSignatureMismatch},
		{"signed huge time", both, http.Header{headerTimestamp: {"9223372036854775807"}, headerSignature: {sign("new", "a", "9223372036854775807")}}, ErrSignatureStale},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := Verifier{Keys: test.keys, Now: func() time.Time { return signedAt.Add(time.Minute) }}
			if err := v.Verify(test.header, body); !errors.Is(err, test.want) {
				t.Errorf("Verify = %v, want %v", err, test.want)
			}
		})
	}
}

func TestVerifyWindow(t *testing.T) {
	body := []byte(`{"taskId":"a"}`)
	header := Sign("k", "a", signedAt)
	for _, test := range []struct {
		window, apart time.Duration
		want          error
	}{
		{0, 10 * time.Minute, nil},
		{0, -10 * time.Minute, nil},
		{0, 10*time.Minute + time.Second, ErrSignatureStale},
		{0, -10*time.Minute - time.Second, ErrSignatureStale},
		{time.Hour, time.Hour, nil},
		{time.Second, 2 * time.Second, ErrSignatureStale},
	} {
		v := Verifier{Keys: []Secret{"k"}, Window: test.window, Now: func() time.Time { return signedAt.Add(test.apart) }}
		if err := v.Verify(header, body); !errors.Is(err, test.want) {
			t.Errorf("window %v, clocks %v apart: %v, want %v", test.window, test.apart, err, test.want)
		}
	}
	fresh := Verifier{Keys: []Secret{"k"}}
	if err := fresh.Verify(Sign("k", "a", time.Now()), body); err != nil {
		t.Errorf("by the real clock: %v", err)
	}
	if err := fresh.Verify(header, body); !errors.Is(err, ErrSignatureStale) {
		t.Errorf("by the real clock, months later: %v", err)
	}
}

// TestVerifyAndParseAgree: a body that names several tasks must not be
// verified for one and acted on for another.
func TestVerifyAndParseAgree(t *testing.T) {
	body := []byte(`{"taskId":"top","data":{"taskId":"inner","task_id":"other"}}`)
	callback, err := ParseCallback(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"top", "inner", "other"} {
		v := Verifier{Keys: []Secret{"k"}}
		err := v.Verify(Sign("k", id, time.Now()), body)
		if accepted := err == nil; accepted != (id == callback.TaskID) {
			t.Errorf("a signature for %q: %v, while the parsed task is %q", id, err, callback.TaskID)
		}
	}
}

func TestVerifyRefusesBodiesWithoutTask(t *testing.T) {
	v := Verifier{Keys: []Secret{"k"}}
	for _, body := range []string{"", "{}", "<html>", `{"taskId":""}`} {
		err := v.Verify(Sign("k", "", time.Now()), []byte(body))
		wantError(t, err, ErrInvalid, "read callback")
	}
}

// TestSignatureDoesNotCoverTheBody documents why a callback is only a hint.
func TestSignatureDoesNotCoverTheBody(t *testing.T) {
	v := Verifier{Keys: []Secret{"k"}}
	header := Sign("k", "a", time.Now())
	for _, state := range []string{"success", "fail"} {
		if err := v.Verify(header, []byte(`{"data":{"taskId":"a","state":"`+state+`"}}`)); err != nil {
			t.Error(err)
		}
	}
}

func TestVerifyErrorsShowNothing(t *testing.T) {
	const key = "hidden-hmac-key"
	v := Verifier{Keys: []Secret{key}}
	header := http.Header{headerTimestamp: {strconv.Itoa(1)}, headerSignature: {"hidden-signature"}}
	err := v.Verify(header, []byte(`{"taskId":"a"}`))
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("Verify = %v", err)
	}
}

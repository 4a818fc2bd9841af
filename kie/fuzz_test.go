package kie

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	for _, s := range shapes() {
		f.Add([]byte(s.running))
		f.Add([]byte(s.success))
		for record := range s.fail {
			f.Add([]byte(record))
		}
	}
	table := Endpoints()
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, info := range table {
			checkRecord(t, info, raw)
		}
	})
}

// checkRecord checks what the documentation of Status promises, whatever came.
func checkRecord(t *testing.T, info EndpointInfo, raw []byte) {
	t.Helper()
	ref := Ref{info.Endpoint, "t1"}
	s, ok := decodeRecord(info, ref, raw)
	if !ok {
		return
	}
	if s.Ref != ref || s.State == "" {
		t.Errorf("status %+v", s)
	}
	checkStatus(t, s)
	for _, output := range s.Outputs {
		if output.Kind == KindFile && info.Makes != KindText && info.Makes != KindFile {
			t.Errorf("%s made %+v", info.Endpoint, output)
		}
	}
}

// checkStatus checks what holds for statuses of records and of callbacks.
func checkStatus(t *testing.T, s Status) {
	t.Helper()
	if (s.Failure != nil) != (s.State == Fail) || (len(s.Outputs) > 0 && s.State != Success) || (len(s.Partial) > 0 && s.State.Final()) {
		t.Errorf("state %s with failure %v, outputs %v and partial %v", s.State, s.Failure, s.Outputs, s.Partial)
	}
	if s.Credits != nil && *s.Credits < 0 {
		t.Errorf("negative credits %s", s.Credits)
	}
	if s.Failure != nil {
		wantPlain(t, s.Failure.Code)
		wantPlain(t, s.Failure.Message)
	}
	for _, output := range slices.Concat(s.Outputs, s.Partial) {
		checkOutput(t, output)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Errorf("the status cannot be stored: %v", err)
	}
}

// checkOutput checks what the documentation of Output promises.
func checkOutput(t *testing.T, o Output) {
	t.Helper()
	if (o.Kind == KindText) != (o.URL == "") || (o.Kind == KindText) != (o.Text != "") {
		t.Errorf("neither file nor text: %+v", o)
	}
	if o.URL != webAddress(o.URL) || o.CoverURL != webAddress(o.CoverURL) || o.StreamURL != webAddress(o.StreamURL) {
		t.Errorf("not a web address: %+v", o)
	}
	if o.Duration < 0 || !utf8.ValidString(o.Text) || !utf8.ValidString(o.Lyrics) {
		t.Errorf("output %+v", o)
	}
	wantPlain(t, o.Title)
	wantPlain(t, o.ID)
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
	for _, s := range shapes() {
		f.Add([]byte(`{"code":200,"msg":"success","data":` + s.callback + `}`))
	}
	for _, stage := range []Stage{StageText, StageFirst, StageComplete, StageError} {
		f.Add([]byte(`{"code":200,"data":{"callbackType":"` + string(stage) + `","task_id":"a","data":[{"id":"1","stream_audio_url":"https://h/s"}]}}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		callback, err := ParseCallback(body)
		if err != nil {
			wantError(t, err, ErrInvalid, "read callback")
			return
		}
		if callback.TaskID == "" || callback.Status != nil && !callback.Status.Ref.IsZero() && callback.Status.Ref != (Ref{Jobs, callback.TaskID}) {
			t.Errorf("callback %+v", callback)
		}
		wantPlain(t, callback.Message)
		if s := callback.Status; s != nil {
			checkStatus(t, *s)
			if callback.Stage == StageError != (s.State == Fail) {
				t.Errorf("stage %q with a status %q", callback.Stage, s.State)
			}
		}
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

func FuzzDecodeDiscovery(f *testing.F) {
	for _, data := range []string{
		`{"total":1,"models":[{"model":"google/imagen4","taskType":["Text to Image"],"pricingDesc":null}]}`, `[{"model":"a","taskType":"A, B"}]`,
		`{"points":[{"start":1790000000000,"end":"2026-09-21T16:23:20Z","successRate":0.98,"errorRate":"x","isNormal":true}]}`,
		`{"alignedWords":[{"word":"a","success":true,"startS":1.36,"endS":"2"}]}`,
		`{"success":true,"downloadUrl":"https://h/1.png","fileSize":1e300,"uploadedAt":"2025-01-01T12:00:00.000Z"}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		models, _ := decodeModels(raw)
		for _, m := range models {
			if m.ID == "" || slices.Contains(m.TaskTypes, "") {
				t.Errorf("model %+v", m)
			}
		}
		o, ok := parseObject(raw)
		if !ok {
			return
		}
		for _, point := range decodeRates(o.field("points")) {
			if _, err := json.Marshal(point); err != nil {
				t.Errorf("%+v cannot be stored: %v", point, err)
			}
		}
		for _, word := range decodeTimedWords(o.field("alignedWords")) {
			if word.Word == "" || word.Start < 0 || word.End < 0 {
				t.Errorf("word %+v", word)
			}
		}
		got, err := uploaded(envelope{code: 200, data: raw, fields: o}, nil)
		if (got.URL == "") != (err != nil) || got.URL != webAddress(got.URL) || got.Size < 0 {
			t.Errorf("upload %+v, %v", got, err)
		}
		wantPlain(t, got.Name)
	})
}

func FuzzUniqueName(f *testing.F) {
	for _, name := range []string{"cat.png", "../../etc/passwd", "猫.webp", `C:\me\a.jpg`, "a.b.c", ".hidden", "x\r\ny"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := uniqueName(name)
		if len(got) < 26 || len(got) > 26+2*maxStem+2 || got != url.PathEscape(got) || strings.Contains(got, "..") || got[0] == '.' {
			t.Errorf("%q becomes %q", name, got)
		}
	})
}

// FuzzEscapeModel: an id never leaves its place in the path.
func FuzzEscapeModel(f *testing.F) {
	for _, model := range []string{"google/imagen4", "kling-2.6/text-to-video", "../chat", "a//b", "a?b#c%2F", "wan/3-0 x"} {
		f.Add(model)
	}
	f.Fuzz(func(t *testing.T, model string) {
		id, ok := escapeModel(model)
		if !ok {
			return
		}
		u, err := url.Parse("https://h/api/v1/models/" + id + "/price")
		if err != nil || u.RawQuery != "" || u.Fragment != "" || u.JoinPath().Path != "/api/v1/models/"+model+"/price" {
			t.Errorf("%q becomes %q: %v, %v", model, id, u, err)
		}
	})
}

func FuzzRef(f *testing.F) {
	for _, text := range []string{"", "jobs:abc", "suno-wav:1", "jobs:veo_task:1", ":", "a:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ref, again Ref
		if ref.UnmarshalText([]byte(text)) != nil {
			return
		}
		written, err := ref.MarshalText()
		if err != nil || string(written) != text || again.UnmarshalText(written) != nil || again != ref {
			t.Errorf("%q reads as %+v, writes as %q, %v", text, ref, written, err)
		}
	})
}

package kie

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const value = "sk-12345"
	s := Secret(value)
	holder := struct {
		Key  Secret
		Keys []Secret
		Map  map[string]Secret
	}{s, []Secret{s}, map[string]Secret{"a": s}}
	forms := map[string]string{"String": s.String(), "GoString": s.GoString(), "LogValue": s.LogValue().String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		forms[verb] = fmt.Sprintf(verb, s)
		forms["holder "+verb] = fmt.Sprintf(verb, holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	forms["JSON"] = string(encoded)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", s, "holder", holder)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", s, "holder", holder)
	forms["slog"] = logged.String()

	hexed := fmt.Sprintf("%x", value)
	for name, form := range forms {
		if strings.Contains(form, value) || strings.Contains(strings.ToLower(form), hexed) {
			t.Errorf("%s shows the secret: %s", name, form)
		}
		if !strings.Contains(form, redacted) {
			t.Errorf("%s does not show that something is there: %s", name, form)
		}
	}
	if s.Reveal() != value {
		t.Errorf("Reveal() = %q", s.Reveal())
	}
}

func TestEmptySecretPrintsNothing(t *testing.T) {
	var s Secret
	marshalled, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{s.String(), s.GoString(), fmt.Sprintf("%v%x", s, s), string(marshalled), s.LogValue().String()} {
		if got != "" {
			t.Errorf("an empty secret prints %q", got)
		}
	}
	if string(encoded) != `""` {
		t.Errorf("an empty secret encodes as %s", encoded)
	}
}

func TestClientPrintsNoKey(t *testing.T) {
	client, err := New(Config{APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, client); strings.Contains(got, testKey.Reveal()) {
			t.Errorf("%s of a client shows the key: %s", verb, got)
		}
		if got := fmt.Sprintf(verb, *client); strings.Contains(got, testKey.Reveal()) {
			t.Errorf("%s of a client's value shows the key: %s", verb, got)
		}
	}
}

func TestCreditsString(t *testing.T) {
	tests := map[Credits]string{
		0: "0", 8000: "8", 800: "0.8", 5916250: "5916.25", 1: "0.001", 10: "0.01", 1001: "1.001",
		-500: "-0.5", -8000: "-8", math.MaxInt64: "9223372036854775.807", math.MinInt64: "-9223372036854775.808",
	}
	for credits, want := range tests {
		if got := credits.String(); got != want {
			t.Errorf("Credits(%d).String() = %q, want %q", int64(credits), got, want)
		}
	}
}

func TestCreditsDecode(t *testing.T) {
	tests := []struct {
		in   string
		want Credits
	}{
		{`8`, 8000}, {`8.0`, 8000}, {`0.8`, 800}, {`5916.25`, 5916250}, {`"5916.25"`, 5916250}, {`" 12 "`, 12000},
		{`1e3`, 1_000_000}, {`1.5E-1`, 150}, {`0`, 0}, {`-3`, -3000},
		// Finer than a thousandth: up, also below zero.
		{`0.0001`, 1}, {`1.0001`, 1001}, {`0.30000000000000004`, 301}, {`1e-400`, 1}, {`-0.0001`, 0}, {`-1.0005`, -1000},
		{`9223372036854775.807`, math.MaxInt64},
	}
	for _, test := range tests {
		var got Credits
		if err := json.Unmarshal([]byte(test.in), &got); err != nil || got != test.want {
			t.Errorf("%s = %d, %v, want %d", test.in, int64(got), err, int64(test.want))
		}
	}
}

func TestCreditsDecodeRefusesNonsense(t *testing.T) {
	for _, in := range []string{
		`"twelve"`, `""`, `true`, `[]`, `{}`, `"0x10"`, `"1/2"`, `"1_000"`, `"Inf"`, `"."`, `"1e"`,
		`1e19`, `"1e999999999"`, `"1e-999999999"`, `9223372036854775.808`,
		`"` + strings.Repeat("9", 100) + `"`,
	} {
		got := Credits(7)
		if err := got.UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%s = %s, want an error", in, got)
		}
		if got != 7 {
			t.Errorf("%s changed the value to %s", in, got)
		}
	}
}

func TestCreditsNullChangesNothing(t *testing.T) {
	got := Credits(7)
	if err := json.Unmarshal([]byte(`null`), &got); err != nil || got != 7 {
		t.Errorf("null gives %s, %v", got, err)
	}
}

func TestCreditsRoundTrip(t *testing.T) {
	for _, want := range []Credits{0, 1, 999, 1000, 5916250, -1, math.MaxInt64, math.MinInt64} {
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Credits
		if err := json.Unmarshal(encoded, &got); err != nil || got != want {
			t.Errorf("%d through %s is %d, %v", int64(want), encoded, int64(got), err)
		}
	}
}

func TestRefText(t *testing.T) {
	tests := []struct {
		ref  Ref
		text string
	}{
		{Ref{}, ""},
		{Ref{Jobs, "abc"}, "jobs:abc"},
		{Ref{Jobs, "veo_task:1"}, "jobs:veo_task:1"},
		{Ref{"suno", "1"}, "suno:1"}, // written by a newer version
	}
	for _, test := range tests {
		text, err := test.ref.MarshalText()
		if err != nil || string(text) != test.text || test.ref.String() != test.text {
			t.Errorf("%+v encodes as %q, %v, and prints %q, want %q", test.ref, text, err, test.ref, test.text)
		}
		got := Ref{"other", "value"}
		if err := got.UnmarshalText(text); err != nil || got != test.ref {
			t.Errorf("%q decodes as %+v, %v, want %+v", text, got, err, test.ref)
		}
		if got.IsZero() != (test.text == "") {
			t.Errorf("%+v: IsZero() = %v", got, got.IsZero())
		}
	}
}

func TestRefRefusesHalves(t *testing.T) {
	for _, ref := range []Ref{{Jobs, ""}, {"", "abc"}, {"a:b", "c"}} {
		if text, err := ref.MarshalText(); err == nil {
			t.Errorf("%#v encodes as %q", ref, text)
		}
	}
	for _, text := range []string{"jobs", "jobs:", ":abc", ":"} {
		ref := Ref{Jobs, "before"}
		if err := ref.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q decodes as %+v", text, ref)
		}
		if ref != (Ref{Jobs, "before"}) {
			t.Errorf("%q changed the reference to %+v", text, ref)
		}
	}
}

func TestStateDecode(t *testing.T) {
	tests := map[string]State{
		"waiting": Waiting, "queuing": Queuing, "generating": Generating, "success": Success, "fail": Fail,
		"SUCCESS": Success, " Fail ": Fail, "": "",
		"queueing": Queuing, "wait": Waiting, "PENDING": Waiting, "GENERATING": Generating,
		"TEXT_SUCCESS": Generating, "FIRST_SUCCESS": Generating, "CALLBACK_EXCEPTION": Success, "complete": Success,
		"CREATE_TASK_FAILED": Fail, "GENERATE_AUDIO_FAILED": Fail, "SENSITIVE_WORD_ERROR": Fail,
		"0": Generating, "1": Success, "2": Fail, "3": Fail, "17": Generating, "post-processing": Generating, "审核中": Generating,
	}
	for text, want := range tests {
		var got State
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q decodes as %q, %v, want %q", text, got, err, want)
		}
		if final := want == Success || want == Fail; got.Final() != final {
			t.Errorf("%q.Final() = %v", got, got.Final())
		}
	}
}

func TestOneLine(t *testing.T) {
	long := strings.Repeat("字", 1000)
	tests := []struct{ in, want string }{
		{"", ""},
		{"  a\n\n b\tc  ", "a b c"},
		{"积分不足，请充值", "积分不足，请充值"},
		{"bell\a, escape\x1b[31m, nul\x00, delete\x7f", "bell, escape[31m, nul, delete"},
		{"user\u202etxt.exe\u2066", "usertxt.exe"},
		{"family 👩\u200d👧 stays", "family 👩\u200d👧 stays"},
		{"bad \xff byte", "bad \ufffd byte"},
		{"<!DOCTYPE html><html>…", "an HTML page"},
		{" <HTML lang=en>", "an HTML page"},
		{"1 < 2", "1 < 2"},
		{long, long[:3*299] + "…"},
		{strings.Repeat("a", 300), strings.Repeat("a", 299) + "…"},
		{strings.Repeat("a", 299), strings.Repeat("a", 299)},
	}
	for _, test := range tests {
		if got := oneLine(test.in); got != test.want {
			t.Errorf("oneLine(%.40q) = %q, want %q", test.in, got, test.want)
		}
	}
}

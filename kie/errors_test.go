package kie

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// TestCodes walks the whole table of codes that docs.kie.ai lists, through
// HTTP 200 as Kie sends them, for a call that buys and for one that reads.
func TestCodes(t *testing.T) {
	tests := []struct {
		code      int
		msg       string
		create    ErrorKind
		read      ErrorKind
		readTries int64
	}{
		{400, "Your prompt was flagged by our content policy", ErrInvalid, ErrInvalid, 1},
		{401, "You do not have access permissions", ErrAuth, ErrAuth, 1},
		{401, "Unauthorized – Authentication failed", ErrAuth, ErrAuth, 1},
		{402, "Credits insufficient", ErrCredits, ErrCredits, 1},
		{402, "积分不足，请充值", ErrCredits, ErrCredits, 1},
		{404, "Not Found", ErrNotFound, ErrNotFound, 1},
		{405, "Method not allowed", ErrRefused, ErrRefused, 1},
		{408, "No result for more than 10 minutes", ErrRefused, ErrTemporary, 3},
		{409, "exists already", ErrRefused, ErrRefused, 1},
		{413, "The prompt is too long", ErrInvalid, ErrInvalid, 1},
		{422, "The model name you specified is not supported", ErrInvalid, ErrInvalid, 1},
		{422, "recordInfo is null", ErrInvalid, ErrNotFound, 1},
		{429, "Your call frequency is too high. Please try again later.", ErrRate, ErrRate, 3},
		{430, "Your call frequency is too high", ErrRate, ErrRate, 3},
		{433, "The sub-key has reached its limit", ErrCredits, ErrCredits, 1},
		{451, "Failed to fetch the image", ErrRefused, ErrRefused, 1},
		{455, "The service is under maintenance", ErrMaintenance, ErrMaintenance, 3},
		{500, "Server exception, please try again later", ErrRefused, ErrTemporary, 3},
		{500, "aspect_ratio is required", ErrRefused, ErrTemporary, 3},
		{500, "The current credits are insufficient. Please top up", ErrCredits, ErrCredits, 1},
		{500, "You do not have enough credit: not enough credits", ErrCredits, ErrCredits, 1},
		{500, "当前积分不足", ErrCredits, ErrCredits, 1},
		{500, "账户余额不足", ErrCredits, ErrCredits, 1},
		{501, "Generation failed", ErrRefused, ErrTemporary, 3},
		{505, "This feature is disabled", ErrRefused, ErrTemporary, 3},
		{531, "Generation failed", ErrRefused, ErrTemporary, 3},
		{550, "The queue is full", ErrRate, ErrRate, 3},
		{405, "rate limit exceeded", ErrRate, ErrRate, 3},
		{405, "Method Not Allowed", ErrRefused, ErrRefused, 1},
		{429, "Insufficient credits", ErrCredits, ErrCredits, 1},
		{531, "Generation failed, credits were returned", ErrRefused, ErrTemporary, 3},
		{409, "A persona exists already", ErrRefused, ErrRefused, 1},
		{600, "something new", ErrRefused, ErrRefused, 1},
		{201, "something new", ErrRefused, ErrRefused, 1},
		{-1, "something new", ErrRefused, ErrRefused, 1},
		// A text that only quotes the person does not park the key.
		{400, "prompt refused: not enough credits", ErrInvalid, ErrInvalid, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %s", test.code, test.msg), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := scripted(envelopeOf(t, test.code, test.msg, nil))
				client := serveInMemory(t, server.ServeHTTP)
				_, err := client.Create(t.Context(), CreateRequest{Model: "m"})
				e := wantError(t, err, test.create, "create task")
				if e.Code != test.code || e.HTTPStatus != 200 || e.Message != test.msg {
					t.Errorf("error %#v does not carry Kie's answer", e)
				}
				if n := server.count.Swap(0); n != 1 {
					t.Errorf("createTask was sent %d times", n)
				}
				_, err = client.Status(t.Context(), Ref{Jobs, "t1"})
				wantError(t, err, test.read, "read task")
				if n := server.count.Load(); n != test.readTries {
					t.Errorf("recordInfo was sent %d times, want %d", n, test.readTries)
				}
			})
		})
	}
}

// TestRepliesWithoutEnvelope walks what else can answer in Kie's place.
func TestRepliesWithoutEnvelope(t *testing.T) {
	const page = "<!DOCTYPE html>\n<html><title>Just a moment...</title></html>"
	tests := []struct {
		name    string
		reply   reply
		create  ErrorKind
		read    ErrorKind
		message string
	}{
		{"Cloudflare 403", reply{status: 403, body: page}, ErrRefused, ErrRefused, "HTTP 403 with an HTML page"},
		{"Cloudflare 502", reply{status: 502, body: page}, ErrUnknownOutcome, ErrTemporary, "HTTP 502 with an HTML page"},
		{"Cloudflare 524", reply{status: 524, body: "error code: 524"}, ErrUnknownOutcome, ErrTemporary, "HTTP 524 with text that is not JSON"},
		{"page with 200", reply{body: page}, ErrUnknownOutcome, ErrTemporary, "HTTP 200 with an HTML page"},
		{"nothing with 200", reply{}, ErrUnknownOutcome, ErrTemporary, "HTTP 200 with an empty body"},
		{"nothing with 204", reply{status: 204}, ErrUnknownOutcome, ErrTemporary, "HTTP 204 with an empty body"},
		{"JSON without code", reply{body: `{"ok":true}`}, ErrUnknownOutcome, ErrTemporary, "HTTP 200 with JSON that is not Kie's"},
		{"cut JSON", reply{body: `{"code":200,"data":{"taskId":"t`}, ErrUnknownOutcome, ErrTemporary, "HTTP 200 with JSON that is not Kie's"},
		{"server error of a framework", reply{status: 500, body: `{"status":500,"error":"Internal Server Error"}`}, ErrUnknownOutcome, ErrTemporary,
			"HTTP 500 with JSON that is not Kie's"},
		{"401 of a proxy", reply{status: 401, body: page}, ErrAuth, ErrAuth, "HTTP 401 with an HTML page"},
		{"404 of another server", reply{status: 404, body: page}, ErrRefused, ErrRefused, "HTTP 404 with an HTML page: check the base URL"},
		{"408", reply{status: 408}, ErrRefused, ErrTemporary, "HTTP 408 with an empty body"},
		{"413", reply{status: 413, body: page}, ErrRefused, ErrRefused, "HTTP 413 with an HTML page"},
		{"429", reply{status: 429, body: page}, ErrRate, ErrRate, "HTTP 429 with an HTML page"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &script{replies: []reply{test.reply}}
				client := serveInMemory(t, server.ServeHTTP)
				_, err := client.Create(t.Context(), CreateRequest{Model: "m"})
				e := wantError(t, err, test.create, "create task")
				if e.Message != test.message || e.Code != 0 || e.HTTPStatus != max(test.reply.status, 200) {
					t.Errorf("error %#v, want the message %q", e, test.message)
				}
				if n := server.count.Load(); n != 1 {
					t.Errorf("createTask was sent %d times", n)
				}
				_, err = client.Status(t.Context(), Ref{Jobs, "t1"})
				wantError(t, err, test.read, "read task")
			})
		})
	}
}

// TestEnvelopeBeatsHTTPStatus: an envelope decides under whatever HTTP status.
func TestEnvelopeBeatsHTTPStatus(t *testing.T) {
	for _, status := range []int{200, 400, 401, 403, 429, 500, 502, 503} {
		for code, kind := range map[int]ErrorKind{402: ErrCredits, 422: ErrInvalid, 455: ErrMaintenance, 500: ErrRefused} {
			server := &script{replies: []reply{{status: status, body: envelopeOf(t, code, "text", nil)}}}
			_, err := serve(t, server.ServeHTTP).Create(t.Context(), CreateRequest{Model: "m"})
			if e := wantError(t, err, kind, "create task"); e.HTTPStatus != status || e.Code != code {
				t.Errorf("HTTP %d with code %d gives %#v", status, code, e)
			}
		}
	}
}

// TestSuccessWithoutTaskID: Kie said yes, so the task may exist.
func TestSuccessWithoutTaskID(t *testing.T) {
	for _, data := range []string{
		`null`, `{}`, `""`, `[]`, `"t1"`, `{"taskId":null}`, `{"taskId":""}`, `{"taskId":"  "}`, `{"taskId":{}}`, `{"recordId":"t1"}`,
	} {
		server := scripted(`{"code":200,"msg":"success","data":` + data + `}`)
		ref, err := serve(t, server.ServeHTTP).Create(t.Context(), CreateRequest{Model: "m"})
		wantError(t, err, ErrUnknownOutcome, "create task")
		if !ref.IsZero() || server.count.Load() != 1 {
			t.Errorf("data %s gives %v after %d requests", data, ref, server.count.Load())
		}
	}
}

func TestErrorText(t *testing.T) {
	tests := []struct {
		err  *Error
		want string
	}{
		{&Error{Kind: ErrCredits, Op: "create task", Code: 402, HTTPStatus: 200, Message: "Credits insufficient"},
			"kie: create task: Credits insufficient (credits, code 402)"},
		{&Error{Kind: ErrUnknownOutcome, Op: "create task", HTTPStatus: 502, Message: "HTTP 502 with an HTML page"},
			"kie: create task: HTTP 502 with an HTML page (unknown outcome, HTTP 502)"},
		{&Error{Kind: ErrRefused, Op: "create task", Code: 501}, "kie: create task: no reason given (refused, code 501)"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("Error() = %q, want %q", got, test.want)
		}
	}
}

func TestErrorKinds(t *testing.T) {
	seen := map[string]bool{}
	for kind := ErrAuth; kind <= ErrUnknownOutcome; kind++ {
		if name := kind.String(); name == "none" || seen[name] {
			t.Errorf("kind %d is called %q", kind, name)
		}
		seen[kind.String()] = true
	}
	if ErrorKind(0).String() != "none" || (ErrUnknownOutcome+1).String() != "none" {
		t.Error("a kind that does not exist has a name")
	}
}

func TestKindOf(t *testing.T) {
	wrapped := fmt.Errorf("trying: %w", &Error{Kind: ErrRate, Err: context.Canceled})
	for _, test := range []struct {
		err  error
		want ErrorKind
	}{{nil, 0}, {errors.New("x"), 0}, {wrapped, ErrRate}, {errors.Join(errors.New("x"), wrapped), ErrRate}} {
		if got := KindOf(test.err); got != test.want {
			t.Errorf("KindOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
	if !errors.Is(wrapped, context.Canceled) {
		t.Error("the cause is hidden")
	}
}

// TestForeignTextIsTamed: whatever a server writes, errors stay one short line
// without the key.
func TestForeignTextIsTamed(t *testing.T) {
	nasty := "Bearer " + testKey.Reveal() + "\r\n\x1b[31m" + strings.Repeat("很长", 100_000)
	bodies := []string{
		envelopeOf(t, 422, nasty, map[string]any{"taskId": nasty}),
		`{"code":500,"message":"` + testKey.Reveal() + `"}`,
		"<html>" + nasty, nasty,
	}
	for _, body := range bodies {
		for _, status := range []int{200, 403, 502} {
			server := &script{replies: []reply{{status: status, body: body}}}
			client := serve(t, server.ServeHTTP)
			_, err := client.Create(t.Context(), CreateRequest{Model: "m"})
			if err == nil {
				t.Fatal("no error")
			}
			wantPlain(t, err.Error())
			for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
				wantPlain(t, cause.Error())
			}
		}
	}
}

// TestEchoedKeyIsRemoved: not even a successful reply brings the key back.
func TestEchoedKeyIsRemoved(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		body := envelopeOf(t, 200, key, map[string]any{"state": "fail", "failMsg": "key " + key, "param": key, "model": key})
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	})
	status, err := client.Status(t.Context(), Ref{Jobs, "t1"})
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v %s %+v", status, status.Raw, *status.Failure); strings.Contains(all, testKey.Reveal()) {
		t.Errorf("the key came back: %s", all)
	}
	if status.Failure.Message != "key redacted" {
		t.Errorf("message %q", status.Failure.Message)
	}
}

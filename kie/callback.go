package kie

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Callback is what Kie posts to a callback URL when a task reaches its final
// state (docs.kie.ai, the callback section of each model). It is a hint only,
// even when its signature is right: see [Verifier]. The same one can come more
// than once, and Kie wants HTTP 200 within 15 seconds.
type Callback struct {
	// TaskID is Kie's id, never empty.
	TaskID string
	// Code is 200 for success, another number for failure, 0 if missing.
	Code int
	// Message is Kie's text in one line of at most 300 characters.
	Message string
	// Status is the record in the callback, nil when it carries none. Read it
	// again with [Client.Status] before acting on it.
	Status *Status
}

// ParseCallback reads the body of a callback. The task id is taken from the
// top level (taskId) or from data (taskId or task_id), in this order; a body
// without one is an [ErrInvalid].
func ParseCallback(body []byte) (Callback, error) {
	o, id, err := readCallback(body)
	if err != nil {
		return Callback{}, err
	}
	callback := Callback{TaskID: id, Message: oneLine(o.text("msg", "message"))}
	callback.Code, _ = integer(o.field("code"))
	if status, ok := decodeRecord(Ref{Endpoint: Jobs, TaskID: id}, o.field("data")); ok {
		callback.Status = &status
	}
	return callback, nil
}

// readCallback finds the task id. Parsing and verifying share it: a body that
// names several tasks must not be verified for one and acted on for another.
func readCallback(body []byte) (object, string, error) {
	o, ok := parseObject(body)
	if !ok {
		return nil, "", &Error{Kind: ErrInvalid, Op: opCallback, Message: "the body is not a JSON object"}
	}
	id := o.taskID()
	if data, ok := parseObject(o.field("data")); ok && id == "" {
		id = data.taskID()
	}
	if id == "" {
		return nil, "", &Error{Kind: ErrInvalid, Op: opCallback, Message: "the body names no task"}
	}
	return o, id, nil
}

// Headers of a signed callback: docs.kie.ai, "Webhook Verification".
const (
	headerTimestamp = "X-Webhook-Timestamp"
	headerSignature = "X-Webhook-Signature"
)

// defaultWindow is how far a signature's time may be from now. Kie names no
// figure; its retries follow within minutes.
const defaultWindow = 10 * time.Minute

// The reasons why a signature is not accepted.
var (
	ErrSignatureMissing  = errors.New("kie: the callback is not signed: is a webhook HMAC key set in kie.ai/settings?")
	ErrSignatureMismatch = errors.New("kie: the callback's signature fits no webhook HMAC key")
	ErrSignatureStale    = errors.New("kie: the callback was signed too long ago, or the clocks differ")
)

// Verifier checks that a callback was signed with a webhook HMAC key from
// kie.ai/settings. It is safe for concurrent use once its fields are set.
//
// Kie signs the task id and a time, not the body. Whoever captures one
// callback can send its headers again with another body for the same task, so
// a verified callback proves only that Kie had something to say about that
// task lately. Read the result with [Client.Status].
type Verifier struct {
	// Keys are the keys in use; a new and an old one while they are being
	// exchanged. Without any, nothing is accepted.
	Keys []Secret
	// Window is how old (or, with clocks apart, how new) a signature may be;
	// zero means ten minutes.
	Window time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verify returns nil when the headers sign the task id that [ParseCallback]
// finds in body, with one of the keys and within the window. Otherwise it
// returns [ErrSignatureMissing], [ErrSignatureMismatch], [ErrSignatureStale],
// or the error of ParseCallback.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	timestamp, signature := header.Get(headerTimestamp), header.Get(headerSignature)
	if timestamp == "" || signature == "" {
		return ErrSignatureMissing
	}
	_, taskID, err := readCallback(body)
	if err != nil {
		return err
	}
	if !v.signed(taskID, timestamp, signature) {
		return ErrSignatureMismatch
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrSignatureMismatch
	}
	now, window := time.Now, defaultWindow
	if v.Now != nil {
		now = v.Now
	}
	if v.Window > 0 {
		window = v.Window
	}
	if now().Sub(time.Unix(seconds, 0)).Abs() > window {
		return ErrSignatureStale
	}
	return nil
}

// signed compares in constant time. An empty key would be one that everybody
// has, so it never fits.
func (v *Verifier) signed(taskID, timestamp, signature string) bool {
	for _, key := range v.Keys {
		if key != "" && subtle.ConstantTimeCompare([]byte(sign(key, taskID, timestamp)), []byte(signature)) == 1 {
			return true
		}
	}
	return false
}

// Sign returns the headers with which Kie signs a callback for taskID at the
// given time: for servers that stand in for Kie in tests.
func Sign(key Secret, taskID string, at time.Time) http.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	header := http.Header{}
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, sign(key, taskID, timestamp))
	return header
}

// sign returns base64(HMAC-SHA256(key, taskID + "." + timestamp)).
func sign(key Secret, taskID, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	// A hash never fails to take bytes.
	_, _ = mac.Write([]byte(taskID + "." + timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

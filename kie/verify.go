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

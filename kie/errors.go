package kie

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind sorts errors by what a program can do about them. Zero is no kind.
type ErrorKind uint8

// The kinds of errors. The numbers in the comments are codes of the envelope
// {code, msg, data} that Kie's replies have, not HTTP statuses.
const (
	// ErrAuth: the key is missing, wrong, or used from an address that its
	// settings do not allow (401). Nothing happened.
	ErrAuth ErrorKind = iota + 1
	// ErrCredits: the account has too few credits (402, or 500 with a text
	// saying so) or the key has reached its own cap (433). Nothing happened.
	ErrCredits
	// ErrInvalid: the request is wrong as it is: model, inputs, a refused
	// prompt (400, 413, 422), or refused by this package before sending.
	ErrInvalid
	// ErrRate: too many requests (429, 430) or a full queue (550). Nothing
	// happened and nothing was queued; it can be sent again later.
	ErrRate
	// ErrMaintenance: Kie is down for maintenance (455). Nothing happened; try
	// again in minutes.
	ErrMaintenance
	// ErrNotFound: no such path (404) or, when reading, no such task. A task
	// can be missing for some seconds after its creation.
	ErrNotFound
	// ErrRefused: Kie answered with any other error code, or something in
	// front of it answered for it (a redirect, an HTTP 403 page). For calls
	// that buy something this includes 408 and 5xx codes: Kie answered, so
	// nothing was bought.
	ErrRefused
	// ErrTemporary: for calls that buy something, nothing was sent. For the
	// other methods also lost connections, unusable answers, 408 and 5xx codes,
	// after the tries were used up; an upload may then have been stored.
	ErrTemporary
	// ErrUnknownOutcome: only from calls that buy something, which are
	// Client.Create, SunoPersona, SunoTimedLyrics and SunoBoostStyle. The
	// request was sent, but no usable answer came: timeout, lost connection,
	// HTTP 5xx or 200 without an envelope, success without a task id, a cut or
	// oversized body. The task may exist and be billed, so sending it again may
	// pay twice.
	ErrUnknownOutcome
)

// String returns the kind in a word or two, such as "not found"; "none" for
// zero.
func (k ErrorKind) String() string {
	switch k {
	case ErrAuth:
		return "auth"
	case ErrCredits:
		return "credits"
	case ErrInvalid:
		return "invalid"
	case ErrRate:
		return "rate"
	case ErrMaintenance:
		return "maintenance"
	case ErrNotFound:
		return "not found"
	case ErrRefused:
		return "refused"
	case ErrTemporary:
		return "temporary"
	case ErrUnknownOutcome:
		return "unknown outcome"
	}
	return "none"
}

// Error is the type of all errors that calls to Kie return.
type Error struct {
	Kind ErrorKind
	// Op is the operation, such as "create task".
	Op string
	// Code is the code of Kie's envelope, 0 when the reply had none.
	Code int
	// HTTPStatus is the status of the reply, 0 when none came.
	HTTPStatus int
	// Message is one line of at most 300 characters: Kie's text, which can be
	// Chinese, or a sentence on what came instead of an answer.
	Message string
	// RetryAfter is how long Kie asks to wait, 0 when it does not say.
	RetryAfter time.Duration
	// Err is the cause, if any: a network error, or the context's.
	Err error
}

// Error returns one line without any secret, such as
// "kie: create task: Credits insufficient (credits, code 402)".
func (e *Error) Error() string {
	details := []string{e.Kind.String()}
	if e.Code != 0 {
		details = append(details, fmt.Sprintf("code %d", e.Code))
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != 200 {
		details = append(details, fmt.Sprintf("HTTP %d", e.HTTPStatus))
	}
	message := e.Message
	if message == "" {
		message = "no reason given"
	}
	return fmt.Sprintf("kie: %s: %s (%s)", e.Op, message, strings.Join(details, ", "))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first [*Error] in err's tree, or 0.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

// passing reports whether the trouble may be gone a moment later.
func (e *Error) passing() bool {
	return e.Kind == ErrTemporary || e.Kind == ErrRate || e.Kind == ErrMaintenance
}

// codeKind sorts an error code of an envelope. It follows the code tables of
// docs.kie.ai; creating says that the operation buys something, where an answer
// of any other code than 200 means that nothing was bought.
func codeKind(creating bool, code int, message string) ErrorKind {
	switch code {
	case 401:
		return ErrAuth
	case 402, 433:
		return ErrCredits
	case 400, 413:
		return ErrInvalid
	case 404:
		return ErrNotFound
	case 405:
		if saysTooOften(message) {
			// Suno's lyrics page.
			return ErrRate
		}
		return ErrRefused
	case 422:
		if !creating && saysNoRecord(message) {
			return ErrNotFound
		}
		return ErrInvalid
	case 429, 430, 550:
		if saysNoCredits(message) {
			// Suno's lyrics page.
			return ErrCredits
		}
		return ErrRate
	case 455:
		return ErrMaintenance
	}
	switch {
	case code == 500 && saysNoCredits(message):
		return ErrCredits
	case !creating && (code == 408 || code >= 500 && code < 600):
		return ErrTemporary
	}
	return ErrRefused
}

// statusKind sorts a reply without an envelope by its HTTP status.
func statusKind(creating bool, status int) ErrorKind {
	switch {
	case status == 401:
		return ErrAuth
	case status == 429:
		return ErrRate
	case status == 408 && !creating:
		return ErrTemporary
	case status >= 300 && status < 500:
		return ErrRefused
	case creating:
		return ErrUnknownOutcome
	}
	return ErrTemporary
}

// saysNoRecord recognises the texts that go with code 422 for an unknown task:
// "recordInfo is null", "Record does not exist".
func saysNoRecord(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "record") &&
		(strings.Contains(message, "is null") || strings.Contains(message, "not exist"))
}

// saysTooOften recognises the texts of a rate limit.
func saysTooOften(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "rate limit") || strings.Contains(message, "frequency") || strings.Contains(message, "too many")
}

// saysNoCredits recognises the texts that go with code 500 when the account is
// empty.
func saysNoCredits(message string) bool {
	if strings.Contains(message, "积分不足") || strings.Contains(message, "余额不足") {
		return true
	}
	message = strings.ToLower(message)
	return strings.Contains(message, "credit") &&
		(strings.Contains(message, "insufficient") || strings.Contains(message, "not enough"))
}

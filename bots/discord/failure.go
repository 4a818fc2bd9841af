package discord

import (
	"context"
	"errors"
	"net"
	"net/http"

	"kiebot/core"
)

// failure says what a failed call means for us.
type failure int

const (
	failNone     failure = iota
	failUnknown          // no answer, or one that says nothing: perhaps it was done
	failWait             // 429, or it would be
	failGone             // there is no such message
	failExpired          // the interaction cannot be answered, or not any more
	failAnswered         // it was answered already
	failChat             // we cannot write there: no access, no rights, no such channel, blocked
	failToken            // the bot's token is not valid any more
	failTooLarge         // a file, or all of them
	failContent          // it does not take what we sent
)

// The codes that we act on (Discord docs, "JSON Error Codes").
const (
	codeUnknownChannel     = 10003
	codeUnknownMessage     = 10008
	codeUnknownWebhook     = 10015
	codeUnknownInteraction = 10062
	codeTooLarge           = 40005
	codeAnswered           = 40060
	codeNoFollowUps        = 40094 // where only the person installed the bot: five further messages are the most
	codeNoAccess           = 50001
	codeNoDirect           = 50007
	codeNoRights           = 50013
	codeInvalidToken       = 50027 // a webhook's: an interaction's is one
)

// meaning says what an error of a call means.
func meaning(err error) failure {
	if err == nil {
		return failNone
	}
	var failed *callError
	switch {
	case errors.As(err, new(*waitError)):
		return failWait
	case !errors.As(err, &failed) || failed.Status == 0 || failed.Status >= 500:
		return failUnknown
	}
	switch failed.Code {
	case codeUnknownMessage:
		return failGone
	case codeUnknownWebhook, codeUnknownInteraction, codeInvalidToken, codeNoFollowUps:
		return failExpired
	case codeAnswered:
		return failAnswered
	case codeUnknownChannel, codeNoAccess, codeNoDirect, codeNoRights:
		return failChat
	case codeTooLarge:
		return failTooLarge
	}
	switch failed.Status {
	case http.StatusTooManyRequests:
		return failWait
	case http.StatusRequestEntityTooLarge:
		return failTooLarge
	case http.StatusUnauthorized:
		return failToken
	case http.StatusForbidden:
		return failChat
	}
	if failed.Page {
		return failUnknown
	}
	return failContent
}

// waitOf is how long Discord wants to be left alone, and whether by every call.
func waitOf(err error) (wait core.DeliveryError) {
	var ours *waitError
	var failed *callError
	switch {
	case errors.As(err, &ours):
		wait.RetryAfter = ours.wait
	case errors.As(err, &failed):
		wait.RetryAfter, wait.Everywhere = failed.RetryAfter, failed.Global
	}
	return wait
}

// deliveryError says what core does about a delivery that failed for good or
// for now.
func deliveryError(err error, fallback core.Lane) error {
	out := &core.DeliveryError{Err: err}
	switch meaning(err) {
	case failWait:
		wait := waitOf(err)
		out.RetryAfter, out.Everywhere = wait.RetryAfter, wait.Everywhere
	case failToken:
		out.RetryAfter, out.Everywhere = tokenWait, true
	case failChat, failExpired:
		out.Permanent, out.Fallback = true, fallback
	case failContent, failTooLarge:
		out.Permanent = true
	default:
		return err
	}
	return out
}

// notSent reports whether the call surely did nothing: there was no
// connection, or its files had not left yet when it broke.
func notSent(err error) bool {
	var failed *callError
	var op *net.OpError
	return errors.As(err, &failed) && !errors.Is(err, context.Canceled) &&
		(failed.CutOff || failed.Status == 0 && errors.As(failed.Cause, &op) && op.Op == "dial")
}

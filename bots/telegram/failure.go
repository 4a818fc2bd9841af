package telegram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kiebot/core"
)

// callError is why a call failed. Its text has no token, no link and nothing
// that a person wrote.
type callError struct {
	Method      string
	Status      int    // of HTTP; 0 when no answer came
	Code        int    // the Bot API's error_code; 0 when the answer was not one of its own
	Description string // its words, or what came instead
	RetryAfter  time.Duration
	MovedTo     int64 // the supergroup that the group became
	Cause       error // of no answer
	CutOff      bool  // files were still on their way, so Telegram did nothing
}

// Error says what was called and what came back.
func (e *callError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("telegram %s: %v", e.Method, e.Cause)
	case e.Cause != nil:
		return fmt.Sprintf("telegram %s: HTTP status %d: %v", e.Method, e.Status, e.Cause)
	case e.Code == 0:
		return fmt.Sprintf("telegram %s: HTTP status %d: %s", e.Method, e.Status, e.Description)
	}
	return fmt.Sprintf("telegram %s: %d %s", e.Method, e.Code, e.Description)
}

// Unwrap gives the cause of no answer.
func (e *callError) Unwrap() error { return e.Cause }

// failure says what a failed call means for us.
type failure int

const (
	failNone     failure = iota
	failUnknown          // no answer, or one that says nothing: perhaps it was done
	failWait             // 429, or it would be
	failSame             // the message shows just that already
	failGone             // there is no message to edit, or to delete
	failKept             // the message cannot be edited, or deleted
	failReply            // there is no message to reply to
	failTopic            // the topic is closed or gone
	failMoved            // the group is a supergroup now
	failChat             // we cannot write there: blocked, removed, no rights, no such chat
	failToken            // the token is not valid any more
	failFileID           // the server does not know the file_id
	failTooLarge         // 413
	failReturned         // the payment went back before
	failLate             // the press or the inline query waited too long for its answer
	failContent          // it does not take what we sent
)

// sayings maps what the Bot API says to what it means: it has no numeric codes
// below 400. The words are those of its server (github.com/tdlib/telegram-bot-api)
// and of Telegram's own errors that it passes on; the first that is found counts.
func sayings() []struct {
	words string
	means failure
} {
	return []struct {
		words string
		means failure
	}{
		{"message is not modified", failSame},
		{"message to edit not found", failGone},
		{"message to delete not found", failGone},
		{"message_id_invalid", failGone},
		{"message can't be edited", failKept},
		{"there is no text in the message to edit", failKept},
		{"message can't be deleted", failKept},
		{"message to be replied not found", failReply},
		{"replied message not found", failReply},
		{"message to reply not found", failReply},
		{"reply_message_id_invalid", failReply},
		{"message thread not found", failTopic},
		{"topic_closed", failTopic},
		{"topic_deleted", failTopic},
		{"topic_id_invalid", failTopic},
		{"upgraded to a supergroup", failMoved},
		{"chat not found", failChat},
		{"peer_id_invalid", failChat},
		{"user not found", failChat},
		{"group chat was deactivated", failChat},
		{"group is deactivated", failChat},
		{"have no rights to send", failChat},
		{"not enough rights to send", failChat},
		{"need administrator rights", failChat},
		{"chat_write_forbidden", failChat},
		{"chat_restricted", failChat},
		{"chat_admin_required", failChat},
		{"chat_send_", failChat}, // CHAT_SEND_PHOTOS_FORBIDDEN and so on
		{"user_is_blocked", failChat},
		{"input_user_deactivated", failChat},
		{"channel_private", failChat},
		{"wrong file identifier", failFileID},
		{"wrong remote file identifier", failFileID},
		{"wrong file_id", failFileID},
		{"file reference", failFileID}, // expired, or of another bot
		{"file_reference_", failFileID},
		{"can't use file of type", failFileID},
		{"charge_already_refunded", failReturned},
		{"query is too old", failLate},
		{"request entity too large", failTooLarge},
		{"file is too big", failTooLarge},
	}
}

// meaning says what an error of a call means.
func meaning(err error) failure {
	if err == nil {
		return failNone
	}
	var failed *callError
	switch {
	case errors.As(err, new(*waitError)):
		return failWait
	case !errors.As(err, &failed):
		return failUnknown
	}
	switch {
	case failed.Code == http.StatusTooManyRequests, failed.Status == http.StatusTooManyRequests:
		return failWait
	case failed.Status == http.StatusRequestEntityTooLarge || failed.Code == http.StatusRequestEntityTooLarge:
		return failTooLarge
	case failed.Code == 0 || failed.Code >= 500:
		return failUnknown
	case failed.MovedTo != 0:
		return failMoved
	}
	said := strings.ToLower(failed.Description)
	for _, s := range sayings() {
		if strings.Contains(said, s.words) {
			return s.means
		}
	}
	switch failed.Code {
	case http.StatusForbidden:
		return failChat
	case http.StatusUnauthorized, http.StatusNotFound: // of a token that is none, the server knows no method
		return failToken
	}
	return failContent
}

// Waits that are ours, where Telegram names none.
const (
	floodWait = 5 * time.Second // after a 429 without a time
	tokenWait = time.Minute     // between two tries of a token that is not valid
)

// deliveryError says what core does about a delivery that failed for good or
// for now. With an unknown outcome it is tried again: Telegram takes no key
// that makes a repeated call harmless, so after a lost answer, and only then,
// the chat can show the message twice.
func (t *talker) deliveryError(at place, err error) error {
	out := &core.DeliveryError{Err: err}
	var failed *callError
	errors.As(err, &failed)
	switch meaning(err) {
	case failWait:
		out.RetryAfter, out.Everywhere = t.refused(at.chat, err)
	case failToken:
		out.RetryAfter, out.Everywhere = tokenWait, true
	case failChat, failTopic:
		out.Permanent, out.Fallback = true, at.fallback
	case failContent:
		out.Permanent = true
	default:
		return err
	}
	return out
}

// refused notes who wants to be left alone, and answers for how long, and
// whether that is about every chat.
func (t *talker) refused(chat int64, err error) (wait time.Duration, everywhere bool) {
	var ours *waitError
	if errors.As(err, &ours) {
		return ours.wait, false
	}
	var failed *callError
	if errors.As(err, &failed) {
		wait = failed.RetryAfter
	}
	wait = cmp.Or(wait, floodWait)
	return wait, t.traffic.refused(chat, wait, time.Now(), t.sharers())
}

// waitError is a call that was not made, because Telegram asked for a wait or
// would refuse it.
type waitError struct{ wait time.Duration }

// Error says how long it has to wait.
func (e *waitError) Error() string {
	return "telegram: the chat takes nothing for " + e.wait.Round(time.Millisecond).String()
}

// directly is the lane of the person's direct messages, for what cannot be
// shown in a group; empty in a private chat, and for who is no person: a
// channel, or an admin who writes as the group.
func directly(origin core.Origin, chat int64) core.Lane {
	user, err := strconv.ParseInt(origin.Identity.User, 10, 64)
	if err != nil || user <= 0 || chat >= 0 || origin.Identity.Platform != Platform {
		return ""
	}
	return core.NewLane(Platform, origin.Identity.User)
}

// sentAnyway reports whether Telegram did what it was asked and only its
// answer could not be read: asking again would do it twice.
func sentAnyway(err error) bool {
	var failed *callError
	return err != nil && !errors.As(err, &failed) && strings.Contains(err.Error(), "error decode response result") &&
		!errors.Is(err, context.Canceled)
}

// cutOff reports whether a call surely did nothing because its files had not
// left yet when the connection broke.
func cutOff(err error) bool {
	var failed *callError
	return errors.As(err, &failed) && failed.CutOff
}

// errMovedAway is a message of a group that has become a supergroup: its number
// is another message's there, perhaps somebody else's.
var errMovedAway = &callError{Method: "none", Code: http.StatusBadRequest, Description: "message to edit not found: the chat has moved"}

// movedTo is the supergroup that the error of a call names.
func movedTo(err error) int64 {
	var failed *callError
	if !errors.As(err, &failed) {
		return 0
	}
	return failed.MovedTo
}

// notSent reports whether the call surely did not reach Telegram: there was no
// connection.
func notSent(err error) bool {
	var failed *callError
	var op *net.OpError
	return errors.As(err, &failed) && failed.Status == 0 && errors.As(failed.Cause, &op) && op.Op == "dial"
}

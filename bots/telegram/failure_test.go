package telegram

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kiebot/core"
)

func TestWhatDeliveryErrorsSay(t *testing.T) {
	flood := `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`
	for _, test := range []struct {
		name string
		lane core.Lane
		says string
		want *core.DeliveryError // nil: one that only says that it failed
	}{
		{"blocked", private, refuse(403, "Forbidden: bot was blocked by the user"), &core.DeliveryError{Permanent: true}},
		{"kicked", group, refuse(403, "Forbidden: bot was kicked from the supergroup chat"), &core.DeliveryError{Permanent: true, Fallback: private}},
		{"deactivated", private, refuse(403, "Forbidden: user is deactivated"), &core.DeliveryError{Permanent: true}},
		{"chat not found", group, refuse(400, "Bad Request: chat not found"), &core.DeliveryError{Permanent: true, Fallback: private}},
		{"no rights", group, refuse(400, "Bad Request: not enough rights to send text messages to the chat"), &core.DeliveryError{Permanent: true, Fallback: private}},
		{"flood", group, flood, &core.DeliveryError{RetryAfter: 17 * time.Second}},
		{"token", group, refuse(401, "Unauthorized"), &core.DeliveryError{RetryAfter: tokenWait, Everywhere: true}},
		{"server", group, refuse(500, "Internal Server Error"), nil},
		{"page", group, "<html>502</html>", nil},
		{"reset", group, "broken", nil},
	} {
		r := newRoom(t)
		r.desk.answer("sendMessage", test.says, test.says, test.says)
		_, err := r.Deliver(t.Context(), parcel(core.DeliverAccepted, test.lane))
		var got *core.DeliveryError
		if errors.As(err, &got) != (test.want != nil) || err == nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got != nil && (got.Permanent != test.want.Permanent || got.Fallback != test.want.Fallback || got.RetryAfter != test.want.RetryAfter || got.Everywhere != test.want.Everywhere) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// Nothing is called before the time that a 429 asked for, whoever asks.
func TestNoCallBeforeRetryAfter(t *testing.T) {
	r := newRoom(t)
	r.desk.answer("sendMessage", `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`)
	_, _ = r.Deliver(t.Context(), parcel(core.DeliverAccepted, group))
	r.desk.forget()
	_, err := r.Deliver(t.Context(), parcel(core.DeliverNotice, group))
	var got *core.DeliveryError
	if !errors.As(err, &got) || got.RetryAfter < 16*time.Second || got.RetryAfter > 17*time.Second || r.desk.methods() != "" {
		t.Errorf("%v after %q", err, r.desk.methods())
	}
	if r.must(parcel(core.DeliverAccepted, private)); r.desk.methods() != "sendMessage" {
		t.Errorf("%s", r.desk.methods())
	}
}

// The group moves between the result and the deletion of the old message: that
// number is somebody else's message in the supergroup.
func TestNothingIsDeletedInTheSupergroup(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverFinal, group)
	p.Tasks[0].State, p.Shown = core.Failed, receipt{Chat: -100500, Message: 50}.raw(t)
	moved := `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009999999999}}`
	r.desk.answer("deleteMessage", moved)
	if r.must(p); r.desk.methods() != "sendMessage deleteMessage" || r.desk.last("deleteMessage").form["chat_id"] != "-100500" {
		t.Errorf("%s, the last in %s", r.desk.methods(), r.desk.last("deleteMessage").form["chat_id"])
	}
}

// Two groups that are said to have become each other are not followed for ever.
func TestMigrationInACircle(t *testing.T) {
	r := newRoom(t)
	to := func(chat int64) string {
		return fmt.Sprintf(`{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":%d}}`, chat)
	}
	r.desk.answer("sendMessage", to(-2), to(-100500), to(-2), to(-100500), to(-2), to(-100500))
	if _, err := r.Deliver(t.Context(), parcel(core.DeliverAccepted, group)); err == nil || len(r.desk.calls) != placesMax {
		t.Errorf("%v after %d calls", err, len(r.desk.calls))
	}
}

func TestClosedTopicAndLostReply(t *testing.T) {
	for _, words := range []string{"Bad Request: message thread not found", "Bad Request: TOPIC_CLOSED"} {
		r := newRoom(t)
		r.desk.answer("sendMessage", refuse(400, words))
		shown := r.must(parcel(core.DeliverAccepted, group))
		if form := r.desk.last("sendMessage").form; form["message_thread_id"] != "" || form["reply_parameters"] != "" || shown.Message == 0 {
			t.Errorf("%s: %+v", words, form)
		}
	}
	r := newRoom(t)
	r.desk.answer("sendMessage", refuse(400, "Bad Request: message to be replied not found"))
	r.must(parcel(core.DeliverAccepted, group))
	if form := r.desk.last("sendMessage").form; form["message_thread_id"] != "3" || form["reply_parameters"] != "" {
		t.Errorf("%+v", form)
	}
}

// A group becomes a supergroup: its messages have other numbers there.
func TestMigrationIsFollowed(t *testing.T) {
	r := newRoom(t)
	moved := `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1009999999999}}`
	p := stored(t, parcel(core.DeliverFinal, group, picture(0)), 5000)
	p.Shown = receipt{Chat: -100500, Message: 50}.raw(t)
	r.desk.answer("sendPhoto", moved)
	shown := r.must(p)
	form := r.desk.last("sendPhoto").form
	if form["chat_id"] != "-1009999999999" || form["reply_parameters"] != "" || form["message_thread_id"] != "" || len(form["photo"]) != 5000 {
		t.Errorf("%+v", form)
	}
	if shown.Chat != -1009999999999 || r.desk.methods() != "sendPhoto sendPhoto" || fmt.Sprint(r.moves) != "[telegram:-100500 telegram:-1009999999999]" {
		t.Errorf("%+v after %s, moves %v", shown, r.desk.methods(), r.moves)
	}
	r.desk.forget()
	progress := parcel(core.DeliverProgress, group)
	progress.Shown = receipt{Chat: -100500, Message: 60}.raw(t)
	if shown := r.must(progress); r.desk.methods() != "" {
		t.Errorf("%s, %+v: an edit of a message that is not there any more", r.desk.methods(), shown)
	}
	r.must(parcel(core.DeliverAccepted, group))
	if got := r.desk.last("sendMessage").form["chat_id"]; got != "-1009999999999" || len(r.moves) != 1 {
		t.Errorf("sent to %s; moves %v", got, r.moves)
	}
}

// Where a request is shown somewhere else than it was made, there is no
// message to reply to and no topic.
func TestMovedToDirectMessages(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, picture(0)), 5000)
	p.Tasks[0].Request.Origin.Lane, p.Tasks[0].MovedTo = group, private
	r.must(p)
	if form := r.desk.last("sendPhoto").form; form["reply_parameters"] != "" || form["message_thread_id"] != "" || form["chat_id"] != "77" {
		t.Errorf("%+v", form)
	}
}

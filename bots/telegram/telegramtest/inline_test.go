package telegramtest_test

import (
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// A person picks one of the results, which appears in their name, and the
// button leads into the private chat.
func TestInline(t *testing.T) {
	b := newBot(t, telegramtest.Config{InlineFeedback: true})
	ann := b.s.Person("Ann")
	chat := b.s.Group("cats", ann)
	photo := ann.Sends(telegramtest.Photo(picture(t, 100, 50)), "")
	q := ann.Queries("cat")
	b.must(nil, "answerInlineQuery", fields{
		"inline_query_id": q.ID, "is_personal": true, "cache_time": 0,
		"results": []fields{
			{"type": "photo", "id": "1", "photo_file_id": photo.FileID(), "caption": "a cat"},
			{"type": "article", "id": "2", "title": "Help", "input_message_content": fields{"message_text": "Type /help"}},
		},
		"button": fields{"text": "Make one", "start_parameter": "make_1"},
	})
	a := q.Answer(t)
	if !a.Personal || a.CacheTime != 0 || len(a.Results) != 2 || a.Button.StartParameter != "make_1" {
		t.Errorf("the answer is %+v", a)
	}
	m := ann.Chooses(q, a.Results[0], chat)
	if m.Kind() != "photo" || m.Caption != "a cat" || m.From.ID != ann.ID() || m.ViaBot == nil {
		t.Errorf("the message is %v", m)
	}
	if m := ann.Chooses(q, a.Results[1], chat); m.Text != "Type /help" || len(m.Marked("bot_command")) != 1 {
		t.Errorf("the message is %v", m)
	}
	if ann.Starts(a.Button.StartParameter).Text != "/start make_1" {
		t.Error("the button does not lead to /start")
	}
	var kinds []string
	for _, u := range b.updates(nil) {
		for kind := range u {
			if kind != "update_id" {
				kinds = append(kinds, kind)
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "message inline_query message chosen_inline_result message chosen_inline_result message" {
		t.Errorf("the bot was told of %s", got)
	}
	second := ann.Queries("x")
	for _, bad := range []struct {
		params   fields
		sentence string
	}{
		{fields{"results": times(51, fields{"type": "photo", "id": "1", "photo_file_id": photo.FileID()})}, "Bad Request: RESULTS_TOO_MUCH"},
		{fields{"results": []fields{{"type": "video", "id": "1", "video_file_id": photo.FileID()}}}, "Bad Request: DOCUMENT_INVALID"},
		{fields{"results": []fields{{"type": "photo", "id": strings.Repeat("x", 65), "photo_file_id": photo.FileID()}}}, "Bad Request: RESULT_ID_INVALID"},
		{fields{"results": []fields{}, "button": fields{"text": "x", "start_parameter": "a b"}}, "Bad Request: START_PARAM_INVALID"},
	} {
		bad.params["inline_query_id"] = second.ID
		b.refused(b.call("answerInlineQuery", bad.params), bad.sentence)
	}
	b.clean()
}

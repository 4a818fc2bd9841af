package discordtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

// A command is deferred, edited with a picture in components, and followed up.
func TestDeferredAnswer(t *testing.T) {
	b, ann, chat, in := asked(t, discordtest.Config{})
	var answered struct {
		Interaction struct {
			Message string `json:"response_message_id"`
			Loading bool   `json:"response_message_loading"`
		}
	}
	b.must(&answered, "POST", callback(in)+"?with_response=true", fields{"type": 5})
	msg := chat.Next(t)
	if !msg.Loading() || msg.ID != answered.Interaction.Message || !answered.Interaction.Loading || !in.Answer(t).Deferred() {
		t.Errorf("the deferred answer is %v, %+v", msg, answered)
	}
	b.took(nil, b.upload("PATCH", b.hook(in)+"/messages/@original", fields{
		"flags": discordtest.FlagComponentsV2, "allowed_mentions": fields{"parse": []string{}},
		"attachments": []fields{{"id": 0, "filename": "cat.png", "description": "a cat"}},
		"components": []fields{
			{"type": 12, "items": []fields{{"media": fields{"url": "attachment://cat.png"}}}},
			{"type": 10, "content": "seedream · @everyone"},
			row(button("🔄 again", "again:1"), button("more", "more:1")),
		},
	}, map[string][]byte{"cat.png": picture(t, 8, 4)}))
	msg = in.Becomes(t, func(m discordtest.Message) bool { return !m.Loading() })
	if shown := msg.Shown(); len(shown) != 1 || shown[0].Media.Width != 8 || msg.Attachments[0].Description != "a cat" || len(msg.Pinged) != 0 {
		t.Errorf("the message became %v, shows %+v, pings %v", msg, shown, msg.Pinged)
	}
	b.must(nil, "POST", b.hook(in), fields{"content": "and <@" + ann.ID() + ">", "flags": 64})
	if got := chat.As(ann).Until(t, func(m discordtest.Message) bool { return m.Ephemeral() }); got.For != ann.ID() || len(got.Pinged) != 1 {
		t.Errorf("the followup is %v, pings %v", got, got.Pinged)
	}
	if got := chat.FromBot(); len(got) != 1 {
		t.Errorf("everybody sees %v", got)
	}
	b.must(nil, "DELETE", b.hook(in)+"/messages/@original", nil)
	b.refused(b.call("GET", b.hook(in)+"/messages/@original", nil), 404, 10008, "Unknown Message")
	b.clean()
}

// A first answer comes once, is of a type that fits, and has the token.
func TestFirstAnswer(t *testing.T) {
	b, ann, chat, in := asked(t, discordtest.Config{})
	for _, kind := range []int{1, 6, 7, 8} {
		b.refused(b.answers(in, kind, fields{"content": "x"}), 400, 50035, `"type"`)
	}
	b.refused(b.answers(in, 3, nil), 400, 50035, "BASE_TYPE_CHOICES")
	b.refused(b.answers(in, 5, fields{"flags": discordtest.FlagComponentsV2}), 400, 50035, `"flags"`)
	b.refused(b.answers(in, 5, fields{"content": "x"}), 400, 50035, `"content"`)
	b.refused(b.answers(in, 4, fields{"content": ""}), 400, 50006, "empty message")
	b.refused(b.call("POST", "/interactions/"+in.ID+"/x/callback", fields{"type": 5}), 404, 10062, "Unknown interaction")
	b.refused(b.call("POST", b.hook(in), fields{"content": "x"}), 404, 10015, "Unknown Webhook")
	b.took(nil, b.answers(in, 4, fields{"content": "hello", "tts": false, "embeds": nil, "components": nil}))
	b.refused(b.answers(in, 4, fields{"content": "again"}), 400, 40060, "already been acknowledged")
	if msg := in.Original(t); msg.Content != "hello" || msg.Type != 20 || msg.Metadata.User.ID != ann.ID() {
		t.Errorf("the answer is %v", msg)
	}
	press := chat.As(ann).Types("/imagine", discordtest.Set("prompt", "x"))
	b.took(nil, b.answers(press, 4, fields{"content": "secret", "flags": 64}))
	if msg := press.Original(t); !msg.Ephemeral() || len(chat.FromBot()) != 1 {
		t.Errorf("the ephemeral answer is %v", msg)
	}
}

// Three seconds for the first answer, fifteen minutes for the rest.
func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		b.register(imagine())
		chat := s.Guild("cats", ann).Channel("general").As(ann)
		begun := time.Now()
		late := chat.Types("/imagine", discordtest.Set("prompt", "x"))
		late.Failed(t)
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it failed after %v", took)
		}
		b.refused(b.answers(late, 5, nil), 404, 10062, "Unknown interaction")
		in := chat.Types("/imagine", discordtest.Set("prompt", "x"))
		b.took(nil, b.answers(in, 5, nil))
		time.Sleep(15*time.Minute - time.Millisecond)
		b.must(nil, "PATCH", b.hook(in)+"/messages/@original", fields{"content": "x"})
		time.Sleep(time.Millisecond)
		b.refused(b.call("PATCH", b.hook(in)+"/messages/@original", fields{"content": "y"}), 401, 50027, "Invalid Webhook Token")
		soon := chat.Types("/imagine", discordtest.Set("prompt", "x"))
		b.took(nil, b.answers(soon, 5, nil))
		soon.Expire()
		b.refused(b.call("POST", b.hook(soon), fields{"content": "y"}), 401, 50027, "Invalid Webhook Token")
		if n := s.Invalid(); n != 2 {
			t.Errorf("%d answers count as invalid; want 2", n)
		}
		if left := s.Unanswered(); len(left) != 1 || left[0] != late {
			t.Errorf("unanswered are %v", left)
		}
	})
}

// The first followup after a deferral changes it, whatever its flags, which is
// noted.
func TestFollowupAfterDeferral(t *testing.T) {
	b, _, chat, in := asked(t, discordtest.Config{})
	b.took(nil, b.answers(in, 5, nil))
	b.must(nil, "POST", b.hook(in), fields{"content": "no", "flags": 64})
	if got := chat.FromBot(); len(got) != 1 || got[0].Content != "no" || got[0].Ephemeral() {
		t.Errorf("the channel shows %v", got)
	}
	if n := len(b.s.Complaints()); n != 1 {
		t.Errorf("%d complaints", n)
	}
	b.must(nil, "POST", b.hook(in), fields{"content": "really", "flags": 64})
	if got := chat.FromBot(); len(got) != 1 {
		t.Errorf("the channel shows %v", got)
	}
}

// Buttons: a new message, an update in place, a modal; stale, forged, gone.
func TestPresses(t *testing.T) {
	b, ann, chat, in := asked(t, discordtest.Config{})
	bob := b.s.Person("Bob")
	b.took(nil, b.answers(in, 4, fields{"content": "done", "components": []fields{row(button("again", "again:1"), button("edit", "edit:1"))}}))
	msg := chat.Next(t)
	press := ann.Presses(msg, "again")
	b.took(nil, b.answers(press, 7, fields{"content": "once more", "components": []fields{}}))
	now := chat.Until(t, func(m discordtest.Message) bool { return m.Content == "once more" })
	if now.ID != msg.ID || len(now.Buttons()) != 0 {
		t.Errorf("the update is %v", now)
	}
	b.must(nil, "PATCH", b.hook(press)+"/messages/@original", fields{"content": "and more"})
	b.took(nil, b.answers(ann.PressesStale(msg, "edit"), 6, nil))
	b.took(nil, b.answers(ann.Forges(msg, "edit:2"), 4, fields{"content": "no", "flags": 64}))
	chat.As(ann).Deletes(msg)
	if in := ann.PressesStale(msg, "edit"); !bytes.Contains(in.Payload(), []byte(`"custom_id":"edit:1"`)) {
		t.Errorf("the press is %s", in.Payload())
	}
	mustPanic(t, "press what is gone", func() { ann.Presses(msg, "edit") })
	mustPanic(t, "use what is not there", func() { chat.As(bob).Types("/imagine", discordtest.Set("prompt", "x")) })
	b.clean()
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("somebody could %s", what)
		}
	}()
	f()
}

// What clients check before they send: options, choices, ranges, files.
func TestTyping(t *testing.T) {
	b, ann, channel, _ := asked(t, discordtest.Config{})
	chat := channel.As(ann)
	for what, values := range map[string][]discordtest.Value{
		"leave out the prompt": {},
		"use another option":   {discordtest.Set("prompt", "x"), discordtest.Set("size", 1)},
		"use another choice":   {discordtest.Set("prompt", "x"), discordtest.Set("aspect_ratio", "2:1")},
		"ask for five":         {discordtest.Set("prompt", "x"), discordtest.Set("count", 5)},
		"ask for half":         {discordtest.Set("prompt", "x"), discordtest.Set("count", 1.5)},
		"write lines":          {discordtest.Set("prompt", "x\ny")},
		"write too much":       {discordtest.Set("prompt", strings.Repeat("x", 4001))},
		"attach a film":        {discordtest.Set("prompt", "x"), discordtest.Attach("image", "a.mp4", nil)},
	} {
		mustPanic(t, what, func() { chat.Types("/imagine", values...) })
	}
	var got struct {
		Data struct {
			Options []struct {
				Name  string
				Type  int
				Value any
			}
			Resolved struct {
				Attachments map[string]discordtest.Attachment
				Users       map[string]discordtest.User
			}
		}
		Member struct {
			Permissions string
			User        discordtest.User
		}
		AppPermissions string `json:"app_permissions"`
		Limit          int    `json:"attachment_size_limit"`
		Owners         map[string]string
	}
	in := chat.Types("imagine", discordtest.Set("prompt", "x"), discordtest.Set("count", 2), discordtest.Set("for", ann),
		discordtest.Attach("image", "a.png", picture(t, 3, 2)))
	if err := json.Unmarshal(in.Payload(), &got); err != nil {
		t.Fatal(err)
	}
	o := got.Data.Options
	if len(o) != 4 || o[1].Value != 2.0 || o[1].Type != 4 || got.Data.Resolved.Users[ann.ID()].Username != "ann" || got.Limit != 10<<20 {
		t.Errorf("the interaction is %s", in.Payload())
	}
	file := got.Data.Resolved.Attachments[o[3].Value.(string)]
	answer, err := b.s.Client().Get(file.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || !bytes.Equal(data, picture(t, 3, 2)) || file.Width != 3 || file.ContentType != "image/png" {
		t.Errorf("the attachment %+v is served with %d", file, answer.StatusCode)
	}
}

// Completion gives at most 25 choices of the option's kind.
func TestCompletion(t *testing.T) {
	b, ann, channel, _ := asked(t, discordtest.Config{})
	chat := channel.As(ann)
	in := chat.Completes("/imagine", "model", "see")
	if !bytes.Contains(in.Payload(), []byte(`"focused":true`)) {
		t.Errorf("the interaction is %s", in.Payload())
	}
	b.refused(b.answers(in, 4, fields{"content": "x"}), 400, 50035, `"type"`)
	b.refused(b.answers(in, 8, nil), 400, 50035, "BASE_TYPE_REQUIRED")
	b.refused(b.answers(in, 8, fields{"choices": []fields{{"name": "x", "value": 1}}}), 400, 50035, "STRING_TYPE_CONVERT")
	many := make([]fields, 26)
	for i := range many {
		many[i] = fields{"name": "x", "value": "y"}
	}
	b.refused(b.answers(in, 8, fields{"choices": many}), 400, 50035, "Must be 25 or fewer")
	b.took(nil, b.answers(in, 8, fields{"choices": []fields{{"name": "Seedream · 5 credits", "value": "seedream"}}}))
	if got := in.Choices(t); len(got) != 1 || got[0].Value != "seedream" {
		t.Errorf("choices are %v", got)
	}
	mustPanic(t, "complete what is not completed", func() { chat.Completes("/imagine", "prompt", "x") })
}

// Whatever is made up reaches the bot as it is.
func TestMadeUp(t *testing.T) {
	b, ann, channel, _ := asked(t, discordtest.Config{})
	chat := channel.As(ann)
	wrong := chat.Sends(2, fields{"id": "1", "name": "imagine", "type": 1, "options": []fields{{"name": "prompt", "type": 4, "value": 7}}})
	if !bytes.Contains(wrong.Payload(), []byte(`"options":[{"name":"prompt","type":4,"value":7}]`)) {
		t.Errorf("the interaction is %s", wrong.Payload())
	}
	b.took(nil, b.answers(wrong, 4, fields{"content": "no"}))
	if got := wrong.Original(t); got.Content != "no" || got.Type != 20 {
		t.Errorf("the answer is %v", got)
	}
	if unknown := chat.Sends(99, nil); !bytes.Contains(unknown.Payload(), []byte(`"type":99`)) {
		t.Errorf("the interaction is %s", unknown.Payload())
	}
}

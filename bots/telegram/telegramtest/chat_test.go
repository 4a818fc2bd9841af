package telegramtest_test

import (
	"encoding/json"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// In a group the bot is told of commands for it, replies to it and service
// messages, unless it is an administrator ("Privacy mode").
func TestPrivacyMode(t *testing.T) {
	b := newBot(t, telegramtest.Config{Username: "catbot"})
	ann := b.s.Person("Ann")
	chat := b.s.Group("cats", ann)
	own := b.post("sendMessage", "application/json", nil)
	b.refused(own, "Bad Request: chat_id is empty")
	var mine telegramtest.Message
	b.must(&mine, "sendMessage", fields{"chat_id": chat.ID(), "text": "hello"})

	seen := []struct {
		name string
		do   func()
		want int
	}{
		{"chatter", func() { chat.As(ann).Types("I like cats") }, 0},
		{"a bare command", func() { chat.As(ann).Types("/imagine a cat") }, 1},
		{"a command for the bot", func() { chat.As(ann).Types("/imagine@CatBot a cat") }, 1},
		{"a command for another", func() { chat.As(ann).Types("/imagine@dogbot a dog") }, 0},
		{"a command in a caption", func() { chat.As(ann).Sends(telegramtest.Photo(picture(t, 8, 8)), "/edit blue") }, 1},
		{"no command", func() { chat.As(ann).Types("and/or /команда") }, 0},
		{"a reply to the bot", func() { ann.Replies(mine, "nice") }, 1},
		{"an anonymous administrator", func() { chat.AsAnonymousAdmin(ann, "boss").Types("/imagine x") }, 1},
		{"another bot", func() { chat.As(b.s.Person("Robot", telegramtest.AnotherBot())).Types("/imagine x") }, 0},
		{"somebody joins", func() { chat.Joins(b.s.Person("Bob")) }, 1},
	}
	for _, c := range seen {
		before := b.s.Pending()
		c.do()
		if got := b.s.Pending() - before; got != c.want {
			t.Errorf("%s: %d updates; want %d", c.name, got, c.want)
		}
	}
	chat.SetBot("administrator")
	before := b.s.Pending()
	chat.As(ann).Types("I like cats")
	if b.s.Pending() != before+1 {
		t.Error("an administrator does not see everything")
	}
	b.clean()
}

// A basic group that becomes a supergroup has another id: both chats say so,
// and calls for the old one fail with the new id.
func TestMigration(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	chat := b.s.BasicGroup("cats", ann)
	old := chat.ID()
	chat.Migrates()
	r := b.call("sendMessage", fields{"chat_id": old, "text": "x"})
	b.refused(r, "Bad Request: group chat was upgraded to a supergroup chat")
	if r.Parameters.MigrateToChatID != chat.ID() || chat.ID() == old {
		t.Errorf("migrate_to_chat_id is %d; want %d", r.Parameters.MigrateToChatID, chat.ID())
	}
	var told []telegramtest.Message
	for _, u := range b.updates(nil) {
		var m telegramtest.Message
		if err := json.Unmarshal(u["message"], &m); err != nil {
			t.Fatal(err)
		}
		told = append(told, m)
	}
	if len(told) != 2 || told[0].MigrateToChatID != chat.ID() || told[1].MigrateFromChatID != old {
		t.Errorf("the bot was told %v", told)
	}
	b.must(nil, "sendMessage", fields{"chat_id": chat.ID(), "text": "x"})
	b.clean()
}

// Messages stay in their topic, in forums and in private chats, and replies go
// where the message is.
func TestTopics(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	forum := b.s.Forum("cats", ann)
	for _, chat := range []*telegramtest.Chat{forum, ann.Private()} {
		topic := chat.Topic("black cats")
		asked := topic.As(ann).Types("/imagine a cat")
		if asked.ThreadID != topic.ThreadID() || !asked.IsTopicMessage {
			t.Errorf("the question is %+v", asked)
		}
		b.must(nil, "sendMessage", fields{"chat_id": chat.ID(), "text": "elsewhere"})
		b.must(nil, "sendMessage", fields{"chat_id": chat.ID(), "text": "here", "message_thread_id": topic.ThreadID()})
		if m := topic.Next(t); m.Text != "here" || m.ThreadID != topic.ThreadID() {
			t.Errorf("in the topic is %v", m)
		} else if again := ann.Replies(m, "/edit it"); again.ThreadID != topic.ThreadID() || again.ReplyTo.ID != m.ID {
			t.Errorf("the reply is %v", again)
		}
		if got := len(topic.Messages()); got != 4 {
			t.Errorf("%d messages in the topic; want 4", got)
		}
		topic.CloseTopic()
		if got := topic.Messages(); len(got) != 0 {
			t.Errorf("in the deleted topic are %v", got)
		}
		b.refused(b.call("sendMessage", fields{"chat_id": chat.ID(), "text": "x", "message_thread_id": topic.ThreadID()}), "Bad Request: message thread not found")
	}
	b.clean()
}

// Who may not be written to says why.
func TestForbidden(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann, bob := b.s.Person("Ann"), b.s.Person("Bob")
	group, channel := b.s.Group("cats", ann), b.s.Channel("news")
	refused := func(chat *telegramtest.Chat, sentence string) {
		t.Helper()
		b.refused(b.call("sendMessage", fields{"chat_id": chat.ID(), "text": "x"}), sentence)
	}
	refused(bob.Private(), "Forbidden: bot can't initiate conversation with a user")
	ann.Starts("")
	ann.Blocks()
	refused(ann.Private(), "Forbidden: bot was blocked by the user")
	ann.Unblocks()
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "x"})
	ann.DeletesAccount()
	refused(ann.Private(), "Forbidden: user is deactivated")
	group.Mute()
	refused(group, "Bad Request: not enough rights to send text messages to the chat")
	group.SetBot("kicked")
	refused(group, "Forbidden: bot was kicked from the supergroup chat")
	b.refused(b.call("getChatMember", fields{"chat_id": group.ID(), "user_id": ann.ID()}), "Forbidden: bot was kicked from the supergroup chat")
	group.SetBot("left")
	refused(group, "Forbidden: bot is not a member of the supergroup chat")
	b.must(nil, "sendMessage", fields{"chat_id": channel.ID(), "text": "x"})
	if m := channel.Next(t); m.From != nil || m.SenderChat == nil {
		t.Errorf("a post is %+v", m)
	}
	channel.SetBot("member")
	refused(channel, "Bad Request: need administrator rights in the channel chat")
	b.clean()
}

// Anonymous administrators and channels write under the names of bots, and a
// channel's posts under none ("Message", field from).
func TestSenders(t *testing.T) {
	b := newBot(t, telegramtest.Config{ReadsAll: true})
	ann := b.s.Person("Ann")
	group, channel := b.s.Group("cats", ann), b.s.Channel("news")
	if m := group.AsAnonymousAdmin(ann, "boss").Types("/imagine x"); m.From.Username != "GroupAnonymousBot" || m.SenderChat.ID != group.ID() || m.AuthorSignature != "boss" {
		t.Errorf("an anonymous administrator is %+v", m)
	}
	if m := group.AsChannel(channel).Types("/imagine x"); m.From.Username != "Channel_Bot" || m.SenderChat.ID != channel.ID() {
		t.Errorf("a channel is %+v", m)
	}
	if m := channel.AsChannel(channel).Types("/imagine x"); m.From != nil || m.SenderChat.ID != channel.ID() {
		t.Errorf("a post is %+v", m)
	}
	if got := b.updates(nil); len(got) != 4 || got[3]["channel_post"] == nil {
		t.Errorf("%d updates, the last %v", len(got), got[len(got)-1])
	}
	b.clean()
}

// Members have a status; the first of a group is its creator.
func TestMembers(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann, bob, eve := b.s.Person("Ann"), b.s.Person("Bob"), b.s.Person("Eve")
	group := b.s.Group("cats", ann, bob)
	status := func(p *telegramtest.Person, want string) {
		t.Helper()
		var m struct{ Status string }
		b.must(&m, "getChatMember", fields{"chat_id": group.ID(), "user_id": p.ID()})
		if m.Status != want {
			t.Errorf("status is %q; want %q", m.Status, want)
		}
	}
	status(ann, "creator")
	status(bob, "member")
	status(eve, "left")
	group.SetStatus(bob, "administrator")
	status(bob, "administrator")
	var admins []any
	b.must(&admins, "getChatAdministrators", fields{"chat_id": group.ID()})
	var n int
	b.must(&n, "getChatMemberCount", fields{"chat_id": group.ID()})
	if len(admins) != 2 || n != 3 {
		t.Errorf("%d administrators of %d members; want 2 of 3", len(admins), n)
	}
	group.SetUsername("catlovers")
	var c telegramtest.ChatInfo
	b.must(&c, "getChat", fields{"chat_id": "@CatLovers"})
	if c.ID != group.ID() {
		t.Errorf("@CatLovers is %+v", c)
	}
	b.must(nil, "leaveChat", fields{"chat_id": group.ID()})
	b.refused(b.call("getChatMemberCount", fields{"chat_id": group.ID()}), "Forbidden: bot is not a member of the supergroup chat")
	b.clean()
}

// Every scope and language has commands of its own ("setMyCommands").
func TestCommands(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	list := func(name string) []fields { return []fields{{"command": name, "description": "x"}} }
	group := b.s.Group("cats")
	places := []fields{
		{}, {"language_code": "ru"}, {"scope": fields{"type": "all_private_chats"}}, {"scope": fields{"type": "chat", "chat_id": group.ID()}},
	}
	for i, at := range places {
		at["commands"] = list(string(rune('a' + i)))
		b.must(nil, "setMyCommands", at)
		delete(at, "commands")
	}
	for i, at := range places {
		var got []telegramtest.Command
		b.must(&got, "getMyCommands", at)
		if len(got) != 1 || got[0].Name != string(rune('a'+i)) {
			t.Errorf("%v has %v", at, got)
		}
	}
	b.must(nil, "deleteMyCommands", nil)
	if len(b.s.Commands("default", "")) != 0 || len(b.s.Commands("", "ru")) != 1 || len(b.s.Commands("all_private_chats", "")) != 1 {
		t.Error("deleteMyCommands took the wrong list")
	}
	b.clean()
}

// A press sees the message as it is, a stale one as it was, and of a deleted
// message only the ids are told.
func TestPresses(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "x", "reply_markup": keyboard(fields{"text": "🔄 again", "callback_data": "v1:again"})})
	msg := ann.Next(t)
	b.updates(fields{"offset": 1 << 50})
	press := ann.Presses(msg, "🔄")
	b.must(nil, "answerCallbackQuery", fields{"callback_query_id": press.ID, "text": "on it", "show_alert": true})
	if a := press.Answer(t); a.Text != "on it" || !a.Alert || len(b.s.Unanswered()) != 0 {
		t.Errorf("the answer is %+v", a)
	}
	b.must(nil, "deleteMessage", fields{"chat_id": ann.ID(), "message_id": msg.ID})
	ann.PressesStale(msg, "🔄 again")
	ann.Forges(msg, "v1:evil")
	got := b.updates(fields{"offset": -2})
	if len(got) != 2 || len(b.s.Unanswered()) != 2 {
		t.Fatalf("%d updates, %d presses without an answer", len(got), len(b.s.Unanswered()))
	}
	var query struct {
		Data    string
		Message map[string]any
	}
	err := json.Unmarshal(got[0]["callback_query"], &query)
	if m := query.Message; err != nil || query.Data != "v1:again" || len(m) != 3 || m["message_id"] != float64(msg.ID) || m["date"] != 0.0 {
		t.Errorf("the stale press is %+v, %v", query, err)
	}
	b.clean()
}

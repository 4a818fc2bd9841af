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

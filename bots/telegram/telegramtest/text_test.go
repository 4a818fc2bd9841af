package telegramtest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiebot/bots/telegram/telegramtest"
)

// What people type is marked as the service marks it, counted in UTF-16 code
// units ("MessageEntity").
func TestEntities(t *testing.T) {
	s := telegramtest.New(telegramtest.Config{})
	defer s.Close()
	ann := s.Person("Ann")
	for text, want := range map[string][]telegramtest.Entity{
		"/imagine a cat":         {{Type: "bot_command", Length: 8}},
		"😀 /imagine@catbot x":    {{Type: "bot_command", Offset: 3, Length: 15}},
		"/команда":               nil,
		"/imagineкот":            nil,
		"and/or a/b":             nil,
		"hi @durov, mail a@b.cd": {{Type: "mention", Offset: 3, Length: 6}},
		"see https://x.org/a #b": {{Type: "url", Offset: 4, Length: 15}, {Type: "hashtag", Offset: 20, Length: 2}},
		"(/help)":                {{Type: "bot_command", Offset: 1, Length: 5}},
	} {
		if diff := cmp.Diff(want, ann.Types(text).Entities); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", text, diff)
		}
	}
}

// Markup becomes entities, and what the text shows is left ("HTML style").
func TestHTML(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "parse_mode": "HTML", "text": `  😀 <b>a &lt;<i>cat</i></b> <a href="https://x.org/?a=1&amp;b=2">link</a> <span class="tg-spoiler">no</span>&nbsp;<blockquote expandable>q</blockquote> `})
	m := ann.Next(t)
	if want := "😀 a <cat link no&nbsp;q"; m.Text != want {
		t.Errorf("text is %q; want %q", m.Text, want)
	}
	want := []telegramtest.Entity{
		{Type: "bold", Offset: 3, Length: 6}, {Type: "italic", Offset: 6, Length: 3}, {Type: "text_link", Offset: 10, Length: 4, URL: "https://x.org/?a=1&b=2"},
		{Type: "spoiler", Offset: 15, Length: 2}, {Type: "expandable_blockquote", Offset: 23, Length: 1},
	}
	if diff := cmp.Diff(want, m.Entities); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := m.Marked("italic"); len(got) != 1 || got[0] != "cat" {
		t.Errorf("italic is %q", got)
	}
	b.clean()
}

// People can send 4096 emoji, which the bot could not, and nothing longer.
func TestLongestText(t *testing.T) {
	s := telegramtest.New(telegramtest.Config{})
	defer s.Close()
	ann := s.Person("Ann")
	if got := ann.Types(strings.Repeat("😀", 4096)).Text; len(got) != 4*4096 {
		t.Errorf("the text has %d bytes", len(got))
	}
	for _, text := range []string{"", strings.Repeat("a", 4097)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a text of %d bytes was sent", len(text))
				}
			}()
			ann.Types(text)
		}()
	}
}

package telegram

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// What people say to each other in the tests whose names begin with TestTalk:
//
//	commands, one by one, in every chat      TestTalkEveryCommand, TestTalkCommandsInGroups
//	photo, file, sticker, video, music,      TestTalkEveryInput, TestTalkSeveralInputs,
//	voice, album; alone and as an answer     TestHearPictures, TestHearAlbum
//	files that cannot be used                TestHearFilesThatDoNotFit, TestHearOtherKinds
//	buttons under a job in every state       TestTalkEveryButton, TestTalkThePrice
//	menus: models, settings, chat, draft     TestTalkEveryMenu, TestTalkMenus, TestTalkDraft
//	topics, migration, blocks, faults        the other TestTalk and TestHear
//
// The first of each line walks what the bot itself offers, so that something
// new that nobody talks about fails.

// talk is a conversation of one person in one language.
type talk struct {
	*town
	locale string
	ann    *telegramtest.Person
}

// inEveryLanguage runs the conversation in each.
func inEveryLanguage(t *testing.T, cfg townConfig, test func(*testing.T, *talk)) {
	t.Helper()
	for _, locale := range []string{"en", "ru"} {
		t.Run(locale, func(t *testing.T) {
			inTown(t, cfg, func(t *testing.T, w *town) {
				test(t, &talk{w, locale, w.tg.Person("Ann", telegramtest.Language(locale))})
			})
		})
	}
}

// in is what is said in the language of the conversation.
func (c *talk) in(english, russian string) string {
	if c.locale == "ru" {
		return russian
	}
	return english
}

// hears types words and waits for the message that answers them.
func (c *talk) hears(words, kind string, parts ...string) telegramtest.Message {
	c.t.Helper()
	return c.after(c.ann.Types(words), kind, parts...)
}

// after waits for a message of the bot that is younger than the other one.
func (c *talk) after(before telegramtest.Message, kind string, parts ...string) telegramtest.Message {
	c.t.Helper()
	m := c.ann.Until(c.t, func(m telegramtest.Message) bool { return m.ID > before.ID && finds(kind, parts...)(m) })
	c.understands(m)
	return m
}

// made types words and is the job that they led to, once it is shown.
func (c *talk) made(words, kind string) string {
	c.t.Helper()
	return jobIn(c.hears(words, kind).Words())
}

// waits types words that ask for something, which then waits at us, and is the
// message that says so.
func (c *talk) waits(words string) telegramtest.Message {
	c.t.Helper()
	c.kie.SetBalance(0)
	return c.hears(words, "text", c.in("has no credits left", "нет кредитов"))
}

// rawText is what is shown for a text that there is not.
var rawText = regexp.MustCompile(`{{|<no value>|(^|[ •])[a-z_]+\.[a-z_.]*[a-z]($|[ .])`)

// understands looks whether a message is in the language of the conversation.
// What was typed stands as code, and may be in any.
func (c *talk) understands(m telegramtest.Message) {
	c.t.Helper()
	words := m.Words()
	for _, typed := range m.Marked("code") {
		words = strings.Replace(words, typed, "", 1)
	}
	if words == "" {
		return // one of several files
	}
	cyrillic := strings.IndexFunc(words, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) >= 0
	if cyrillic != (c.locale == "ru") || rawText.MatchString(words) {
		c.t.Errorf("%s: not in this language", m)
	}
}

// fails lets Kie fail what is asked for next.
func (c *talk) fails() { c.kie.NextCreate(kietest.Fail("501", "no")) }

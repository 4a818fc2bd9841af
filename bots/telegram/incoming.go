package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiebot/bots"
	"kiebot/core"
)

// handle does what an update asks for, and says so in the chat. An album comes
// with all its messages.
func (t *Telegram) handle(ctx context.Context, u update, album []*message) {
	if u.Press != nil {
		t.press(ctx, u)
		return
	}
	if u.Inline != nil {
		t.offer(ctx, u.Inline)
		return
	}
	m := u.message()
	if m == nil {
		return
	}
	if m.Paid != nil || m.PaidBack != nil {
		t.book(ctx, m)
		return
	}
	if m.MovedTo != 0 {
		at := place{chat: m.Chat.ID}
		t.follow(ctx, &at, m.MovedTo)
		return
	}
	if len(album) > 1 {
		m = together(album)
	}
	ask, answers := t.asked(m)
	text, ok := t.addressed(m)
	if !ok && !answers {
		return
	}
	origin, ok := originOf(m)
	if !ok {
		return
	}
	origin.Admin = origin.Admin || m.From != nil && t.isAdmin(ctx, m.Chat.ID, m.From.ID)
	in := bots.Incoming{Key: keyOf(u), Origin: origin, Text: text, Files: t.filesOf(m, album), Alone: t.alone(origin, m.Chat.ID), Answers: m.answered()}
	reply := t.hears(ctx, u, origin.Locale, func() bots.Reply {
		if answers && !strings.HasPrefix(m.Text, "/") {
			in.Text = m.Text
			return t.cfg.Bot.Press(ctx, in, ask)
		}
		return t.cfg.Bot.Command(ctx, in)
	})
	if text == "/start" && m.Chat.Type == "private" {
		t.greetOperator(ctx, m.Chat.ID)
	}
	if ctx.Err() == nil {
		t.answer(ctx, placeOf(m, origin), origin.Locale, reply)
	}
}

// hears is the bot's answer, also when it panics.
func (t *Telegram) hears(ctx context.Context, u update, locale string, answer func() bots.Reply) (reply bots.Reply) {
	t.receiver.working(ctx, func() {
		reply = bots.Contain(answer, func(err error) bots.Reply {
			t.skipped(u.ID, err)
			return t.cfg.Bot.Broken(locale)
		})
	})
	return reply
}

// keyOf names the update for core, which makes nothing twice under one name.
// All pictures of an album have its name.
func keyOf(u update) string {
	if m := u.message(); m != nil && u.Press == nil && m.Album != "" {
		return Platform + ":album:" + strconv.FormatInt(m.Chat.ID, 10) + ":" + m.Album
	}
	return Platform + ":" + strconv.FormatInt(u.ID, 10)
}

// together is the message of an album that has the words, else its first.
func together(album []*message) *message {
	slices.SortFunc(album, func(a, b *message) int { return a.ID - b.ID })
	for _, m := range album {
		if m.Caption != "" {
			return m
		}
	}
	return album[0]
}

// addressed is what the message says to us; false when it is for somebody
// else. In a private chat everything is for us. Elsewhere it is what begins
// with a command of ours, or with our name: a command without a name might be
// another bot's, so one that we do not have is left to it.
func (t *Telegram) addressed(m *message) (string, bool) {
	text := strings.TrimSpace(m.Text + m.Caption)
	private := m.Chat.Type == "private"
	first, rest := text, ""
	if end := strings.IndexAny(text, " \n\t"); end >= 0 {
		first, rest = text[:end], strings.TrimLeft(text[end:], " \t")
	}
	me := t.me().Username
	switch name, slashed := strings.CutPrefix(first, "/"); {
	case slashed:
		name, bot, named := strings.Cut(name, "@")
		if named && !strings.EqualFold(bot, me) || !named && !private && !t.cfg.Bot.HasCommand(name) {
			return "", false
		}
		if strings.EqualFold(name, "start") {
			return started(rest), true
		}
		return "/" + name + text[len(first):], true
	case strings.HasPrefix(first, "@") && strings.EqualFold(first[1:], me):
		return rest, rest != "" || m.hasFile()
	case !private:
		return "", false
	case text == "" && m.hasFile():
		return "/edit", true // says what to do with a file that came without a word
	}
	return text, text != ""
}

// A link to the bot can carry a word (Bot API, "Deep linking"): show-ID opens
// a result, help-COMMAND explains a command.
var linkWord = regexp.MustCompile(`^(show|help)-([A-Za-z0-9]{1,32})$`)

// started is the command that /start stands for.
func started(payload string) string {
	if payload == buyWord {
		return "/buy"
	}
	if found := linkWord.FindStringSubmatch(strings.TrimSpace(payload)); found != nil {
		return "/" + found[1] + " " + found[2]
	}
	return "/start"
}

// originOf says who asks and where; false for whom we do not answer: other
// bots, and a channel's posts that Telegram repeats in its group.
//
// An anonymous admin writes as the group and a channel as itself, both by way
// of a bot of Telegram's: the group or the channel is the account then.
func originOf(m *message) (core.Origin, bool) {
	o := core.Origin{Lane: laneOf(m.Chat.ID), Ref: encodeRef(m)}
	if m.Chat.ID < 0 {
		o.Place = core.Place(o.Lane)
		o.Roles = []string{Platform + ":chat:" + strconv.FormatInt(m.Chat.ID, 10)}
	}
	switch {
	case m.Forwarded:
		return o, false
	case m.Sender != nil:
		o.Identity, o.Name = identity(m.Sender.ID), m.Sender.Title
		o.Admin = m.Sender.ID == m.Chat.ID
	case m.From == nil || m.From.IsBot:
		return o, false
	default:
		o.Identity, o.Name, o.Locale = identity(m.From.ID), m.From.name(), m.From.Language
	}
	return o, true
}

func identity(id int64) core.Identity {
	return core.Identity{Platform: Platform, User: strconv.FormatInt(id, 10)}
}

// answered is whose message this one answers; zero when it is a bot's or
// nobody's. What is said in a topic answers the message that opened it, unless
// it answers another one.
func (m *message) answered() core.Identity {
	a := m.Answers
	switch {
	case a == nil || a.From == nil || m.InTopic && a.ID == m.Thread || a.From.IsBot && a.Sender == nil:
		return core.Identity{}
	case a.Sender != nil:
		return identity(a.Sender.ID)
	}
	return identity(a.From.ID)
}

func laneOf(chat int64) core.Lane { return core.NewLane(Platform, strconv.FormatInt(chat, 10)) }

func (p person) name() string { return strings.TrimSpace(p.First + " " + p.Last) }

func encodeRef(m *message) json.RawMessage {
	r := ref{Message: m.ID}
	if m.InTopic || m.Chat.Type == "private" {
		r.Thread = m.Thread
	}
	data, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("two numbers do not encode: %v", err))
	}
	return data
}

func placeOf(m *message, origin core.Origin) place {
	r := readRef(origin.Ref)
	return place{lane: origin.Lane, chat: m.Chat.ID, thread: r.Thread, reply: r.Message, fallback: directly(origin, m.Chat.ID)}
}

// pressFor is how long a press may take before the button stops spinning
// without words.
const pressFor = time.Second

// press answers a press on a button: with a small window where that is enough,
// else with a message.
func (t *Telegram) press(ctx context.Context, u update) {
	p := u.Press
	if p.From.IsBot || p.Message == nil {
		t.answerPress(ctx, p.ID, "")
		return
	}
	m := *p.Message
	m.From, m.Sender, m.Forwarded = &p.From, nil, false
	origin, _ := originOf(&m)
	done := make(chan bots.Reply, 1)
	go func() {
		done <- t.hears(ctx, u, origin.Locale, func() bots.Reply {
			asks := origin
			asks.Admin = t.isAdmin(ctx, m.Chat.ID, p.From.ID)
			return t.cfg.Bot.Press(ctx, bots.Incoming{Key: keyOf(u), Origin: asks, Alone: t.alone(asks, m.Chat.ID)}, p.Data)
		})
	}()
	at := placeOf(&m, origin)
	late := time.NewTimer(pressFor)
	defer late.Stop()
	select {
	case reply := <-done:
		if words, enough := inWindow(reply); enough {
			t.answerPress(ctx, p.ID, words)
			return
		}
		t.answerPress(ctx, p.ID, "")
		t.react(ctx, at, &m, origin.Locale, reply)
	case <-late.C:
		t.answerPress(ctx, p.ID, "")
		t.react(ctx, at, &m, origin.Locale, <-done)
	}
}

package discordtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
)

// Roles, languages and permissions are in the interaction and can be asked for.
func TestGuild(t *testing.T) {
	b := newBot(t, discordtest.Config{Username: "catbot", ApplicationID: "77"})
	ann, bob := b.s.Person("Ann", discordtest.Locale("ru")), b.s.Person("Bob", discordtest.ID("5"))
	guild := b.s.Guild("cats", ann)
	guild.Joins(bob)
	guild.SetLocale("fr")
	vip := guild.Role("vip")
	guild.Gives(bob, vip)
	guild.Gives(ann, vip)
	guild.Takes(ann, vip)
	b.register(imagine())
	chat := guild.Channel("general")
	var in struct {
		Guild  struct{ Locale string }
		Member struct {
			Roles       []string
			Permissions string
		}
		Context int
	}
	if err := json.Unmarshal(chat.As(bob).Types("/imagine", discordtest.Set("prompt", "x")).Payload(), &in); err != nil {
		t.Fatal(err)
	}
	if in.Guild.Locale != "fr" || !slices.Equal(in.Member.Roles, []string{vip}) || in.Context != 0 {
		t.Errorf("the interaction is %+v", in)
	}
	var member struct {
		Roles []string
		User  discordtest.User
	}
	b.must(&member, "GET", "/guilds/"+guild.ID()+"/members/5", nil)
	var roles []discordtest.Role
	b.must(&roles, "GET", "/guilds/"+guild.ID()+"/roles", nil)
	if member.User.GlobalName != "Bob" || len(roles) != 2 || roles[1].ID != vip {
		t.Errorf("the member is %+v, roles are %+v", member, roles)
	}
	b.refused(b.call("GET", "/guilds/"+guild.ID()+"/members/6", nil), 404, 10007, "Unknown Member")
	b.refused(b.call("GET", "/guilds/6", nil), 404, 10004, "Unknown Guild")
	b.refused(b.call("GET", "/users/6", nil), 404, 10013, "Unknown User")
	var me, who discordtest.User
	b.must(&me, "GET", "/users/@me", nil)
	b.must(&who, "GET", "/users/"+ann.ID(), nil)
	if me != b.s.Bot() || me.ID != "77" || who.Username != ann.User().Username {
		t.Errorf("the bot is %+v, Ann is %+v", me, who)
	}
	b.refused(b.call("GET", "/applications/6/commands", nil), 404, 10002, "Unknown Application")
	mustPanic(t, "be a stranger", func() { chat.As(b.s.Person("Eve")).Types("/imagine", discordtest.Set("prompt", "x")) })
}

// A forum has threads only; a channel tells what was written.
func TestChannels(t *testing.T) {
	b, ann, chat, path := here(t)
	b.register(imagine())
	forum := b.s.Guild("dogs", ann).Forum("posts")
	b.refused(b.call("POST", "/channels/"+forum.ID()+"/messages", fields{"content": "x"}), 400, 40058, "forum channel")
	mustPanic(t, "type in a forum", func() { forum.As(ann).Types("/imagine", discordtest.Set("prompt", "x")) })
	post := forum.Thread("a post")
	var about struct {
		Type   int
		Parent string `json:"parent_id"`
	}
	b.must(&about, "GET", "/channels/"+post.ID(), nil)
	if about.Type != 11 || about.Parent != forum.ID() {
		t.Errorf("the thread is %+v", about)
	}
	in := post.As(ann).Types("/imagine", discordtest.Set("prompt", "x"))
	b.took(nil, b.answers(in, 4, fields{"content": "in the thread"}))

	hello := chat.As(ann).Writes("hello")
	b.must(nil, "POST", path, fields{"content": "hi"})
	var list []discordtest.Message
	b.must(&list, "GET", path, nil)
	if len(list) != 2 || list[1].ID != hello.ID || len(chat.Messages()) != 2 {
		t.Errorf("the channel has %v", list)
	}
	chat.Allow(discordtest.PermManageMessages)
	b.must(nil, "DELETE", path+"/"+hello.ID, nil)
	b.refused(b.call("GET", path+"/"+hello.ID, nil), 404, 10008, "Unknown Message")
	own := ann.Writes("mine")
	b.refused(b.call("DELETE", "/channels/"+ann.Private().ID()+"/messages/"+own.ID, nil), 403, 50003, "DM channel")
	mustPanic(t, "write nothing", func() { ann.Writes("") })
	if text := chat.Messages()[0].String(); !strings.Contains(text, "testbot: hi") {
		t.Errorf("the message is shown as %q", text)
	}
}

// Picking takes the first choice the bot gives.
func TestPicks(t *testing.T) {
	b, ann, channel, _ := asked(t, discordtest.Config{})
	chat := channel.As(ann)
	var bot sync.WaitGroup
	bot.Go(func() {
		b.s.Until(t, func() bool { return len(b.s.Unanswered()) == 2 })
		b.answers(b.s.Unanswered()[1], 8, fields{"choices": []fields{{"name": "Flux", "value": "flux"}}})
	})
	model := chat.Picks(t, "/imagine", "model", "fl")
	bot.Wait()
	in := chat.Types("/imagine", discordtest.Set("prompt", "x"), model)
	if !strings.Contains(string(in.Payload()), `"value":"flux"`) {
		t.Errorf("the interaction is %s", in.Payload())
	}
}

// failing is a test that fails, and says how.
type failing struct {
	*testing.T
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// Who waits for what does not come is told what there is.
func TestWaitsFail(t *testing.T) {
	b, ann, chat, in := asked(t, discordtest.Config{Patience: time.Millisecond})
	quiet := chat.As(ann).Types("/imagine", discordtest.Set("prompt", "y"))
	b.took(nil, b.answers(in, 4, fields{"content": "here", "components": []fields{row(button("again", "a"))}}))
	msg := in.Original(t)
	never := func(discordtest.Message) bool { return false }
	for want, wait := range map[string]func(discordtest.T){
		"no further message":               func(t discordtest.T) { chat.Next(t); chat.Next(t) },
		"testbot: here [again]":            func(t discordtest.T) { chat.Until(t, never) },
		"does not match":                   func(t discordtest.T) { b.s.Becomes(t, msg, never) },
		"command imagine was not answered": func(t discordtest.T) { quiet.Answer(t) },
		"has no message":                   func(t discordtest.T) { quiet.Original(t) },
		"is not late yet":                  func(t discordtest.T) { quiet.Failed(t) },
		"was answered with type 4":         func(t discordtest.T) { in.Failed(t) },
		"not with a form":                  func(t discordtest.T) { in.Modal(t) },
		"the bot is not connected":         func(t discordtest.T) { b.s.Online(t) },
		"it did not happen":                func(t discordtest.T) { b.s.Until(t, func() bool { return false }) },
	} {
		f := &failing{T: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			wait(f)
		}()
		<-done
		if !strings.Contains(f.said, want) {
			t.Errorf("the failure is %q; want %q", f.said, want)
		}
	}
}

// A server that listens nowhere takes no connections, one that is closed
// answers nothing.
func TestNowhere(t *testing.T) {
	s := discordtest.New(discordtest.Config{})
	if _, err := s.DialContext(t.Context(), "tcp", "x"); !errors.Is(err, net.ErrClosed) || s.URL() != "" {
		t.Errorf("there is %q, %v", s.URL(), err)
	}
	s.Close()
	m := discordtest.NewMemoryServer(discordtest.Config{})
	if m.URL() != "http://discord.test" {
		t.Errorf("the address is %s", m.URL())
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	m.Close()
	m.Close()
	if _, err := m.DialContext(gone, "", ""); err == nil {
		t.Error("a server that is closed takes connections")
	}
}

// A profile picture is named by its hash, and can be had by that alone.
func TestPortrait(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	cat := picture(t, 3, 3)
	ann, bob := b.s.Person("Ann", discordtest.Portrait(cat)), b.s.Person("Bob")
	if bob.User().Avatar != nil {
		t.Errorf("Bob is %+v", bob.User())
	}
	hash := *ann.User().Avatar
	for path, want := range map[string]int{
		ann.ID() + "/" + hash + ".png?size=1024": http.StatusOK, ann.ID() + "/x.png": http.StatusNotFound, bob.ID() + "/" + hash + ".png": http.StatusNotFound,
	} {
		got, err := b.s.Client().Get(b.s.URL() + "/avatars/" + path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(got.Body)
		got.Body.Close()
		if got.StatusCode != want || err != nil || bytes.Equal(data, cat) != (want == http.StatusOK) {
			t.Errorf("%s: %d, %d bytes, %v", path, got.StatusCode, len(data), err)
		}
	}
}

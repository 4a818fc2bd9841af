package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
	"kiebot/kie/kietest"
)

// town is a kiebot serve on a Discord server and a Kie of its own.
type town struct {
	*process
	discord  *discordtest.Server
	channel  *discordtest.Channel
	ann, bob *discordtest.Person // Bob speaks Russian
	signed   bool                // interactions come as signed requests
}

func onDiscord(t *testing.T, signed bool, env ...string) *town {
	t.Helper()
	server := discordtest.NewServer(discordtest.Config{Flood: true})
	t.Cleanup(server.Close)
	w := &town{discord: server, ann: server.Person("Ann"), bob: server.Person("Bob", discordtest.Locale("ru")), signed: signed}
	w.channel = server.Guild("cats", w.ann, w.bob).Channel("pictures")
	kie := quickKie(t)
	env = append(env, "KIE_UPLOAD_URL="+kie.URL(), "DISCORD_TOKEN="+server.Token(), "DISCORD_API_URL="+server.URL(), "ALLOW=everyone", "CONFIRM_ABOVE=off", "QUOTA_USER_DAILY=unlimited")
	w.process = launch(t, kie, env...)
	w.process.stop() // now the port is known, and callbacks can be switched on
	if signed {
		w.process.env = append(w.process.env, "DISCORD_PUBLIC_KEY="+server.PublicKey())
	}
	w.start()
	t.Cleanup(func() {
		for _, c := range server.Complaints() {
			t.Error(c)
		}
		if early := server.Early(); len(early) > 0 {
			t.Errorf("%d calls came before their time, the first %s", len(early), early[0].Route)
		}
		if strings.Contains(w.log.String(), server.Token()) {
			t.Error("the token is in the log")
		}
	})
	return w
}

// start starts the process, until it can be used.
func (w *town) start() {
	w.t.Helper()
	w.process.start()
	eventually(w.t, "kiebot is ready", func() bool { return w.ready() && len(w.discord.Commands("")) > 0 })
	if w.signed {
		if err := w.discord.SetEndpoint(w.base + "/hooks/discord"); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ready says whether kiebot says that it is.
func (p *process) ready() bool {
	resp, err := p.client.Get(p.base + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (w *town) restart() { w.kill(); w.start() }

// bothWays runs the test over both ways in which interactions come.
func bothWays(t *testing.T, test func(*testing.T, bool)) {
	for name, signed := range map[string]bool{"gateway": false, "signed requests": true} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, signed) })
	}
}

// result is a message with so many files, about the prompt.
func result(files int, prompt string) func(discordtest.Message) bool {
	return func(m discordtest.Message) bool {
		return len(m.Attachments) == files && strings.Contains(m.Words(), prompt)
	}
}

// What people do all day, with a kill after every step.
func TestDiscordStory(t *testing.T) {
	bothWays(t, func(t *testing.T, signed bool) {
		w := onDiscord(t, signed)
		// A kill while Kie is being asked costs an unresolved task, which other
		// tests are about; here the n-th task is known to run.
		running := func(n int) {
			eventually(t, "the task is followed", func() bool { return w.follows(n) })
		}
		at := w.channel.As(w.ann)
		at.Types("/imagine", discordtest.Set("prompt", "a cat astronaut"))
		running(1)
		w.restart()
		cat := at.Until(t, result(1, "a cat astronaut"))

		w.channel.As(w.bob).Types("/edit", discordtest.Set("prompt", "сделай синим"), discordtest.Attach("image", "cat.jpg", jpegOf(t, 640, 480)))
		running(2)
		w.restart()
		w.channel.As(w.bob).Until(t, result(1, "сделай синим"))

		lift := w.kie.Always(kietest.CallCreate, kietest.Answer(402, "insufficient credits"))
		at.Types("/imagine", discordtest.Set("prompt", "a dog"))
		waiting := at.Until(t, func(m discordtest.Message) bool {
			return strings.Contains(m.Words(), "a dog") && len(m.Components) > 0 && parked(m.Words())
		})
		w.restart()
		w.ann.Presses(waiting, "Cancel").Answer(t)
		at.Until(t, func(m discordtest.Message) bool { return strings.Contains(m.Words(), "Canceled") })
		lift()

		w.ann.Presses(cat, "Again")
		running(3)
		w.restart()
		at.Until(t, func(m discordtest.Message) bool { return m.ID != cat.ID && result(1, "a cat astronaut")(m) })
		w.stop()
	})
}

// Discord ends the interaction's token early: the result arrives all the same,
// after one refusal.
func TestDiscordTokenEndsEarly(t *testing.T) {
	bothWays(t, func(t *testing.T, signed bool) {
		w := onDiscord(t, signed)
		asked := w.channel.As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
		asked.Original(t)
		asked.Expire()
		w.channel.As(w.ann).Until(t, result(1, "a cat"))
		if n := w.discord.Invalid(); n > 1 {
			t.Errorf("%d calls were refused", n)
		}
		w.stop()
	})
}

// follows says whether the n-th task at Kie is known to run, and is the last.
func (w *town) follows(n int) bool {
	tasks := w.kie.Tasks()
	return len(tasks) == n && slices.ContainsFunc(w.kie.Requests(), func(r kietest.Request) bool {
		return r.Call == kietest.CallRecord && r.TaskID == tasks[n-1].ID
	})
}

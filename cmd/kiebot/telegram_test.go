package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// onTelegram starts kiebot serve against a Bot API server and a Kie of their own.
func onTelegram(t *testing.T, cfg telegramtest.Config, env ...string) (*process, *telegramtest.Server) {
	t.Helper()
	server := telegramtest.NewServer(cfg)
	t.Cleanup(server.Close)
	kie := quickKie(t)
	all := []string{"KIE_UPLOAD_URL=" + kie.URL(), "TELEGRAM_TOKEN=" + server.Token(), "TELEGRAM_API_URL=" + server.URL(), "ALLOW=everyone", "CONFIRM_ABOVE=off", "QUOTA_USER_DAILY=unlimited"}
	p := launch(t, kie, append(all, env...)...)
	p.stop() // now the port is known, and callbacks can be switched on
	p.start()
	t.Cleanup(func() {
		for _, c := range server.Complaints() {
			t.Error(c)
		}
		if early := server.Early(); len(early) > 0 {
			t.Errorf("%d calls came before their time, the first %s", len(early), early[0].Method)
		}
		if strings.Contains(p.log.String(), server.Token()) {
			t.Error("the token is in the log")
		}
	})
	return p, server
}

func isKind(kind string) func(telegramtest.Message) bool {
	return func(m telegramtest.Message) bool { return m.Kind() == kind }
}

// A process is killed while a call to Telegram is under way, which Telegram
// has carried out or not, and started again: the picture is there, once,
// unless Telegram had it when the process died and nobody could know.
func TestTelegramKilledAtEveryCall(t *testing.T) {
	for _, method := range []string{"sendMessage", "editMessageText", "sendPhoto", "deleteMessage"} {
		for _, executed := range []bool{false, true} {
			t.Run(method+", executed "+strconv.FormatBool(executed), func(t *testing.T) {
				t.Parallel()
				p, server := onTelegram(t, telegramtest.Config{})
				ann := server.Person("Ann")
				server.Until(t, server.Polling)
				lift := server.Fault(telegramtest.Fault{Method: method, After: executed, Hang: true})
				give := func() {}
				if method == "sendMessage" { // its file does not come, so that the kill meets no call to Kie, which other tests are about
					give = server.Fault(telegramtest.Fault{Method: "file", Hang: true, Times: -1})
					ann.Private().As(ann).Sends(telegramtest.Photo(jpegOf(t, 640, 480)), "/edit make it blue")
				} else {
					ann.Private().As(ann).Types("/imagine a cat astronaut")
				}
				server.Until(t, func() bool { return len(server.Calls(method)) > 0 })
				p.kill()
				lift()
				give()
				p.start()
				picture := ann.Until(t, isKind("photo"))
				// What Telegram did without our knowing is all that may be there beside it.
				most := 1
				if executed && (method == "sendPhoto" || method == "sendMessage") {
					most = 2
				}
				server.Until(t, func() bool { return len(ann.Private().FromBot()) <= most })
				p.stop()
				if !strings.Contains(picture.Caption, " credits") || len(p.kie.Tasks()) != 1 {
					t.Errorf("%q, %d Kie tasks", picture.Caption, len(p.kie.Tasks()))
				}
				photos := 0
				for _, m := range ann.Private().FromBot() {
					if m.Kind() == "photo" {
						photos++
					}
				}
				if photos > 1 && method != "sendPhoto" {
					t.Errorf("the picture came %d times", photos)
				}
			})
		}
	}
}

// What people do all day, with a kill after every step.
func TestTelegramStory(t *testing.T) {
	t.Parallel()
	p, server := onTelegram(t, telegramtest.Config{})
	ann := server.Person("Ann")
	bob := server.Person("Bob", telegramtest.Language("ru"))
	group := server.Group("cats", ann, bob)
	// A kill while Kie is being asked costs an unresolved task, which other tests
	// are about; here the n-th task is known to run.
	running := func(n int) {
		eventually(t, "the task is followed", func() bool {
			tasks := p.kie.Tasks()
			return len(tasks) == n && slices.ContainsFunc(p.kie.Requests(), func(r kietest.Request) bool {
				return r.Call == kietest.CallRecord && r.TaskID == tasks[n-1].ID
			})
		})
	}
	restart := func() { p.kill(); p.start() }

	group.As(ann).Types("/imagine@" + server.Bot().Username + " a cat astronaut")
	running(1)
	restart()
	cat := group.Until(t, isKind("photo"))

	edit := group.As(bob).Replies(cat, "/edit сделай синим")
	running(2)
	restart()
	blue := group.Until(t, func(m telegramtest.Message) bool {
		return m.Kind() == "photo" && m.ReplyTo != nil && m.ReplyTo.ID == edit.ID
	})
	if !strings.Contains(blue.Caption, "кред") {
		t.Errorf("the caption is %q", blue.Caption)
	}

	ann.Private().As(ann).SendsAlbum("/video they meet", telegramtest.Photo(jpegOf(t, 800, 600)), telegramtest.Photo(jpegOf(t, 600, 800)))
	running(3)
	restart()
	film := ann.Until(t, isKind("video"))
	if film.Video.Width == 0 || film.Video.Duration == 0 {
		t.Errorf("%+v", film.Video)
	}

	lift := p.kie.Always(kietest.CallCreate, kietest.Answer(402, "insufficient credits"))
	ann.Private().As(ann).Types("a dog")
	waiting := ann.Until(t, func(m telegramtest.Message) bool { _, ok := m.Button("❌"); return ok && parked(m.Text) })
	restart()
	if answer := ann.Presses(waiting, "❌").Answer(t); answer.Text != "" && !strings.Contains(answer.Text, "ancel") {
		t.Errorf("%+v", answer)
	}
	ann.Until(t, func(m telegramtest.Message) bool {
		_, again := m.Button("🔄")
		return again && strings.Contains(m.Text, "anceled")
	})
	lift()

	ann.Presses(film, "🔄")
	running(4)
	restart()
	ann.Until(t, func(m telegramtest.Message) bool { return m.Kind() == "video" && m.ID != film.ID })

	if left := server.Unanswered(); len(left) > 0 {
		t.Errorf("%d presses were not answered", len(left))
	}
	for _, task := range p.kie.Tasks() {
		if strings.Contains(fmt.Sprint(task.Input), server.Token()) {
			t.Error("the token went to Kie")
		}
	}
	p.stop()
}

// parked is a message about a job that waits for credits of Kie's, which it is
// not asked for a task before: a kill then meets no call to it.
func parked(words string) bool { return strings.Contains(words, "no credits left") }

func jpegOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

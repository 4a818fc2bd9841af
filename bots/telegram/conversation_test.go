package telegram

import (
	"strings"
	"testing"
	"time"

	"kiebot/kie/kietest"
)

func TestPictureInPrivate(t *testing.T) {
	for _, test := range []struct{ locale, starts, end string }{
		{"en", "a cat – Ada (", "left today"},
		{"ru", "a cat – Ada (", "осталось"},
	} {
		live(t, kietest.Config{}, func(t *testing.T, l *life) {
			l.types(77, 77, test.locale, "/imagine a cat")
			l.until("it is taken", func() bool { return l.shows(77, test.starts) })
			l.until("the picture", func() bool { return l.shows(77, "[photo] a cat\n", test.end) })
			l.until("the rest is gone", func() bool { return len(l.desk.screen(77)) == 1 })
			if edits := l.desk.times("editMessageText", 77); len(edits) > 1 {
				for i, at := range edits[1:] {
					if at.Sub(edits[i]) < 3*time.Second {
						t.Errorf("two edits within %v", at.Sub(edits[i]))
					}
				}
			}
			t.Log(l.desk.screen(77))
		})
	}
}

func TestVideoInAGroupTopicAfterARestart(t *testing.T) {
	live(t, kietest.Config{}, func(t *testing.T, l *life) {
		l.types(77, -100500, "ru", "/video море --dur 5")
		l.until("it runs", func() bool { return len(l.desk.times("editMessageText", -100500)) > 2 })
		l.end()
		l.start()
		l.until("the video", func() bool { return l.shows(-100500, "[video] море\n") })
		l.until("the rest is gone", func() bool { return len(l.desk.screen(-100500)) == 1 })
		edits := l.desk.times("editMessageText", -100500)
		early := 0
		for i, at := range edits[1:] {
			if at.Sub(edits[i]) < 5*time.Second {
				early++
			}
		}
		if early > 1 { // the new start knows nothing of the last edit
			t.Errorf("%d of %d edits came within 5 s of another", early, len(edits))
		}
		if sent := l.desk.last("sendVideo").form; sent["message_thread_id"] != "3" || sent["duration"] == "" {
			t.Errorf("%+v", sent)
		}
		t.Log(l.desk.screen(-100500))
	})
}

// What cannot be shown in a group arrives where the person can see it.
func TestGroupThatRemovedUs(t *testing.T) {
	live(t, kietest.Config{}, func(t *testing.T, l *life) {
		l.desk.answer("sendMessage", refuse(403, "Forbidden: bot was kicked from the supergroup chat"))
		l.types(77, -100500, "en", "/imagine a cat")
		l.until("the picture", func() bool { return l.shows(77, "[photo] a cat\n", "You asked for this in a chat") })
		if got := l.desk.screen(-100500); len(got) != 0 {
			t.Errorf("the group shows %q", got)
		}
	})
}

// Shown again it costs no upload, and a batch comes as an album.
func TestBatchAndShow(t *testing.T) {
	live(t, kietest.Config{}, func(t *testing.T, l *life) {
		lead := l.types(77, 77, "en", "/imagine a cat --n 3")
		l.until("the album", func() bool {
			return l.shows(77, "[album of 3]") && l.shows(77, "a cat\n") && len(l.desk.screen(77)) == 2
		})
		l.types(77, -100500, "en", "/show "+lead.Short())
		l.until("the album", func() bool { return l.shows(-100500, "[album of 3]") && len(l.desk.screen(-100500)) == 2 })
		l.desk.mu.Lock()
		defer l.desk.mu.Unlock()
		n := 0
		for _, c := range l.desk.calls {
			if c.method != "sendMediaGroup" {
				continue
			}
			for name := range c.form {
				if strings.HasPrefix(name, string(lead)[:8]) {
					n++
				}
			}
		}
		if n != 3 {
			t.Errorf("%d files were uploaded, want 3", n)
		}
	})
}

// Telegram is away for an hour: everything is shown afterwards, once.
func TestTelegramDownForAnHour(t *testing.T) {
	live(t, kietest.Config{}, func(t *testing.T, l *life) {
		l.types(77, 77, "en", "/imagine a cat")
		l.until("it is taken", func() bool { return l.shows(77, "a cat – Ada") })
		l.desk.goes(true)
		l.types(77, 77, "en", "/imagine a dog")
		l.types(78, -100500, "en", "/video a wave --dur 5")
		<-time.After(time.Hour)
		l.desk.goes(false)
		began := time.Now()
		l.until("all of it", func() bool {
			return l.shows(77, "[photo] a cat") && l.shows(77, "[photo] a dog") && l.shows(-100500, "[video] a wave") &&
				len(l.desk.screen(77)) == 2 && len(l.desk.screen(-100500)) == 1
		})
		t.Logf("shown within %v of its return", time.Since(began))
		<-time.After(time.Hour)
		if private, group := l.desk.screen(77), l.desk.screen(-100500); len(private) != 2 || len(group) != 1 {
			t.Errorf("in the end the chats show %q and %q", private, group)
		}
	})
}

package telegram

import (
	"strings"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// The pictures of /history stand below it with their lines, one as a photo and
// several as an album; a spoiler is hidden, and in a group what is for the
// person alone is neither named nor shown.
func TestTalkHistoryHasPictures(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		group := w.tg.Group("cats", ann)
		ann.Starts("")
		ann.Next(t)
		ann.Types("/imagine a cat")
		ann.Until(t, finds("photo", "a cat"))
		<-time.After(time.Second) // until it is noted which file that was
		sends := func() int { return len(w.tg.Calls("sendPhoto")) }
		before := sends()
		ann.Types("/history")
		ann.Until(t, func(m telegramtest.Message) bool {
			return len(m.Photo) > 0 && strings.Contains(m.Caption, "a cat – done") && !m.Spoiler
		})
		if n := sends() - before; n != 1 {
			t.Errorf("%d photos", n)
		}
		group.As(ann).Types("/imagine@testbot a secret --private")
		ann.Until(t, finds("photo", "a secret"))
		group.As(ann).Types("/imagine@testbot a dog --spoiler")
		group.Until(t, finds("photo", "a dog"))
		<-time.After(time.Second)
		group.As(ann).Types("/history@testbot")
		for _, prompt := range []string{"a cat", "a dog"} {
			group.Until(t, func(m telegramtest.Message) bool {
				return m.MediaGroupID != "" && strings.Contains(m.Caption, prompt+" – done") && m.Spoiler == (prompt == "a dog")
			})
		}
		for _, m := range group.FromBot() {
			if strings.Contains(m.Text+m.Caption, "a secret") {
				t.Errorf("the group sees %s", m)
			}
		}
		ann.Types("/history")
		ann.Until(t, func(m telegramtest.Message) bool {
			return m.MediaGroupID != "" && strings.Contains(m.Caption, "a secret")
		})
	})
}

package telegram

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

func TestTalkPicture(t *testing.T) {
	for _, test := range []struct{ locale, way, end string }{{"en", "generating", "left today"}, {"ru", "делается", "сегодня осталось"}} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(test.locale))
			asked := ann.Types("/imagine a cat @durov *bold* /start")
			first := ann.Next(t)
			if first.ReplyTo == nil || first.ReplyTo.ID != asked.ID || !strings.Contains(first.Words(), "a cat @durov") {
				t.Errorf("%s", first)
			}
			if bad := append(first.Marked("mention"), first.Marked("bot_command")...); len(bad) > 0 {
				t.Errorf("what was typed became %q", bad)
			}
			ann.Private().Becomes(t, first, finds("text", test.way))
			picture := ann.Until(t, finds("photo", "a cat @durov", test.end))
			if picture.ReplyTo == nil || picture.ReplyTo.ID != asked.ID || len(picture.Buttons()) == 0 || len(picture.Marked("mention")) > 0 {
				t.Errorf("%s", picture)
			}
			w.alone(ann.Private(), 1)
		})
	}
}

// The progress message of a group is edited every five seconds at most, in its
// topic, survives a restart, and goes when the result is there.
func TestTalkVideoInATopic(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann", telegramtest.Language("ru"))
		topic := w.tg.Forum("Кино", ann).Topic("Море")
		topic.As(ann).Types("/video море --dur 5")
		first := topic.Next(t)
		topic.Becomes(t, first, func(m telegramtest.Message) bool { return m.Edits > 3 })
		w.end()
		w.start()
		film := topic.Until(t, finds("video", "море"))
		if film.ThreadID != topic.ThreadID() || film.File().Duration == 0 || film.File().Width == 0 {
			t.Errorf("%s: %+v", film, film.File())
		}
		w.alone(topic, 1)
		var last time.Time
		near := 0
		for _, c := range w.tg.Calls("editMessageText") {
			if !last.IsZero() && c.Time.Sub(last) < 5*time.Second {
				near++
			}
			last = c.Time
		}
		if near > 1 { // the new start knows nothing of the last edit
			t.Errorf("%d edits came within 5 s of another", near)
		}
	})
}

// Private chats have topics too, and what is asked for in one stays there.
func TestTalkTopicInPrivate(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/start")
		topic := ann.Private().Topic("cats")
		topic.As(ann).Types("/imagine a cat")
		if first := topic.Next(t); first.ThreadID != topic.ThreadID() {
			t.Errorf("%s is in topic %d", first, first.ThreadID)
		}
		topic.Until(t, finds("photo", "a cat"))
	})
}

func TestTalkAlbum(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/imagine a cat --n 4")
		closing := ann.Until(t, finds("text", "a cat", "left today"))
		if len(closing.Buttons()) == 0 || closing.ReplyTo == nil || closing.ReplyTo.MediaGroupID == "" {
			t.Errorf("%s replies to %+v", closing, closing.ReplyTo)
		}
		w.alone(ann.Private(), 5)
	})
}

func TestTalkSong(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/music a slow waltz")
		song := ann.Until(t, finds("audio"))
		if f := song.File(); f.Title != "a slow waltz" || f.Performer == "" || f.Duration == 0 || len(song.Thumbnail()) == 0 {
			t.Errorf("%+v with a cover of %d bytes", f, len(song.Thumbnail()))
		}
	})
}

// Kie gives the picture of some videos along, and it is what people see of them first.
func TestTalkVideoWithItsPicture(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/video waves --model runway-generate")
		if film := ann.Until(t, finds("video", "waves")); len(film.Thumbnail()) == 0 {
			t.Errorf("%s has no picture", film)
		}
		ann.Types("/video dunes --dur 5")
		if film := ann.Until(t, finds("video", "dunes")); len(film.Thumbnail()) != 0 {
			t.Errorf("%s has the picture of another one", film)
		}
	})
}

// The command is deleted while its result is made.
func TestTalkDeletedCommand(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		chat := w.tg.Group("cats", ann)
		asked := chat.As(ann).Types("/imagine@testbot a cat")
		chat.Next(t)
		chat.As(ann).Deletes(asked)
		chat.Until(t, finds("photo", "a cat"))
		w.alone(chat, 1)
	})
}

func TestTalkClosedTopic(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		forum := w.tg.Forum("cats", ann)
		topic := forum.Topic("black ones")
		topic.As(ann).Types("/imagine@testbot a cat")
		topic.Next(t)
		topic.CloseTopic()
		picture := forum.Until(t, finds("photo", "a cat"))
		if picture.ThreadID != 0 {
			t.Errorf("%s in topic %d", picture, picture.ThreadID)
		}
	})
}

// A group becomes a supergroup while a result is made: it arrives there, and
// the limit that the group had is the supergroup's.
func TestTalkMigration(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		chat := w.tg.BasicGroup("cats", ann)
		old := laneOf(chat.ID())
		chat.As(ann).Types("/imagine@testbot a cat")
		chat.Next(t)
		chat.Migrates()
		chat.Until(t, finds("photo", "a cat"))
		kept, err := chatRecord(t, w, laneOf(chat.ID()))
		if err != nil || kept.First != old {
			t.Errorf("%+v, %v; want what %s had", kept, err, old)
		}
		chat.As(ann).Types("/imagine@testbot a dog")
		chat.Until(t, finds("photo", "a dog"))
	})
}

// Who blocked the bot gets nothing more; who removed it from a group gets the
// result in private.
func TestTalkBlockedAndRemoved(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		ann.Types("/imagine a cat")
		ann.Next(t)
		ann.Blocks()
		bob.Types("/start")
		bob.Next(t)
		chat := w.tg.Group("dogs", bob)
		chat.As(bob).Types("/imagine@testbot a dog")
		chat.Next(t)
		chat.SetBot("kicked")
		bob.Until(t, finds("photo", "a dog", "You asked for this in a chat"))
		<-time.After(10 * time.Minute)
		if got := ann.Private().FromBot(); len(got) != 1 {
			t.Errorf("%s", got)
		}
	})
}

// Telegram takes a message and its answer is lost: a duplicate is possible
// then, and only then; every other failure shows each thing once.
func TestTalkFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault telegramtest.Fault
		most  int // pictures in the end
	}{
		"5xx before":                         {telegramtest.Fault{Method: "sendPhoto", Status: 500}, 1},
		"5xx after it was done":              {telegramtest.Fault{Method: "sendPhoto", Status: 500, After: true}, 2},
		"dropped before":                     {telegramtest.Fault{Method: "sendPhoto", Drop: true}, 1},
		"a page":                             {telegramtest.Fault{Method: "sendPhoto", HTML: true}, 1},
		"reset in the upload":                {telegramtest.Fault{Method: "sendPhoto", ResetAfter: 200}, 1},
		"silence":                            {telegramtest.Fault{Method: "sendPhoto", Hang: true}, 1},
		"a slow answer":                      {telegramtest.Fault{Method: "sendPhoto", Slow: 30 * time.Second}, 1},
		"flood":                              {telegramtest.Fault{Method: "sendPhoto", Status: 429, Text: "Too Many Requests: retry after 40", RetryAfter: 40}, 1},
		"too large":                          {telegramtest.Fault{Method: "sendPhoto", Status: 413}, 0},
		"dimensions":                         {telegramtest.Fault{Method: "sendPhoto", Status: 400, Text: "Bad Request: PHOTO_INVALID_DIMENSIONS"}, 0},
		"the old one is not deleted at once": {telegramtest.Fault{Method: "deleteMessage", Status: 500}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inTown(t, townConfig{}, func(t *testing.T, w *town) {
				ann := w.tg.Person("Ann")
				w.tg.Fault(test.fault)
				ann.Types("/imagine a cat")
				ann.Until(t, func(m telegramtest.Message) bool { return m.Kind() == "photo" || m.Kind() == "document" })
				<-time.After(10 * time.Minute)
				pictures, files, texts := 0, 0, 0
				for _, m := range ann.Private().FromBot() {
					switch m.Kind() {
					case "photo":
						pictures++
					case "document":
						files++
					default:
						texts++
					}
				}
				if pictures > test.most || pictures+files == 0 || files > 1 || test.most > 0 && files > 0 || texts > 0 {
					t.Errorf("%d pictures, %d files, %d texts", pictures, files, texts)
				}
			})
		})
	}
}

// Shown again it costs no upload.
func TestTalkShow(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/imagine a cat --n 3")
		job := jobIn(ann.Until(t, finds("text", "a cat", "left today")).Words())
		w.alone(ann.Private(), 4)
		synctest.Wait() // what was shown is stored
		chat := w.tg.Group("cats", ann)
		chat.As(ann).Types("/show@testbot " + job)
		chat.Until(t, finds("text", "a cat", job))
		uploads := 0
		for _, c := range w.tg.Calls("sendMediaGroup") {
			uploads += len(c.Files)
		}
		if got := chat.FromBot(); len(got) != 4 || got[0].Kind() != "photo" || uploads != 3 {
			t.Errorf("%d files were uploaded, the chat has %s", uploads, got)
		}
	})
}

// jobIn is the id of the job that the words end with.
func jobIn(words string) string { return words[len(words)-8:] }

// Telegram is away for an hour: everything is shown afterwards, once.
func TestTalkAnHourWithoutTelegram(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		chat := w.tg.Group("waves", bob)
		ann.Types("/imagine a cat")
		chat.As(bob).Types("/video@testbot a wave --dur 5")
		ann.Next(t)
		chat.Next(t)
		back := w.tg.Fault(telegramtest.Fault{Drop: true, Times: -1})
		<-time.After(time.Hour)
		back()
		began := time.Now()
		ann.Until(t, finds("photo", "a cat"))
		chat.Until(t, finds("video", "a wave"))
		t.Logf("shown %v after Telegram was back", time.Since(began))
		<-time.After(time.Hour)
		w.alone(ann.Private(), 1)
		w.alone(chat, 1)
	})
}

// 200 people ask in 20 groups at once, some for albums. No call is made before
// the time that Telegram asked for, and every result arrives.
func TestTalkFloodOf200PeopleIn20Groups(t *testing.T) {
	inTown(t, townConfig{kie: kietest.Config{Shrink: 64}, telegram: telegramtest.Config{Flood: true}}, func(t *testing.T, w *town) {
		began := time.Now()
		var chats []*telegramtest.Chat
		for range 20 {
			var people []*telegramtest.Person
			for range 10 {
				people = append(people, w.tg.Person("Ann"))
			}
			chat := w.tg.Group("cats", people...)
			chats = append(chats, chat)
			for i, p := range people {
				command := "/imagine@testbot a cat"
				if i%5 == 0 {
					command += " --n 3"
				}
				chat.As(p).Types(command)
			}
		}
		for _, chat := range chats {
			w.alone(chat, 8+2*(3+1)) // pictures, and albums with what closes them
		}
		refused := 0
		for _, c := range w.tg.Calls() {
			if c.Status == 429 {
				refused++
			}
		}
		t.Logf("all shown after %v with %d calls; %d were told to wait", time.Since(began), len(w.tg.Calls()), refused)
	})
}

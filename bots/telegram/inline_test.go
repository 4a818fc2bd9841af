package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/gif"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/core/media"
)

// Each kind of result is offered to who made it and to nobody else, also after
// a restart, and is sent elsewhere without an upload.
func TestInline(t *testing.T) {
	for locale, label := range map[string]string{"en": "Make something new", "ru": "Сделать новое"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann, bob := w.tg.Person("Ann", telegramtest.Language(locale)), w.tg.Person("Bob")
			ann.Types("/imagine a Black cat")
			ann.Until(t, finds("photo", "Black"))
			ann.Types("/imagine four cats --n 4")
			ann.Until(t, finds("text", "four cats", "1"))
			ann.Types("/video a red dog --dur 5")
			ann.Until(t, finds("video", "red dog"))
			ann.Types("/music a slow waltz")
			ann.Until(t, finds("audio"))
			<-time.After(time.Minute) // until what was sent is noted
			w.end()
			w.start()
			for words, want := range map[string]int{"": 8, "CAT black": 1, "cat": 5, "dog": 1, "waltz": 2, "bird": 0} {
				if got := ann.Queries(words).Answer(t); len(got.Results) != want || !got.Personal || got.CacheTime != inlineCache {
					t.Errorf("%q: %+v, want %d results", words, got, want)
				}
			}
			if got := bob.Queries("").Answer(t); len(got.Results) != 0 || got.Button == nil {
				t.Errorf("a stranger gets %+v", got)
			}
			group := w.tg.Group("dogs", ann, bob)
			for words, kind := range map[string]string{"black": "photo", "dog": "video", "waltz": "audio"} {
				q := ann.Queries(words)
				if sent := ann.Chooses(q, q.Answer(t).Results[0], group); sent.Kind() != kind {
					t.Errorf("%q sends %s", words, sent)
				}
			}
			button := ann.Queries("").Answer(t).Button
			if button == nil || button.Text != label {
				t.Fatalf("%+v", button)
			}
			ann.Starts(button.StartParameter)
			ann.Until(t, finds("text", "/help"))
		})
	}
}

// recalls is a Bot that has just these tasks to offer.
type recalls struct {
	quiet
	tasks []core.Task
}

func (r *recalls) Recent(context.Context, core.Origin, string) (bots.Offer, error) {
	return bots.Offer{Tasks: r.tasks, New: "new"}, nil
}

// Whatever a file was sent as, it can be sent elsewhere as that.
func TestInlineKinds(t *testing.T) {
	file := func(t *testing.T, data string, f media.File) media.File {
		f.Path, f.Size = filepath.Join(t.TempDir(), f.Name), int64(len(data))
		if err := os.WriteFile(f.Path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	strictRoom(t, func(t *testing.T, r *room, ann *telegramtest.Person) {
		heavy := pictureFile(t, 300, 200, encodePNG)
		heavy.Size = 60 << 20 // as the record says
		kinds := map[string]media.File{
			"photo":   pictureFile(t, 300, 200, encodePNG),
			"smaller": heavy,
			"animation": pictureFile(t, 300, 200, func(b *bytes.Buffer, m image.Image) error {
				return gif.Encode(b, m, nil)
			}),
			"document": file(t, "RIFF\x00\x00\x00\x00WAVE", media.File{Name: "a.wav", Kind: media.Audio, Type: "audio/wav"}),
			"video":    file(t, "\x00\x00\x00\x18ftypmp42", media.File{Name: "a.mp4", Kind: media.Video, Type: "video/mp4"}),
			"audio":    file(t, "ID3", media.File{Name: "a.mp3", Kind: media.Audio, Type: "audio/mpeg"}),
		}
		words := &recalls{}
		tg := &Telegram{talker: r.talker, cfg: Config{Bot: words}, receiver: newReceiver(nil, nil, nil)}
		for kind, f := range kinds {
			p := parcel(core.DeliverFinal, laneOf(ann.ID()), core.Output{File: &f})
			words.tasks = []core.Task{{Request: p.Tasks[0].Request, Shown: r.must(p).raw(t)}}
			words.tasks[0].Request.Origin.Lane = laneOf(ann.ID())
			q := ann.Queries("")
			tg.offer(t.Context(), &inlineQuery{ID: q.ID, From: person{ID: ann.ID()}})
			results := q.Answer(t).Results
			if len(results) != 1 {
				t.Errorf("%s is offered as %+v", kind, results)
				continue
			}
			want := strings.Replace(kind, "smaller", "photo", 1)
			if sent := ann.Chooses(q, results[0], ann.Private()); sent.Kind() != want {
				t.Errorf("%s is sent as %s", kind, sent)
			}
		}
	})
}

// The newest are offered, and no more than fit.
func TestInlineOffersTheNewest(t *testing.T) {
	var tasks []core.Task
	for n := range 5 {
		files := map[string]sentFile{}
		for i := range 6 {
			files[outputKey(core.TaskID(fmt.Sprint("task", n)), i)] = sentFile{As: asPhoto, ID: "x"}
		}
		task := core.Task{Shown: receipt{Files: files}.raw(t)}
		task.Request.Origin.Lane = "telegram:1"
		tasks = append(tasks, task)
	}
	got, err := json.Marshal(offered(tasks))
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]int{`"id":"task0-`: 6, `"id":"task1-`: 6, `"id":"task2-`: 6, `"id":"task3-`: 2, `"id":"task4-`: 0} {
		if n := strings.Count(string(got), words); n != want {
			t.Errorf("%d with %s, want %d", n, words, want)
		}
	}
}

// elsewhere is another platform, whose receipts happen to look like ours.
type elsewhere struct{}

func (elsewhere) Deliver(_ context.Context, p core.Parcel) (json.RawMessage, error) {
	return receipt{Files: map[string]sentFile{outputKey(p.Tasks[0].ID, 0): {As: asPhoto, ID: "of another platform"}}}.encode()
}

// A linked account is one person with results on two platforms. Telegram has
// only what it was sent.
func TestInlineOfALinkedAccount(t *testing.T) {
	cfg := townConfig{change: func(c *core.Config) { c.Adapters["web"] = elsewhere{} }}
	inTown(t, cfg, func(t *testing.T, w *town) {
		ann, anna := w.tg.Person("Ann"), core.Identity{Platform: "web", User: "anna"}
		ann.Types("/imagine a black cat")
		ann.Until(t, finds("photo", "black cat"))
		origin := core.Origin{Identity: anna, Lane: core.NewLane("web", "anna")}
		w.telegram.cfg.Bot.Command(t.Context(), bots.Incoming{Key: "web:1", Origin: origin, Text: "/imagine a white cat"})
		w.tg.Until(t, func() bool { return len(w.prompts()) == 2 })
		code, err := w.engine.LinkCode(t.Context(), anna)
		w.must(err)
		ann.Types("/link " + code.Code)
		ann.Until(t, finds("text", "Linked"))
		<-time.After(time.Minute) // until the other one is shown
		tasks, err := w.engine.History(t.Context(), identity(ann.ID()), "", 10)
		w.must(err)
		if len(tasks) != 2 || readReceipt(tasks[0].Shown).Files == nil {
			t.Fatalf("the person has %+v", tasks)
		}
		if got := ann.Queries("cat").Answer(t); len(got.Results) != 1 || got.Results[0].Title != "a black cat" {
			t.Errorf("%+v", got)
		}
	})
}

// A query that cannot be answered holds up neither what comes after it nor commands.
func TestInlineFaults(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		w.tg.Fault(telegramtest.Fault{Method: "answerInlineQuery", Hang: true})
		began := time.Now()
		ann.Queries("a")
		ann.Queries("ab").Answer(t)
		if waited := time.Since(began); waited > 2*inlineFor {
			t.Errorf("waited for %s", waited)
		}
	})
}

// No query is answered before the time that Telegram asked for.
func TestInlineFlood(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		w.tg.Fault(telegramtest.Fault{Method: "answerInlineQuery", Status: 429, Text: "Too Many Requests: retry after 40", RetryAfter: 40})
		for range 5 {
			ann.Queries("a")
			<-time.After(7 * time.Second)
		}
		if n := len(w.tg.Calls("answerInlineQuery")); n != 1 || w.spy.logged("level=WARN") != 0 {
			t.Errorf("%d calls, %d warnings", n, w.spy.logged("level=WARN"))
		}
		<-time.After(5 * time.Second)
		ann.Queries("a").Answer(t)
	})
}

// An answer that comes too late is nobody's concern, what a bot types nobody's
// wish; and a file that Telegram does not have any more hides only the files.
func TestInlineThatIsNotTaken(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, robot := w.tg.Person("Ann"), w.tg.Person("Robot", telegramtest.AnotherBot())
		ann.Types("a cat")
		ann.Until(t, finds("photo", "a cat"))
		<-time.After(time.Minute) // until what was sent is noted
		w.tg.Fault(telegramtest.Fault{Method: "answerInlineQuery", Status: 400, Text: "Bad Request: query is too old and response timeout expired or query ID is invalid"})
		ann.Queries("cat")
		robot.Queries("cat")
		w.silent(ann.Private())
		if n := len(w.tg.Calls("answerInlineQuery")); n != 1 || w.spy.logged("level=WARN") != 0 {
			t.Errorf("%d calls, %d warnings", n, w.spy.logged("level=WARN"))
		}
		w.tg.Fault(telegramtest.Fault{Method: "answerInlineQuery", Status: 400, Text: "Bad Request: DOCUMENT_INVALID"})
		if got := ann.Queries("cat").Answer(t); len(got.Results) != 0 || got.Button == nil || w.spy.logged("not offered") != 1 {
			t.Errorf("%+v", got)
		}
		if got := ann.Queries("cat").Answer(t); len(got.Results) != 1 {
			t.Errorf("%+v", got)
		}
	})
}

package core_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

func TestShowIsACopyWhereItWasAskedFor(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		id := w.untilShown(w.submit(request("a cat"))).ID
		before := w.task(id)
		there := core.Origin{Identity: ada, Name: "Ada", Lane: "chat:elsewhere", Locale: "ru", Ref: []byte(`"message 7"`)}
		failures := 0
		w.chat.mu.Lock()
		w.chat.fail = func(p core.Parcel) error { // it is as durable as any other
			if p.Delivery.Kind == core.DeliverShow && failures < 2 {
				failures++
				return errors.New("down")
			}
			return nil
		}
		w.chat.mu.Unlock()
		for range 2 { // a platform may deliver the command twice
			if tasks, err := w.engine.Show(t.Context(), id.Short(), "chat:show", there); err != nil || len(tasks) != 1 {
				t.Fatalf("%v, %v", tasks, err)
			}
		}
		w.reopen(nil)
		w.run()
		w.until("it is shown", func() bool { return len(w.chat.shown(core.DeliverShow)) > 0 })
		nap(core.QuestionFor)
		if n := len(w.chat.shown(core.DeliverShow)); n != 1 || failures != 2 {
			t.Errorf("shown %d times after %d failures, want once after 2", n, failures)
		}
		copied := w.chat.about(id)[1]
		p := copied.last
		if p.Delivery.Lane != there.Lane || p.Shown != nil || string(p.Copied) != string(before.Shown) || len(p.Tasks[0].Outputs) != 1 || p.Tasks[0].Outputs[0].File == nil {
			t.Errorf("%+v", p)
		}
		if got := p.Tasks[0].Request; got.Key != "chat:show" || got.Origin.Lane != there.Lane || string(got.Origin.Ref) != string(there.Ref) {
			t.Errorf("asked for by %+v", got)
		}
		if after := w.task(id); string(after.Shown) != string(before.Shown) || !after.Delivered.Equal(before.Delivered) || after.Request.Origin.Lane != "chat:room" {
			t.Errorf("the batch's own message changed from %s to %s", before.Shown, after.Shown)
		}
		_, err := w.engine.Show(t.Context(), string(id), "chat:other", core.Origin{Identity: adaPhone, Lane: "chat:elsewhere"})
		wantRefusal(t, err, core.ReasonNotYours)
		_, err = w.engine.Show(t.Context(), "zzzzzzzz", "chat:none", there)
		wantRefusal(t, err, core.ReasonNoTask)
	})
}

// A file that was swept is fetched again when it is asked for, for as long as
// its link serves it; then the link is shown, at once.
func TestShowFetchesAgain(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.MediaKept.Bytes = 1 }, func(t *testing.T, w *world) {
		id := w.untilShown(w.submit(request("a cat"))).ID
		show := func(key string) *media.File {
			nap(11 * time.Minute)
			if file := w.task(id).Outputs[0].File; file == nil || w.spooled(file.Name) {
				t.Fatalf("the file is still there: %+v", file)
			}
			if _, err := w.engine.Show(t.Context(), string(id), key, request("").Origin); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			w.until("it is shown", func() bool { return w.chat.last(id).Delivery.Key == key })
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			return w.chat.last(id).Tasks[0].Outputs[0].File
		}
		if show("chat:one") == nil {
			t.Error("shown without its file")
		}
		w.kie.Always(kietest.CallFile, kietest.HTML(404))
		if file := show("chat:two"); file != nil {
			t.Errorf("shown with %+v", file)
		}
	})
}

// spooled reports whether the media folder has a file of the name.
func (w *world) spooled(name string) bool {
	_, err := os.Stat(filepath.Join(w.dir, "media", name))
	return err == nil
}

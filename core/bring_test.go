package core_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// A file that is not here is fetched once more, once for all who ask, for as
// long as Kie has it.
func TestBring(t *testing.T) {
	var clock wallClock
	play(t, kietest.Config{}, func(c *core.Config) { c.Now = clock.now }, func(t *testing.T, w *world) {
		done := w.untilShown(w.submit(request("a cat")))
		name := done.Outputs[0].File.Name
		swept := func() { w.must(os.Remove(filepath.Join(w.dir, "media", name))) }
		swept()
		if p, err := w.engine.Snapshot(t.Context(), done.ID); err != nil || p.Tasks[0].Outputs[0].File == nil || p.Tasks[0].Outputs[0].File.Path != "" {
			t.Errorf("the page has %+v, %v", p.Tasks, err)
		}
		if picture := w.engine.Picture(done, done.Request.Origin); picture == nil || picture.Name != name || picture.Path != "" {
			t.Errorf("the list has %+v", picture)
		}
		before := w.calls(kietest.CallFile)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if file, err := w.engine.Bring(t.Context(), name); err != nil || file.Name != name || file.Path == "" {
					t.Errorf("%+v, %v", file, err)
				}
			})
		}
		all.Wait()
		if n := w.calls(kietest.CallFile) - before; n != 1 || !w.spooled(name) {
			t.Errorf("fetched %d times", n)
		}
		key := strings.TrimSuffix(name, ".png")
		for _, other := range []string{"", "x.png", key + "-cover.png", string(done.ID) + "-1.png", string(done.ID) + "-+0.png", string(done.ID) + "--1.png", key + ".mp4", "nobody-0.png"} {
			if file, err := w.engine.Bring(t.Context(), other); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %+v, %v", other, file, err)
			}
		}
		swept()
		w.kie.Next(kietest.CallFile, kietest.HTML(502))
		if _, err := w.engine.Bring(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Kie is down: %v", err)
		}
		clock.skew.Add(int64(14 * 24 * time.Hour))
		before = w.calls(kietest.CallFile)
		if _, err := w.engine.Bring(t.Context(), name); !errors.Is(err, fs.ErrNotExist) || w.calls(kietest.CallFile) != before {
			t.Errorf("Kie does not have it any more: %v", err)
		}
		if p, err := w.engine.Snapshot(t.Context(), done.ID); err != nil || p.Tasks[0].Outputs[0].File != nil {
			t.Errorf("the page has %+v, %v", p.Tasks, err)
		}
	})
}

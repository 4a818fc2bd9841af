package core_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/kie/kietest"
)

// Files of tasks that nobody knows any more go, an hour after their last use.
func TestFilesThatAreLeftGo(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		known := w.untilShown(w.submit(request("a cat"))).Outputs[0].File.Name
		content, err := os.ReadFile(filepath.Join(w.dir, "media", known))
		w.must(err)
		put := func(name string, used time.Time) {
			path := filepath.Join(w.dir, "media", name)
			w.must(os.WriteFile(path, content, 0o600))
			w.must(os.Chtimes(path, used, used))
		}
		w.stop()
		put(known, time.Now().Add(-2*time.Hour))
		put("forgotten-0.png", time.Now().Add(-2*time.Hour))
		put("forgotten-0-cover.png", time.Now().Add(-2*time.Hour))
		put("lately-0.png", time.Now().Add(-time.Minute))
		w.run()
		synctest.Wait()
		if w.spooled("forgotten-0.png") || w.spooled("forgotten-0-cover.png") {
			t.Error("files of a task that is forgotten are still there")
		}
		if !w.spooled(known) || !w.spooled("lately-0.png") {
			t.Error("too much went")
		}
		nap(2*time.Hour + time.Second)
		if w.spooled("lately-0.png") || !w.spooled(known) {
			t.Error("two hours later the same is to be true of the other one")
		}
	})
}

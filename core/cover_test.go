package core_test

import (
	"os"
	"testing"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

// A song comes with its picture. Nobody waits for one that is gone.
func TestSongHasItsCover(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		song := request("a song")
		song.Model, song.Input = "suno-V5", map[string]any{"prompt": "a song", "customMode": false, "instrumental": false}
		id := w.untilShown(w.submit(song)).ID
		shown := w.chat.about(id)[0].last.Tasks[0]
		if len(shown.Outputs) == 0 {
			t.Fatal("nothing came")
		}
		for i, out := range shown.Outputs {
			if out.Cover == nil || out.Cover.Kind != media.Image || out.File == nil || out.File.Kind != media.Audio || out.Cover.Path == out.File.Path {
				t.Errorf("output %d: %+v, cover %+v", i, out.File, out.Cover)
			}
		}
		w.must(os.Remove(shown.Outputs[0].Cover.Path))
		w.kie.Always(kietest.CallFile, kietest.HTML(404))
		_, err := w.engine.Show(t.Context(), string(id), "chat:show", core.Origin{Identity: ada, Lane: "chat:room"})
		w.must(err)
		w.until("it is shown again", func() bool { return len(w.chat.shown(core.DeliverShow)) > 0 })
		again := w.chat.about(id)
		if out := again[len(again)-1].last.Tasks[0].Outputs[0]; out.File == nil || out.Cover != nil {
			t.Errorf("%+v", out)
		}
	})
}

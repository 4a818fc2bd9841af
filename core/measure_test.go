package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// reel is a Source of the media files that core/media is tested with.
type reel struct {
	opens int
	fail  error
}

// Open implements core.Source.
func (r *reel) Open(_ context.Context, f core.InputFile) (io.ReadCloser, error) {
	if r.opens++; r.fail != nil {
		return nil, r.fail
	}
	return os.Open(filepath.Join("media", "testdata", f.Name))
}

const upscaler = "topaz/video-upscale" // by the second of its video

func upscale(value string, names ...string) core.Request {
	req := request("larger")
	req.Model, req.Input = upscaler, map[string]any{"video_url": value}
	for _, name := range names {
		req.Files = append(req.Files, core.InputFile{Name: name, Ref: []byte(`{}`)})
	}
	return req
}

func playReel(t *testing.T, test func(*testing.T, *world, *reel)) {
	t.Helper()
	source := &reel{}
	change := func(c *core.Config) {
		c.Kie[0].Client = &uploads{Kie: c.Kie[0].Client}
		c.Sources = map[string]core.Source{"chat": source}
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) { test(t, w, source) })
}

// A price by the second is held for the seconds that the file has, and again
// without reading it once more.
func TestLengthDecidesTheHold(t *testing.T) {
	playReel(t, func(t *testing.T, w *world, source *reel) {
		req := upscale(core.FileValue(0), "clip.mp4")
		receipt, err := w.engine.Submit(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if req.Files[0].Duration != 0 {
			t.Error("the caller's files were changed")
		}
		task := w.untilShown(receipt.Tasks[0])
		seconds := task.Request.Files[0].Duration.Seconds()
		model, err := w.cfg.Catalog.Lookup(upscaler)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.EstimateFor(req.Input, catalog.Lengths{core.FileValue(0): seconds})
		if err != nil || seconds < 0.5 || receipt.Hold != want {
			t.Errorf("held %s for %g s, want %s, %v", receipt.Hold, seconds, want, err)
		}
		if task.State != core.Succeeded || task.Charged > want {
			t.Errorf("ended %s, charged %s of %s", task.State, task.Charged, want)
		}
		before := source.opens
		again := request("").Key
		receipt, err = w.engine.Again(t.Context(), string(task.ID), again, task.Request.Origin)
		if err != nil || receipt.Hold != want || source.opens != before {
			t.Errorf("again: held %s, %v, opened %d times more", receipt.Hold, err, source.opens-before)
		}
	})
}

func TestLengthThatIsNotKnown(t *testing.T) {
	playReel(t, func(t *testing.T, w *world, source *reel) {
		broken := errors.New("the platform is away")
		for _, test := range []struct {
			why    string
			req    core.Request
			fail   error
			reason core.Reason
			names  string
		}{
			{"a link", upscale("https://a.test/clip.mp4"), nil, core.ReasonLink, "https://a.test/clip.mp4"},
			{"no length in it", upscale(core.FileValue(0), "still.png"), nil, core.ReasonLength, "still.png"},
			{"gone", upscale(core.FileValue(0), "none.mp4"), nil, core.ReasonLength, "none.mp4"},
			{"away", upscale(core.FileValue(0), "clip.mp4"), broken, core.ReasonLength, "clip.mp4"},
		} {
			source.fail = test.fail
			_, err := w.engine.Submit(t.Context(), test.req)
			var refusal *core.Refusal
			var length *core.LengthError
			if !errors.As(err, &refusal) || refusal.Reason != test.reason || !errors.As(err, &length) || length.File != test.names {
				t.Errorf("%s: %v", test.why, err)
			}
			if test.fail != nil && !errors.Is(err, test.fail) {
				t.Errorf("%s: the cause is lost: %v", test.why, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var refusal *core.Refusal
		if _, err := w.engine.Submit(ctx, upscale(core.FileValue(0), "clip.mp4")); !errors.As(err, &refusal) || refusal.Reason != core.ReasonUnavailable {
			t.Errorf("stopping: %v", err)
		}
	})
}

// Nobody makes us read files who is refused whatever they ask for.
func TestNothingIsMeasuredForWhoMayNotAsk(t *testing.T) {
	playReel(t, func(t *testing.T, w *world, source *reel) {
		refused := func(reason core.Reason) {
			t.Helper()
			_, err := w.engine.Submit(t.Context(), upscale(core.FileValue(0), "clip.mp4"))
			wantRefusal(t, err, reason)
			if source.opens != 0 {
				t.Errorf("%d files were opened for a request that is refused for %q", source.opens, reason)
			}
		}
		policy := func(edit func(*core.Policy)) { w.must(w.engine.ChangePolicy(t.Context(), admin(""), edit)) }
		onlyAdmins := func(yes bool) {
			w.must(w.engine.ChangeChatSettings(t.Context(), roomOf(ada, true), func(s *core.ChatSettings) { s.AdminsOnly = yes }))
		}
		onlyAdmins(true)
		refused(core.ReasonAdminsOnly)
		onlyAdmins(false)
		none, any := 0, -1
		policy(func(p *core.Policy) { p.MaxActive = &none })
		refused(core.ReasonActive)
		policy(func(p *core.Policy) { p.MaxActive = &any })
		w.must(w.engine.Block(t.Context(), admin("spam"), ada))
		refused(core.ReasonBlocked)
		w.must(w.engine.Unblock(t.Context(), admin(""), ada))
		w.submit(upscale(core.FileValue(0), "clip.mp4"))
		if source.opens == 0 {
			t.Error("what is accepted was not measured")
		}
	})
	source := &reel{}
	onlyEve := func(c *core.Config) {
		c.Policy.Allow, c.Sources = []string{"chat:eve"}, map[string]core.Source{"chat": source}
	}
	play(t, kietest.Config{}, onlyEve, func(t *testing.T, w *world) {
		_, err := w.engine.Submit(t.Context(), upscale(core.FileValue(0), "clip.mp4"))
		wantRefusal(t, err, core.ReasonStranger)
		if source.opens != 0 {
			t.Errorf("%d files were opened for a stranger", source.opens)
		}
	})
}

// What stands for a file may only be used by what made the request.
func TestFileValuesWithoutFiles(t *testing.T) {
	playReel(t, func(t *testing.T, w *world, source *reel) {
		twice := editRequest("one.png")
		twice.Input["image_urls"] = []any{core.FileValue(0), core.FileValue(0)}
		beyond := editRequest("one.png")
		beyond.Input["image_urls"] = []any{core.FileValue(0), core.FileValue(1)}
		prompt := request(core.FileValue(0))
		for why, req := range map[string]core.Request{
			"twice": twice, "beyond": beyond, "in a prompt": prompt,
			"none": upscale(core.FileValue(0)), "negative": upscale(core.FileValue(-1), "clip.mp4"),
		} {
			_, err := w.engine.Submit(t.Context(), req)
			var refusal *core.Refusal
			var wrong *catalog.ProblemsError
			if !errors.As(err, &refusal) || refusal.Reason != core.ReasonInput || !errors.As(err, &wrong) ||
				len(wrong.Problems) != 1 || !strings.HasPrefix(wrong.Problems[0].Given, "kiebot-file:") {
				t.Errorf("%s: %v", why, err)
			}
		}
		odd := request("kiebot-file:00 is no such value")
		if _, err := w.engine.Submit(t.Context(), odd); err != nil {
			t.Errorf("%s: %v", fmt.Sprint(odd.Input), err)
		}
		if source.opens > 0 {
			t.Errorf("%d files were opened", source.opens)
		}
	})
}

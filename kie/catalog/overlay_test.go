package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiebot/kie/catalog"
)

func overlay(t *testing.T, data string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Overlay(load(t), strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func of(t *testing.T, c *catalog.Catalog, name string) catalog.Model {
	t.Helper()
	m, err := c.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOverlayChangesOnlyWhatItSays(t *testing.T) {
	base := load(t)
	c := overlay(t, `{"models": [
		{"id": "google/imagen4", "title": "Imagen", "price": {"per": "image", "rates": [{"credits": 9.5}]}},
		{"id": "flux-2/pro-text-to-image", "aliases": ["flux", "flux-2", "flux-2/pro", "painter"], "inputs": [
			{"name": "resolution", "enum": ["1K", "2K", "4K"], "default": "2K"},
			{"name": "style", "type": "string", "description": "a style"}],
		 "price": {"per": "image", "rates": [{"when": {"resolution": "4K"}, "credits": 20}, {"credits": 7}]}}]}`)
	if m := of(t, c, "imagen4"); m.Title != "Imagen" || m.Kind != catalog.Image || len(m.Inputs) != 4 {
		t.Errorf("%+v", m)
	}
	flux := of(t, c, "painter")
	if cost, err := flux.Estimate(flux.Complete(nil)); err != nil || cost != 7000 {
		t.Errorf("flux costs %s, %v", cost, err)
	}
	if cost, err := flux.Estimate(map[string]any{"resolution": "4K"}); err != nil || cost != 20_000 {
		t.Errorf("flux in 4K costs %s, %v", cost, err)
	}
	in, _ := flux.Input("resolution")
	if !in.Required || in.Option != catalog.Resolution || in.Default != "2K" || len(in.Enum) != 3 {
		t.Errorf("resolution: %+v", in)
	}
	if last := flux.Inputs[len(flux.Inputs)-1]; last.Name != "style" {
		t.Errorf("the last input is %+v", last)
	}
	if m := of(t, base, "flux"); len(m.Inputs) != 4 || m.Price.Rates[1].Credits != 7000 {
		t.Errorf("the base has changed: %+v", m)
	}
	for _, m := range base.All() {
		if m.ID != "google/imagen4" && m.ID != "flux-2/pro-text-to-image" && !cmp.Equal(m, of(t, c, m.ID)) {
			t.Errorf("%s has changed: %s", m.ID, cmp.Diff(m, of(t, c, m.ID)))
		}
	}
	if len(base.All()) != len(c.All()) {
		t.Errorf("%d models", len(c.All()))
	}
}

func TestOverlayAddsModels(t *testing.T) {
	c := overlay(t, `{"models": [
		{"id": "vendor/painter", "kind": "image", "task": "text-to-image", "default_for_kind": true,
		 "inputs": [{"name": "prompt", "type": "string", "option": "prompt", "required": true}],
		 "price": {"per": "image", "rates": [{"credits": 3}]}},
		{"id": "vendor/free", "kind": "music", "task": "music", "inputs": [], "source": "https://example.com/"}]}`)
	m := c.DefaultFor(catalog.Image)
	if m.ID != "vendor/painter" || m.Title != "vendor/painter" || m.Endpoint != catalog.Jobs || m.ModelValue != "vendor/painter" {
		t.Errorf("the default is %+v", m)
	}
	if old := of(t, c, "google/imagen4-fast"); old.KindDefault {
		t.Error("the old default is one still")
	}
	if m := of(t, c, "vendor/free"); m.Source != "https://example.com/" {
		t.Errorf("%+v", m)
	}
	// The mark goes from an entry that the file changes, too.
	c = overlay(t, `{"models": [{"id": "google/imagen4-fast", "title": "Fast"}, {"id": "google/imagen4", "default_for_kind": true}]}`)
	if m := c.DefaultFor(catalog.Image); m.ID != "google/imagen4" || of(t, c, "google/imagen4-fast").Title != "Fast" {
		t.Errorf("the default is %s", m.ID)
	}
}

func TestOverlayAllowsWhatIsGone(t *testing.T) {
	c := overlay(t, `{"models": [{"id": "sora-2-pro-text-to-video", "status": "current", "price": {"per": "video", "rates": [{"credits": 300}]}},
		{"id": "google/imagen4", "status": "retired", "reason": "we do not want it", "replacement": "google/imagen4-fast"}]}`)
	m, err := c.Resolve("sora2/pro", options("prompt"))
	if err != nil || m.ID != "sora-2-pro-text-to-video" || m.Reason != "" || m.Replacement != "" {
		t.Errorf("%+v, %v", m, err)
	}
	var gone *catalog.RetiredModelError
	if _, err := c.Resolve("imagen4", nil); !errors.As(err, &gone) || gone.Reason != "we do not want it" {
		t.Errorf("imagen4: %v", err)
	}
}

func TestOverlayNamesEverythingThatIsWrong(t *testing.T) {
	_, err := catalog.Overlay(load(t), strings.NewReader(`{"models": [
		{"title": "nameless"},
		5,
		{"id": "google/imagen4", "titel": "Imagen"},
		{"id": "z-image", "inputs": [{"name": "aspect_ratio", "default": "7:7"}, {"type": "string"}]},
		{"id": "z-image"},
		{"id": "qwen3/text-to-image", "price": {"per": "image", "rates": [{"when": {"resolution": "1K"}, "credits": 1}]}},
		{"id": "seedream/4.5-edit", "inputs": [{"name": "image_urls", "max_items": "many"}]},
		{"id": "kling-2.6/text-to-video", "inputs": 5},
		{"id": "vendor/new", "kind": "film", "task": "t", "inputs": []},
		{"id": "vendor/other", "kind": "image", "task": "t", "aliases": ["flux"], "inputs": []}]}`))
	if err == nil {
		t.Fatal("Overlay accepted it")
	}
	for _, want := range []string{
		"entry 1: it must be", "entry 2: it must be", `"google/imagen4": json: unknown field "titel"`, "one has no name",
		`"z-image": it is there twice`, "no rate fits map[resolution:2K]", "max_items cannot be a JSON string",
		`"kling-2.6/text-to-video": inputs`, `kind "film"`, `"flux" belongs to`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	for name, data := range map[string]string{"line 2": "{\n\"model\": []}", "more after its end": `{"models": []} {}`, "EOF": ""} {
		if _, err := catalog.Overlay(load(t), strings.NewReader(data)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", data, err)
		}
	}
	broken := errors.New("broken disk")
	if _, err := catalog.Overlay(load(t), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// file is a catalogue file whose time moves with every version.
type file struct {
	t    *testing.T
	path string
	time time.Time
}

func (f *file) write(data string) {
	f.t.Helper()
	f.time = f.time.Add(time.Second)
	if err := os.WriteFile(f.path, []byte(data), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Chtimes(f.path, f.time, f.time); err != nil {
		f.t.Fatal(err)
	}
}

func priceFile(credits string) string {
	return `{"models": [{"id": "z-image", "price": {"per": "image", "rates": [{"credits": ` + credits + `}]}}]}`
}

func TestFileFollowsItsVersions(t *testing.T) {
	base := load(t)
	disk := &file{t: t, path: filepath.Join(t.TempDir(), "models.json"), time: time.Unix(1_790_000_000, 0)}
	f := catalog.NewFile(disk.path, base)
	expect := func(step string, changed bool, failure, credits string) {
		t.Helper()
		got, err := f.Reload()
		if got != changed || (err == nil) != (failure == "") || err != nil && !strings.Contains(err.Error(), failure) {
			t.Errorf("%s: Reload = %v, %v; want %v, %q", step, got, err, changed, failure)
		}
		m := of(t, f.Catalog(), "z-image")
		if cost, err := m.Estimate(nil); err != nil || cost.String() != credits {
			t.Errorf("%s: it costs %s, %v; want %s", step, cost, err, credits)
		}
	}
	if f.Catalog() != base {
		t.Error("before Reload it is not the base")
	}
	expect("no file", false, "no such file", "0.8")
	expect("still none", false, "", "0.8")
	disk.write(priceFile("2"))
	expect("a file", true, "", "2")
	expect("the same", false, "", "2")
	disk.write(priceFile("3"))
	expect("another", true, "", "3")
	disk.write(`{"models": [`)
	expect("half written", false, "unexpected EOF", "3")
	expect("reported once", false, "", "3")
	disk.write(priceFile("-4"))
	expect("wrong", false, "negative", "3")
	if err := os.Remove(disk.path); err != nil {
		t.Fatal(err)
	}
	expect("removed", false, "no such file", "3")
	disk.write(priceFile("5"))
	expect("back", true, "", "5")
	if err := os.Remove(disk.path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(disk.path, 0o700); err != nil {
		t.Fatal(err)
	}
	expect("a directory", false, "directory", "5")
}

// Readers see a whole catalogue, the old or the new one, while it changes.
func TestFileIsReadWhileItChanges(t *testing.T) {
	disk := &file{t: t, path: filepath.Join(t.TempDir(), "models.json"), time: time.Unix(1_790_000_000, 0)}
	disk.write(priceFile("1"))
	f := catalog.NewFile(disk.path, load(t))
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				m, err := f.Catalog().Lookup("z-image")
				if cost, priced := m.Estimate(nil); err != nil || priced != nil || cost <= 0 {
					t.Errorf("%s, %v, %v", cost, err, priced)
				}
				if _, err := f.Reload(); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for _, credits := range []string{"2", "3", "4"} {
		next := filepath.Join(filepath.Dir(disk.path), "next")
		if err := os.WriteFile(next, []byte(priceFile(credits+credits)), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(next, disk.path); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

// What Write makes Parse and Overlay read back.
func TestWriteAndReadBack(t *testing.T) {
	base := load(t)
	var b bytes.Buffer
	if err := catalog.Write(&b, base.All()); err != nil {
		t.Fatal(err)
	}
	again, err := catalog.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(base.All(), again.All()); diff != "" {
		t.Errorf("read back (-was +now):\n%s", diff)
	}
	over, err := catalog.Overlay(base, bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(base.All(), over.All()); diff != "" {
		t.Errorf("laid over itself (-was +now):\n%s", diff)
	}
	if !json.Valid(b.Bytes()) || strings.Contains(b.String(), `\u00`) || strings.Contains(b.String(), `"endpoint": "jobs"`) {
		t.Error("it is no JSON, or not written plainly")
	}
	if err := catalog.Write(failing{}, nil); err == nil {
		t.Error("a failed write goes unnoticed")
	}
	if err := catalog.Write(&b, []catalog.Model{{ID: "m", Inputs: []catalog.Input{{Default: func() {}}}}}); err == nil {
		t.Error("what is no JSON goes unnoticed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full disk") }

// The embedded entries are decoded when they are used; by whom first, and from
// how many goroutines, makes no difference.
func TestEmbeddedModelsFromManyGoroutines(t *testing.T) {
	c := load(t)
	want := load(t).All()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got := c.All(); !slices.EqualFunc(got, want, func(a, b catalog.Model) bool { return a.ID == b.ID && len(a.Inputs) == len(b.Inputs) }) {
				t.Error("the models differ")
			}
		})
		all.Go(func() {
			if len(c.Models()) == 0 || len(c.Families()) == 0 {
				t.Error("no models")
			}
		})
	}
	all.Wait()
}

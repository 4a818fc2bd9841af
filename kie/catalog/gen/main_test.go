package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

const list = `[
	{"id": "vendor/draw", "kind": "image", "task": "text-to-image", "endpoint": "jobs", "status": "current", "output": "image",
	 "credits": 4, "creditNote": "1K 4, 2K 8", "source": "https://docs.kie.ai/market/vendor/draw", "inputs": [
		{"name": "prompt", "type": "string", "required": true, "maxLength": 500, "description": "text"},
		{"name": "image_size", "type": "string", "enum": ["square_hd", "landscape_16_9"], "default": "square_hd", "description": "size"},
		{"name": "resolution", "type": "string", "enum": ["1K", "2K"], "description": "tier"},
		{"name": "image_urls", "type": "array", "items": "string", "media": "image", "maxItems": 3, "maxMB": 10, "accept": ["image/webp."], "description": "images"}]},
	{"id": "film_fast", "kind": "video", "task": "text-to-video", "endpoint": "/api/v1/veo/generate", "status": "legacy-endpoint", "output": "video", "inputs": [
		{"name": "prompt", "type": "string", "required": true, "description": "text"},
		{"name": "model", "type": "string", "default": "film_fast", "enum": ["film", "film_fast"], "description": "tier"},
		{"name": "duration", "type": "number", "min": 4, "max": 8, "description": "seconds"},
		{"name": "callBackUrl", "type": "string", "description": "URL to post to"}]},
	{"id": "vendor/extend", "kind": "video", "task": "extend", "endpoint": "jobs", "status": "current", "output": "video",
	 "requireOneOf": [["task_id"], ["video_url"]], "inputs": [
		{"name": "task_id", "type": "string", "media": "task", "description": "an earlier task"},
		{"name": "video_url", "type": "string", "media": "video", "description": "a video"},
		{"name": "mask_url", "type": "string", "media": "mask", "description": "a mask"}]},
	{"id": "vendor/say", "kind": "audio", "task": "tts", "endpoint": "jobs", "status": "retired", "output": "audio", "inputs": []},
	{"id": "vendor/hum", "kind": "audio", "task": "sound-effect", "endpoint": "jobs", "status": "current", "output": "audio", "inputs": []},
	{"id": "vendor/chat", "kind": "chat", "task": "chat", "endpoint": "jobs", "status": "current", "output": "text", "inputs": []}
]`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEntriesAreMade(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "list.json")
	write(t, source, list)
	var out bytes.Buffer
	if err := run([]string{source, dir}, &out); err != nil || out.String() != "5 models added\n" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	for name, wants := range map[string][]string{
		"image.json": {
			`"note": "1K 4, 2K 8"`, `"values": {"16:9": "landscape_16_9", "1:1": "square_hd"}`,
			`{"name": "image_urls", "type": "array", "items": "string", "option": "image", "media": "image", "description": "images", "max_items": 3, "max_mb": 10, "accept": ["image/webp"]}`,
		},
		"video.json": {
			`"endpoint": "veo"`, `"model_value": "film_fast"`, `"status": "legacy-endpoint"`, `"reason": "`,
			`{"name": "duration", "type": "integer", "option": "duration"`, `"require_one_of": [["task_id"], ["video_url"]]`,
			`"name": "task_id", "type": "string", "option": "task", "description"`, `"option": "mask", "media": "image"`,
		},
		"sound.json": {`"kind": "speech"`, `"task": "text-to-speech"`, `"kind": "music"`},
	} {
		text := read(t, filepath.Join(dir, name))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
		for _, not := range []string{"callBackUrl", "vendor/chat", `"name": "model"`} {
			if strings.Contains(text, not) {
				t.Errorf("%s has %s", name, not)
			}
		}
	}
}

// What people have written by hand is never lost, and a second run changes
// nothing.
func TestExistingEntriesStay(t *testing.T) {
	dir := t.TempDir()
	source, images := filepath.Join(dir, "list.json"), filepath.Join(dir, "image.json")
	write(t, source, list)
	write(t, images, `{"models": [{"id": "vendor/draw", "title": "Draw", "kind": "image", "task": "t", "inputs": [], "price": {"per": "image", "rates": [{"credits": 4}]}, "source": "https://docs.kie.ai/"}]}`)
	if err := run([]string{source, dir}, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	first := read(t, images)
	if !strings.Contains(first, `"title": "Draw"`) || !strings.Contains(first, `"credits": 4`) {
		t.Errorf("the entry is now\n%s", first)
	}
	if err := run([]string{source, dir}, &bytes.Buffer{}); err != nil || read(t, images) != first {
		t.Errorf("a second run: %v\n%s", err, read(t, images))
	}
}

// The committed data has the form that Gen writes, so that what it adds later
// changes nothing else.
func TestEmbeddedDataHasThisForm(t *testing.T) {
	for _, name := range []string{"image.json", "video.json", "sound.json"} {
		was := read(t, filepath.Join("..", name))
		copied := filepath.Join(t.TempDir(), name)
		write(t, copied, was)
		if n, err := extend(copied, nil); err != nil || n != 0 {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		if read(t, copied) != was {
			t.Errorf("%s is not as Gen writes it: run it with an empty list", name)
		}
	}
	if _, err := catalog.Default(); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotWork(t *testing.T) {
	dir := t.TempDir()
	broken, missing := filepath.Join(dir, "broken.json"), filepath.Join(dir, "missing.json")
	write(t, broken, "{")
	source := filepath.Join(dir, "list.json")
	write(t, source, list)
	write(t, filepath.Join(dir, "image.json"), "{")
	for _, args := range [][]string{nil, {source}, {missing, dir}, {broken, dir}, {source, dir}, {source, filepath.Join(dir, "nowhere")}} {
		if err := run(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q worked", args)
		}
	}
}

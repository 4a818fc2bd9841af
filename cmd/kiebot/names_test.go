package main

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The names that people know from elsewhere work as they are typed.
func TestNamesFromElsewhere(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "in.png")
	writePicture(t, picture)
	const image, video, audio, retired = ".png", ".mp4", ".mp3", ""
	for name, c := range map[string]struct {
		ext   string
		needs string // the option that it cannot do without
	}{
		"bytedance/seedream": {image, ""}, "flux-2/pro": {image, ""}, "google/imagen4": {image, ""},
		"ideogram/v3": {image, ""}, "grok-imagine/text-to-image": {image, ""},
		"kling/v2-1-pro": {video, "--image"}, "sora2/pro": {retired, ""}, "hailuo/2-3-pro": {video, "--image"},
		"wan/2-2-turbo": {video, ""}, "bytedance/v1-pro": {video, ""},
		"elevenlabs/text-to-speech": {audio, ""}, "suno/v4": {audio, ""},
		"seedream": {image, ""}, "veo": {video, ""}, "suno": {audio, ""}, "runway": {video, ""},
		"kling": {video, ""}, "hailuo": {video, ""}, "flux": {image, ""},
	} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			bare := "/generate a paper boat --model " + name
			if c.needs != "" {
				if out, err := once(t, bare, t.TempDir()); err == nil || !strings.Contains(out, "Nothing was charged") {
					t.Errorf("without a picture: %v, %s", err, out)
				}
				bare += " " + c.needs + " " + picture
			}
			dir := t.TempDir()
			out, err := once(t, bare, dir)
			if c.ext == retired {
				if err == nil || !strings.Contains(out, "cannot be used") || !strings.Contains(out, "--model") {
					t.Errorf("%v: %s", err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*"+c.ext))
			if err != nil || len(files) == 0 {
				t.Errorf("no %s file: %s", c.ext, out)
			}
		})
	}
}

// once runs one command and gives everything it printed.
func once(t *testing.T, command, dir string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "kiebot", "demo", "--once", command, "--out", dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%s: %v\n%s", command, err, out.String())
	}
	return out.String(), err
}

func writePicture(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, image.NewRGBA(image.Rect(0, 0, 512, 512))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

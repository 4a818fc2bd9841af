package telegram

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kiebot/core/media"
)

func TestLadder(t *testing.T) {
	picture := func(kind string, w, h int, size int64) media.File {
		return media.File{Type: kind, Kind: media.Image, Width: w, Height: h, Size: size, Path: "x", Name: "x.png"}
	}
	video := func(kind string, size int64) media.File {
		return media.File{Type: kind, Kind: media.Video, Width: 1280, Height: 720, Size: size, Duration: time.Second}
	}
	for _, test := range []struct {
		name  string
		file  media.File
		local bool
		want  []shape
	}{
		{"a picture", picture("image/png", 1024, 1024, 2<<20), false, []shape{asPhoto, asDocument, asSmaller, asLink}},
		{"a heavy picture", picture("image/png", 4000, 4000, 11<<20), false, []shape{asDocument, asSmaller, asLink}},
		{"12000 pixels", picture("image/png", 12000, 100, 1<<20), false, []shape{asDocument, asSmaller, asLink}},
		{"10001 pixels around the corner", picture("image/png", 5001, 5000, 1<<20), false, []shape{asDocument, asSmaller, asLink}},
		{"a ribbon", picture("image/jpeg", 2100, 100, 1<<20), false, []shape{asDocument, asSmaller, asLink}},
		{"just wide enough", picture("image/jpeg", 2000, 100, 1<<20), false, []shape{asPhoto, asDocument, asSmaller, asLink}},
		{"60 MB", picture("image/png", 5000, 4000, 60<<20), false, []shape{asSmaller, asLink}},
		{"60 MB, too many pixels to decode", picture("image/png", 12000, 12000, 60<<20), false, []shape{asLink}},
		{"60 MB, local server", picture("image/png", 5000, 4000, 60<<20), true, []shape{asDocument, asSmaller, asLink}},
		{"nobody knows its size", picture("image/png", 0, 0, 1000), false, []shape{asDocument, asLink}},
		{"HEIC", picture("image/heic", 100, 100, 1000), false, []shape{asDocument, asLink}},
		{"GIF", picture("image/gif", 100, 100, 1000), false, []shape{asAnimation, asDocument, asLink}},
		{"a video", video("video/mp4", 50<<19), false, []shape{asVideo, asDocument, asLink}},
		{"a large video", video("video/mp4", 60<<20), false, []shape{asLink}},
		{"a large video, local server", video("video/mp4", 60<<20), true, []shape{asVideo, asDocument, asLink}},
		{"3 GB, local server", video("video/mp4", 3<<30), true, []shape{asLink}},
		{"QuickTime", video("video/quicktime", 1000), false, []shape{asDocument, asLink}},
		{"a song", media.File{Type: "audio/mpeg", Kind: media.Audio, Size: 1000}, false, []shape{asAudio, asDocument, asLink}},
		{"WAV", media.File{Type: "audio/wav", Kind: media.Audio, Size: 1000}, false, []shape{asDocument, asLink}},
		{"nothing in it", picture("image/png", 10, 10, 0), false, []shape{asLink}},
		{"an empty video", video("video/mp4", 0), false, []shape{asLink}},
	} {
		if got := limitsOf(test.local).ladder(test.file); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestFileNames(t *testing.T) {
	f := media.File{Name: "01jd-0.mp3"}
	for title, want := range map[string]string{
		"": "01jd-0.mp3", "Waves": "Waves.mp3", `a/b\c:"d"` + "\n": "a b c d.mp3", "Море": "Море.mp3", "../..": ".. ...mp3",
	} {
		if got := fileName(title, f); got != want {
			t.Errorf("%q is called %q, want %q", title, got, want)
		}
	}
}

// pictureFile makes a picture on disk, red in the middle, transparent at the edges.
func pictureFile(t testing.TB, w, h int, encode func(*bytes.Buffer, image.Image) error) media.File {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := h / 4; y < h-h/4; y++ {
		for x := w / 4; x < w-w/4; x++ {
			img.SetNRGBA(x, y, color.NRGBA{R: 255, A: 255})
		}
	}
	var data bytes.Buffer
	if err := encode(&data, img); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "01jd-0.png")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := media.Probe(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSmallerRendition(t *testing.T) {
	shrinker := media.NewShrinker()
	for _, size := range []image.Point{{12000, 400}, {400, 12000}, {30, 20}, {5000, 10}} {
		file := pictureFile(t, size.X, size.Y, encodePNG)
		data, err := shrinker.JPEG(t.Context(), file, renditionSide, photoRatio)
		if err != nil {
			t.Fatal(err)
		}
		made, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got := made.Bounds().Size()
		as := media.File{Type: "image/jpeg", Kind: media.Image, Width: got.X, Height: got.Y, Size: int64(len(data))}
		if !limitsOf(false).takes(asPhoto, as) || max(got.X, got.Y) > renditionSide {
			t.Errorf("of %v a photo of %v and %d bytes was made", size, got, len(data))
		}
		middle, corner := color.NRGBAModel.Convert(made.At(got.X/2, got.Y/2)).(color.NRGBA), color.NRGBAModel.Convert(made.At(0, 0)).(color.NRGBA)
		if int(middle.R)-int(middle.G) < 100 || corner.G < 200 {
			t.Errorf("of %v: %v in the middle, %v in the corner", size, middle, corner)
		}
	}
	if _, err := shrinker.JPEG(t.Context(), media.File{Path: filepath.Join(t.TempDir(), "none.png")}, renditionSide, photoRatio); err == nil {
		t.Error("a picture that is not there was made smaller")
	}
}

func encodePNG(b *bytes.Buffer, img image.Image) error { return png.Encode(b, img) }

package kietest

import (
	"bytes"
	"golang.org/x/image/font/gofont/goregular"
	"image"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestEverySettingAndEmblemDraws visits each entry of the tables once, so that
// a broken outline cannot wait for the one prompt that names it.
func TestEverySettingAndEmblemDraws(t *testing.T) {
	for _, one := range settings() {
		c := newCanvas(64, 48, rand.New(rand.NewPCG(1, 2)))
		compose(c, wordsOf(one.words))
		checkInk(t, one.words, c)
	}
	for _, e := range emblems() {
		word, _, _ := strings.Cut(e.words, " ")
		plain, with := newCanvas(96, 96, rand.New(rand.NewPCG(1, 2))), newCanvas(96, 96, rand.New(rand.NewPCG(1, 2)))
		(&scene{canvas: plain, ground: func(float64) float64 { return 70 }}).emblems()
		s := &scene{canvas: with, words: []string{word}, ground: func(float64) float64 { return 70 }, sunX: 20}
		s.palette = pickPalette(with.rng, s.words)
		s.emblems()
		if slices.Equal(plain.pix, with.pix) {
			t.Errorf("%q draws nothing", word)
		}
	}
}

func checkInk(t *testing.T, name string, c *canvas) {
	t.Helper()
	low, high := c.pix[0], c.pix[0]
	for _, p := range c.pix {
		for i := range p {
			if p[i] < -0.01 || p[i] > 1.01 || p[i] != p[i] {
				t.Fatalf("%q has a pixel of %v", name, p)
			}
			low[i], high[i] = min(low[i], p[i]), max(high[i], p[i])
		}
	}
	if high[0]-low[0]+high[1]-low[1]+high[2]-low[2] < 0.5 {
		t.Errorf("%q is nearly one colour, %v to %v", name, low, high)
	}
}

func TestWordsChooseWhatIsDrawn(t *testing.T) {
	named := func(prompt string) string {
		e := pick(rand.New(rand.NewPCG(1, 1)), wordsOf(prompt), emblems(), func(e emblem) string { return e.words })
		word, _, _ := strings.Cut(e.words, " ")
		return word
	}
	for prompt, want := range map[string]string{
		"A CAT!": "cat", "two cats": "cat", "кошка спит": "cat", "старый маяк": "lighthouse", "the lighthouses": "lighthouse", "щенки": "dog",
	} {
		if got := named(prompt); got != want {
			t.Errorf("%q draws a %s, want a %s", prompt, got, want)
		}
	}
	for _, prompt := range []string{"a catalogue of carpets", "", "1234 !?", "日本"} {
		if asks(wordsOf(prompt), "cat car") {
			t.Errorf("%q is taken for a cat", prompt)
		}
	}
}

func TestSettingFollowsTheWords(t *testing.T) {
	sea := pick(rand.New(rand.NewPCG(3, 3)), wordsOf("a boat"), settings(), func(s setting) string { return s.words })
	if !strings.HasPrefix(sea.words, "sea") {
		t.Errorf("a boat is drawn into %q", sea.words)
	}
}

func TestBrokenOutlinesPanic(t *testing.T) {
	for _, outline := range []string{"X 1 2", "M 1 y", "0 0"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("outline %q is accepted", outline)
				}
			}()
			trace(outline, func(x, y float64) point { return point{x, y} })
		}()
	}
}

func TestCaptionLines(t *testing.T) {
	l, err := newLettering(goregular.TTF, 20)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		lines      int
		cut        bool
	}{
		{"empty", "", 0, false},
		{"short", "a cat", 1, false},
		{"Cyrillic", "кот", 1, false},
		{"two lines", "a cat that looks over the sea at dawn", 2, false},
		{"far too long", strings.Repeat("many words ", 60), 3, true},
		{"one endless word", strings.Repeat("x", 200), 1, true},
		{"signs the font lacks", "日本語", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines := l.wrap(l.printable(test.text), 240, captionLines)
			if len(lines) != test.lines {
				t.Fatalf("%d lines %q, want %d", len(lines), lines, test.lines)
			}
			for _, line := range lines {
				if l.width(line) > 240 {
					t.Errorf("%q is %.0f wide", line, l.width(line))
				}
			}
			if test.lines > 0 && strings.HasSuffix(lines[len(lines)-1], "…") != test.cut {
				t.Errorf("lines %q, cut %v", lines, test.cut)
			}
		})
	}
	if got := l.printable("a\n\tb 日 c"); got != "a b  c" {
		t.Errorf("printable text is %q", got)
	}
}

func TestParseRatio(t *testing.T) {
	for text, want := range map[string]float64{
		"1:1": 1, "16:9": 16.0 / 9, "9:21": 9.0 / 21, "square": 1, "square_hd": 1, "portrait_4_3": 3.0 / 4, "portrait_16_9": 9.0 / 16,
		"landscape_4_3": 4.0 / 3, "portrait": 9.0 / 16, "landscape": 16.0 / 9,
	} {
		if got, ok := parseRatio(text); !ok || got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%s is %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "auto", "adaptive", "1:0", "-1:1", "720p", "x:y"} {
		if got, ok := parseRatio(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestSmallAndOddPictures(t *testing.T) {
	for _, size := range []image.Point{{64, 64}, {3072, 64}, {64, 1024}, {1025, 577}} {
		body, err := renderPicture(artwork{format: formatPNG, prompt: "a cat", model: "m", width: size.X, height: size.Y})
		if err != nil {
			t.Fatal(err)
		}
		if cfg, err := png.DecodeConfig(bytes.NewReader(body)); err != nil || cfg.Width != size.X || cfg.Height != size.Y {
			t.Errorf("%v came out as %d×%d, %v", size, cfg.Width, cfg.Height, err)
		}
	}
}

func TestTagsTellArtworksApart(t *testing.T) {
	one := artwork{format: formatPNG, prompt: "a", model: "b c", seed: 1, width: 2, height: 3}
	other := artwork{format: formatPNG, prompt: "a b", model: "c", seed: 1, width: 2, height: 3}
	same := one
	if one.tag() == other.tag() || one.tag() != same.tag() {
		t.Error("tags do not follow what is drawn")
	}
}

func TestFileCacheKeepsTheLast(t *testing.T) {
	var c fileCache
	drawn := map[string]int{}
	get := func(name string) {
		t.Helper()
		if body, err := c.get(name, func() ([]byte, error) { drawn[name]++; return []byte(name), nil }); err != nil || string(body) != name {
			t.Errorf("%s came as %q, %v", name, body, err)
		}
	}
	get("first")
	get("first")
	for i := range cachedFiles {
		get(strings.Repeat("x", i+1))
	}
	get("first")
	if drawn["first"] != 2 || drawn["x"] != 1 || len(c.files) != cachedFiles {
		t.Errorf("drawn %v, kept %d", drawn, len(c.files))
	}
}

func BenchmarkPicture(b *testing.B) {
	for _, prompt := range []string{"a cat astronaut", "neon city street", "deep forest", "a boat on the sea", "mountains at night", "abstract silk"} {
		b.Run(strings.ReplaceAll(prompt, " ", "-"), func(b *testing.B) {
			seed := uint64(0)
			for b.Loop() {
				seed++
				if _, err := renderPicture(artwork{format: formatPNG, prompt: prompt, model: "m", seed: seed, width: 1024, height: 1024}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/picture")
		})
	}
}

func BenchmarkVideo(b *testing.B) {
	for b.Loop() {
		if _, err := renderVideo(artwork{format: formatMP4, prompt: "a cat", model: "m", width: 16, height: 9}); err != nil {
			b.Fatal(err)
		}
	}
}

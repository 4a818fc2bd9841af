package media

import (
	"image"
	"image/color"
	"testing"
)

// A smaller picture has the mean of what comes together in it, on white.
func TestScaled(t *testing.T) {
	white, black, clear := color.NRGBA{255, 255, 255, 255}, color.NRGBA{0, 0, 0, 255}, color.NRGBA{200, 0, 0, 0}
	red := color.NRGBA{255, 0, 0, 255}
	// It does not begin at 0, and what is beside it does not count.
	picture := image.NewNRGBA(image.Rect(0, 0, 9, 4))
	for y, row := range [][]color.NRGBA{
		{red, white, white, black, black, red, red, clear},
		{red, white, white, black, black, red, red, clear},
	} {
		for x, c := range row {
			picture.SetNRGBA(1+x, 1+y, c)
		}
	}
	part := picture.SubImage(image.Rect(2, 1, 9, 3))
	rgba := func(r, g, b uint8) color.RGBA { return color.RGBA{r, g, b, 255} }
	for _, tt := range []struct {
		side, ratio int
		want        [][]color.RGBA
	}{
		{4, 4, [][]color.RGBA{{rgba(255, 255, 255), rgba(128, 128, 128), rgba(128, 0, 0), rgba(255, 128, 128)}}},
		{4, 2, [][]color.RGBA{
			{rgba(255, 255, 255), rgba(128, 128, 128), rgba(128, 0, 0), rgba(255, 128, 128)},
			{rgba(255, 255, 255), rgba(255, 255, 255), rgba(255, 255, 255), rgba(255, 255, 255)},
		}},
		{1, 1, [][]color.RGBA{{rgba(182, 109, 109)}}},
		{100, 4, [][]color.RGBA{
			{rgba(255, 255, 255), rgba(255, 255, 255), rgba(0, 0, 0), rgba(0, 0, 0), rgba(255, 0, 0), rgba(255, 0, 0), rgba(255, 255, 255)},
			{rgba(255, 255, 255), rgba(255, 255, 255), rgba(0, 0, 0), rgba(0, 0, 0), rgba(255, 0, 0), rgba(255, 0, 0), rgba(255, 255, 255)},
		}},
	} {
		got := scaled(part, tt.side, tt.ratio)
		if size := got.Bounds().Size(); size != image.Pt(len(tt.want[0]), len(tt.want)) {
			t.Errorf("with sides of %d and %d times as wide it is %v", tt.side, tt.ratio, size)
			continue
		}
		for y, row := range tt.want {
			for x, want := range row {
				if c := got.At(x, y); c != want {
					t.Errorf("with sides of %d: the pixel at %d,%d is %v, want %v", tt.side, x, y, c, want)
				}
			}
		}
	}
}

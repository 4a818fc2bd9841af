package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	_ "image/png" // decodes what is made smaller
	"os"

	_ "golang.org/x/image/webp" // likewise
)

const (
	shrinkPixels = 50_000_000 // of a picture that is made smaller: 200 MB
	jpegQuality  = 88
)

// Shrinker makes smaller renditions of pictures: one at a time, so that the
// pixels of one picture, four bytes each, are the most memory that it takes.
// Its methods may be called concurrently.
type Shrinker struct{ one chan struct{} }

// NewShrinker makes one.
func NewShrinker() *Shrinker { return &Shrinker{one: make(chan struct{}, 1)} }

// CanShrink reports whether a smaller rendition can be made of the file.
func CanShrink(f File) bool {
	switch f.Type {
	case "image/jpeg", "image/png", "image/webp":
		return f.Size > 0 && f.Width > 0 && f.Height > 0 && int64(f.Width)*int64(f.Height) <= shrinkPixels
	}
	return false
}

// JPEG makes a rendition of the picture on white, with sides of so many pixels
// at most and no longer than ratio times as wide as high, or the other way
// round: what is missing of that is white too. It waits for the one before.
func (s *Shrinker) JPEG(ctx context.Context, f File, side, ratio int) ([]byte, error) {
	select {
	case s.one <- struct{}{}:
		defer func() { <-s.one }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	source, err := os.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("opening a picture: %w", err)
	}
	defer source.Close()
	picture, _, err := image.Decode(source)
	if err != nil {
		return nil, fmt.Errorf("decoding a picture: %w", err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, scaled(picture, side, ratio), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return nil, fmt.Errorf("encoding a picture: %w", err)
	}
	return out.Bytes(), nil
}

func scaled(picture image.Image, side, ratio int) image.Image {
	size := picture.Bounds().Size()
	if long := max(size.X, size.Y); long > side {
		size = image.Pt(max(size.X*side/long, 1), max(size.Y*side/long, 1))
	}
	least := (max(size.X, size.Y) + ratio - 1) / ratio
	canvas := image.NewRGBA(image.Rect(0, 0, max(size.X, least), max(size.Y, least)))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	at := canvas.Bounds().Size().Sub(size).Div(2)
	shrink(canvas.SubImage(image.Rectangle{Min: at, Max: at.Add(size)}).(*image.RGBA), picture)
	return canvas
}

// shrink fills the canvas with the picture on white: each pixel is the mean of
// those that come together in it. The picture is read in stripes, because its
// own pixels may be of any kind.
func shrink(canvas *image.RGBA, picture image.Image) {
	to, from := canvas.Bounds(), picture.Bounds()
	stripe := image.NewRGBA(image.Rect(0, 0, from.Dx(), from.Dy()/to.Dy()+1))
	for y := range to.Dy() {
		top, bottom := share(y, to.Dy(), from.Dy())
		rows := image.Rect(0, 0, from.Dx(), bottom-top)
		draw.Draw(stripe, rows, image.White, image.Point{}, draw.Src)
		draw.Draw(stripe, rows, picture, from.Min.Add(image.Pt(0, top)), draw.Over)
		for x := range to.Dx() {
			left, right := share(x, to.Dx(), from.Dx())
			canvas.SetRGBA(to.Min.X+x, to.Min.Y+y, mean(stripe, image.Rect(left, 0, right, rows.Dy())))
		}
	}
}

// share is the part of all that falls to one of so many, in order: at least
// one, where there are no fewer.
func share(i, of, all int) (from, to int) { return i * all / of, (i + 1) * all / of }

// mean is the colour of an opaque area.
func mean(img *image.RGBA, area image.Rectangle) color.RGBA {
	var r, g, b int
	for y := area.Min.Y; y < area.Max.Y; y++ {
		row := img.Pix[img.PixOffset(area.Min.X, y):img.PixOffset(area.Max.X, y)]
		for i := 0; i < len(row); i += 4 {
			r, g, b = r+int(row[i]), g+int(row[i+1]), b+int(row[i+2])
		}
	}
	n := area.Dx() * area.Dy()
	return color.RGBA{R: uint8((r + n/2) / n), G: uint8((g + n/2) / n), B: uint8((b + n/2) / n), A: 255}
}

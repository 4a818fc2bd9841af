package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // decodes what is made smaller
	"os"

	"golang.org/x/image/draw"
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
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	at := canvas.Bounds().Size().Sub(size).Div(2)
	draw.ApproxBiLinear.Scale(canvas, image.Rectangle{Min: at, Max: at.Add(size)}, picture, picture.Bounds(), draw.Over, nil)
	return canvas
}

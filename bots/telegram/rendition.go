package telegram

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

	"kiebot/core/media"
)

// A smaller rendition is made only of a picture that fits nowhere else: one at
// a time, so that the pixels of one picture, four bytes each, are the most
// memory that it takes.
const (
	shrinkPixels  = 50_000_000 // of the original: 200 MB
	renditionSide = 2560       // Telegram shows no more of a photo
	coverSide     = 320        // Bot API, sendAudio: of a thumbnail, which is a JPEG of less than 200 kB
	jpegQuality   = 88
)

// canShrink reports whether a smaller rendition can be made of the picture.
func canShrink(f media.File) bool {
	switch f.Type {
	case "image/jpeg", "image/png", "image/webp":
		return f.Size > 0 && f.Width > 0 && f.Height > 0 && int64(f.Width)*int64(f.Height) <= shrinkPixels
	}
	return false
}

// shrink makes a JPEG of the picture with sides of so many pixels at most. It
// waits for the one before.
func (t *talker) shrink(ctx context.Context, f media.File, side int) ([]byte, error) {
	select {
	case t.shrinking <- struct{}{}:
		defer func() { <-t.shrinking }()
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
	if err := jpeg.Encode(&out, scaled(picture, side), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return nil, fmt.Errorf("encoding a picture: %w", err)
	}
	return out.Bytes(), nil
}

// scaled is the picture within a square of that side, on white, and no narrower than a
// photo may be: what is missing of that is white too.
func scaled(picture image.Image, side int) image.Image {
	size := picture.Bounds().Size()
	if long := max(size.X, size.Y); long > side {
		size = image.Pt(max(size.X*side/long, 1), max(size.Y*side/long, 1))
	}
	least := (max(size.X, size.Y) + photoRatio - 1) / photoRatio
	canvas := image.NewRGBA(image.Rect(0, 0, max(size.X, least), max(size.Y, least)))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	at := canvas.Bounds().Size().Sub(size).Div(2)
	draw.ApproxBiLinear.Scale(canvas, image.Rectangle{Min: at, Max: at.Add(size)}, picture, picture.Bounds(), draw.Over, nil)
	return canvas
}

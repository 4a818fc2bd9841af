package kietest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
)

// drawnEdge is the longest side that is drawn; larger pictures are enlarged
// from it, which costs a tenth and loses nothing but the sharpness of edges.
const drawnEdge = 2048

// renderPicture draws a picture for the prompt and encodes it.
func renderPicture(a artwork) ([]byte, error) {
	if max(a.width, a.height) < speckEdge {
		return renderSpeck(a)
	}
	img := drawPicture(a)
	if err := caption(img, a); err != nil {
		return nil, err
	}
	return encodePicture(a.format, img, png.BestSpeed)
}

func encodePicture(f format, img image.Image, level png.CompressionLevel) ([]byte, error) {
	var out bytes.Buffer
	var err error
	if f == formatJPEG {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 88})
	} else {
		err = (&png.Encoder{CompressionLevel: level}).Encode(&out, img)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the picture: %w", err)
	}
	return out.Bytes(), nil
}

// speckEdge is the longest side of pictures on which nothing could be seen.
const speckEdge = 8

// renderSpeck makes a picture of one colour, for tests that shrink theirs to
// have many.
func renderSpeck(a artwork) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, a.width, a.height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{R: byte(a.seed), G: byte(a.seed >> 8), B: byte(a.seed >> 16), A: 255}), image.Point{}, draw.Src)
	return encodePicture(a.format, img, png.NoCompression)
}

// drawPicture draws everything but the caption. Equal prompts, seeds and sizes
// give equal pixels.
func drawPicture(a artwork) *image.RGBA {
	h := fnv.New64a()
	h.Write([]byte(a.prompt))
	shrink := max(1, (max(a.width, a.height)+drawnEdge-1)/drawnEdge)
	c := newCanvas(max(a.width/shrink, 1), max(a.height/shrink, 1), rand.New(rand.NewPCG(h.Sum64(), a.seed)))
	compose(c, wordsOf(a.prompt))
	c.vignette()
	img := c.image()
	if shrink == 1 {
		return img
	}
	return enlarged(img, a.width, a.height)
}

// enlarged is a picture in a larger size, by repeating its pixels.
func enlarged(img *image.RGBA, width, height int) *image.RGBA {
	large := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			large.SetRGBA(x, y, img.RGBAAt(x*img.Rect.Dx()/width, y*img.Rect.Dy()/height))
		}
	}
	return large
}

// vignette darkens the corners a little and the foot, where the caption is.
func (c *canvas) vignette() {
	for y := range c.h {
		v := float64(y)/float64(c.h)*2 - 1
		foot := max(0, v-0.45) / 0.55
		for x := range c.w {
			u := float64(x)/float64(c.w)*2 - 1
			r := u*u + v*v
			c.pix[y*c.w+x].blend(rgb{}, float32(min(0.06*r*r+0.5*foot*foot, 1)))
		}
	}
}

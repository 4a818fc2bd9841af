package kietest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
)

// renderPicture draws a picture for the prompt and encodes it.
func renderPicture(a artwork) ([]byte, error) {
	h := fnv.New64a()
	h.Write([]byte(a.prompt))
	rng := rand.New(rand.NewPCG(h.Sum64(), a.seed))
	img := image.NewRGBA(image.Rect(0, 0, a.width, a.height))
	from, to := rng.Uint32(), rng.Uint32()
	for y := range a.height {
		mix := func(shift int) uint8 {
			f, t := int(from>>shift&255), int(to>>shift&255)
			return uint8(f + (t-f)*y/a.height)
		}
		c := color.RGBA{mix(0), mix(8), mix(16), 255}
		for x := range a.width {
			img.SetRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	var err error
	if a.format == formatJPEG {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 90})
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the picture: %w", err)
	}
	return out.Bytes(), nil
}

package kietest

import (
	"image"
	"image/draw"
	"math"
	"math/rand/v2"

	"golang.org/x/image/vector"
)

// rgb is a colour in sRGB, each part from 0 to 1.
type rgb [3]float32

// tint makes a colour from 0xRRGGBB.
func tint(v uint32) rgb {
	return rgb{float32(v>>16&255) / 255, float32(v>>8&255) / 255, float32(v&255) / 255}
}

// mix is a at 0 and b at 1.
func mix(a, b rgb, t float64) rgb {
	f := float32(min(max(t, 0), 1))
	return rgb{a[0] + (b[0]-a[0])*f, a[1] + (b[1]-a[1])*f, a[2] + (b[2]-a[2])*f}
}

// canvas is a picture in the making. Lengths are pixels; unit is the shorter
// side, so that drawings scale with the picture.
type canvas struct {
	w, h int
	unit float64
	pix  []rgb
	rng  *rand.Rand
}

func newCanvas(w, h int, rng *rand.Rand) *canvas {
	return &canvas{w: w, h: h, unit: float64(min(w, h)), pix: make([]rgb, w*h), rng: rng}
}

// between draws a number from the range.
func (c *canvas) between(low, high float64) float64 { return low + (high-low)*c.rng.Float64() }

// blend lays a colour over a pixel.
func (p *rgb) blend(col rgb, alpha float32) {
	p[0] += (col[0] - p[0]) * alpha
	p[1] += (col[1] - p[1]) * alpha
	p[2] += (col[2] - p[2]) * alpha
}

// shine adds light to a pixel without ever burning it out.
func (p *rgb) shine(col rgb, k float32) {
	p[0] += col[0] * k * (1 - p[0])
	p[1] += col[1] * k * (1 - p[1])
	p[2] += col[2] * k * (1 - p[2])
}

// box is the part of the canvas within r of a point.
func (c *canvas) box(cx, cy, rx, ry float64) image.Rectangle {
	return image.Rect(int(cx-rx)-1, int(cy-ry)-1, int(cx+rx)+2, int(cy+ry)+2).Intersect(image.Rect(0, 0, c.w, c.h))
}

// gradient fills rows from y0 to y1 with colours at equal distances.
func (c *canvas) gradient(y0, y1 float64, stops ...rgb) {
	for y := max(int(y0), 0); y < min(int(math.Ceil(y1)), c.h); y++ {
		t := (float64(y) - y0) / (y1 - y0) * float64(len(stops)-1)
		i := min(max(int(t), 0), len(stops)-2)
		col := mix(stops[i], stops[i+1], t-float64(i))
		row := c.pix[y*c.w : (y+1)*c.w]
		for x := range row {
			row[x] = col
		}
	}
}

// glow adds soft light around a point.
func (c *canvas) glow(cx, cy, r float64, col rgb, k float64) {
	b := c.box(cx, cy, r, r)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		dy := (float64(y) - cy) * (float64(y) - cy)
		for x := b.Min.X; x < b.Max.X; x++ {
			dx := float64(x) - cx
			if f := 1 - (dx*dx+dy)/(r*r); f > 0 {
				c.pix[y*c.w+x].shine(col, float32(k*f*f*f))
			}
		}
	}
}

// disc fills a circle; shade gets the place within it, from -1 to 1, and gives
// colour and opacity.
func (c *canvas) disc(cx, cy, r float64, shade func(x, y float64) (rgb, float64)) {
	b := c.box(cx, cy, r, r)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			dx, dy := float64(x)-cx, float64(y)-cy
			if cover := r - math.Hypot(dx, dy) + 0.5; cover > 0 {
				col, alpha := shade(dx/r, dy/r)
				c.pix[y*c.w+x].blend(col, float32(min(cover, 1)*alpha))
			}
		}
	}
}

// point is a place on the canvas.
type point struct{ x, y float64 }

// path is an outline: MoveTo, LineTo, QuadTo and CubeTo by number of points.
type path struct {
	steps [][]point
	moves []bool
}

func (p *path) move(x, y float64) {
	p.steps, p.moves = append(p.steps, []point{{x, y}}), append(p.moves, true)
}

func (p *path) to(points ...point) {
	p.steps, p.moves = append(p.steps, points), append(p.moves, false)
}

// bounds is the part of the canvas that a path can touch.
func (c *canvas) bounds(p *path) image.Rectangle {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, step := range p.steps {
		for _, q := range step {
			low = point{min(low.x, q.x), min(low.y, q.y)}
			high = point{max(high.x, q.x), max(high.y, q.y)}
		}
	}
	return c.box((low.x+high.x)/2, (low.y+high.y)/2, (high.x-low.x)/2, (high.y-low.y)/2)
}

// fill paints the inside of a path; shade gets the row and gives colour and
// opacity.
func (c *canvas) fill(p *path, shade func(y float64) (rgb, float32)) {
	b := c.bounds(p)
	if b.Empty() {
		return
	}
	mask := image.NewAlpha(image.Rect(0, 0, b.Dx(), b.Dy()))
	z := vector.NewRasterizer(b.Dx(), b.Dy())
	z.DrawOp = draw.Src
	at := func(q point) (x, y float32) { return float32(q.x - float64(b.Min.X)), float32(q.y - float64(b.Min.Y)) }
	for i, step := range p.steps {
		x, y := at(step[0])
		switch {
		case p.moves[i]:
			z.MoveTo(x, y)
		case len(step) == 1:
			z.LineTo(x, y)
		case len(step) == 2:
			x1, y1 := at(step[1])
			z.QuadTo(x, y, x1, y1)
		default:
			x1, y1 := at(step[1])
			x2, y2 := at(step[2])
			z.CubeTo(x, y, x1, y1, x2, y2)
		}
	}
	z.ClosePath()
	z.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	for y := range b.Dy() {
		col, alpha := shade(float64(b.Min.Y + y))
		row := c.pix[(b.Min.Y+y)*c.w+b.Min.X:]
		for x, cover := range mask.Pix[y*mask.Stride : y*mask.Stride+b.Dx()] {
			if cover != 0 {
				row[x].blend(col, alpha*float32(cover)/255)
			}
		}
	}
}

// paint is fill with one colour.
func (c *canvas) paint(p *path, col rgb, alpha float32) {
	c.fill(p, func(float64) (rgb, float32) { return col, alpha })
}

// noise is smooth chance over the plane.
type noise uint64

func (n noise) lattice(x, y int) float64 {
	h := uint64(n) ^ uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f
	h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>32) * 0x94d049bb133111eb
	return float64(h>>40) / (1 << 24)
}

// at is a value from 0 to 1 that changes over lengths of about 1.
func (n noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	tx, ty := x-fx, y-fy
	tx, ty = tx*tx*(3-2*tx), ty*ty*(3-2*ty)
	top := n.lattice(ix, iy)*(1-tx) + n.lattice(ix+1, iy)*tx
	low := n.lattice(ix, iy+1)*(1-tx) + n.lattice(ix+1, iy+1)*tx
	return top*(1-ty) + low*ty
}

// cloud is noise of several sizes, from 0 to 1.
func (n noise) cloud(x, y float64, octaves int) float64 {
	sum, weight, total := 0.0, 1.0, 0.0
	for i := range octaves {
		sum += weight * (n+noise(i)).at(x, y)
		total += weight
		weight, x, y = weight/2, x*2.03, y*2.03
	}
	return sum / total
}

// wash calls f for a coarse grid of places and applies the results in between
// smoothly to every pixel: what is soft anyway need not be computed everywhere.
func (c *canvas) wash(step int, f func(x, y float64) (rgb, float64), apply func(p *rgb, col rgb, k float32)) {
	gw, gh := c.w/step+2, c.h/step+2
	cols, ks := make([]rgb, gw*gh), make([]float32, gw*gh)
	for y := range gh {
		for x := range gw {
			col, k := f(float64(x*step), float64(y*step))
			cols[y*gw+x], ks[y*gw+x] = col, float32(k)
		}
	}
	for y := range c.h {
		top, fy := y/step*gw, float32(y%step)/float32(step)
		for x := range c.w {
			i, fx := top+x/step, float32(x%step)/float32(step)
			k := lerp(lerp(ks[i], ks[i+1], fx), lerp(ks[i+gw], ks[i+gw+1], fx), fy)
			if k <= 0 {
				continue
			}
			var col rgb
			for n := range col {
				col[n] = lerp(lerp(cols[i][n], cols[i+1][n], fx), lerp(cols[i+gw][n], cols[i+gw+1][n], fx), fy)
			}
			apply(&c.pix[y*c.w+x], col, k)
		}
	}
}

// lerp is a at 0 and b at 1.
func lerp(a, b, t float32) float32 { return a + (b-a)*t }

// image turns the canvas into a picture of eight bits, scattering the rounding
// so that soft colours show no bands.
func (c *canvas) image() *image.RGBA {
	bayer := [4][4]float32{{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}}
	img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	for y := range c.h {
		for x := range c.w {
			p, o := &c.pix[y*c.w+x], img.Pix[y*img.Stride+4*x:]
			d := (bayer[y&3][x&3] + 0.5) / 16
			for i := range 3 {
				o[i] = uint8(min(max(p[i], 0), 1)*254.99 + d)
			}
			o[3] = 255
		}
	}
	return img
}

package kietest

import "math"

// scene draws one picture: a setting in a palette, with silhouettes of what
// the prompt names.
type scene struct {
	*canvas
	palette
	words  []string
	sunX   float64
	sunY   float64
	ground func(x float64) float64 // where things stand
	water  bool                    // what they stand on
}

// compose draws everything but the caption.
func compose(c *canvas, words []string) {
	s := &scene{canvas: c, palette: pickPalette(c.rng, words), words: words}
	s.sunX = float64(c.w) * c.between(0.58, 0.8)
	if c.rng.IntN(2) == 0 {
		s.sunX = float64(c.w) - s.sunX
	}
	s.sunY = float64(c.h) * c.between(0.2, 0.34)
	s.ground = func(float64) float64 { return 0.72 * float64(c.h) }
	pick(c.rng, words, settings(), func(one setting) string { return one.words }).draw(s)
	s.emblems()
}

// sky draws the sky down to the horizon, with sun or moon, stars and clouds.
func (s *scene) sky(horizon float64) {
	s.gradient(0, horizon, s.top, s.middle, s.low)
	s.scatterStars(horizon)
	s.glow(s.sunX, s.sunY, s.unit*0.6, s.light, 0.45)
	s.glow(s.sunX, s.sunY, s.unit*0.2, s.light, 0.6)
	r := s.unit * s.between(0.05, 0.085)
	crescent := s.stars > 0.4 && s.rng.IntN(2) == 0
	s.disc(s.sunX, s.sunY, r, func(x, y float64) (rgb, float64) {
		lit := 1.0
		if crescent {
			lit = min(max((math.Hypot(x+0.45, y+0.2)-0.88)*r, 0), 1)
		}
		return mix(s.light, s.low, max(0, y)*0.35), lit
	})
	s.clouds(horizon)
}

func (s *scene) scatterStars(horizon float64) {
	for range int(s.stars * 420 * float64(s.w) * horizon / (s.unit * s.unit)) {
		x, y := s.between(0, float64(s.w)), horizon*math.Pow(s.rng.Float64(), 1.3)
		size := s.unit * (0.0006 + 0.0022*math.Pow(s.rng.Float64(), 5))
		s.glow(x, y, size*3, mix(s.light, s.accent, s.rng.Float64()*0.4), s.between(0.5, 1)*(1-0.8*y/horizon))
	}
}

func (s *scene) clouds(horizon float64) {
	n := noise(s.rng.Uint64())
	col := mix(s.light, s.low, 0.4)
	dense := s.between(0.5, 0.6)
	s.wash(max(int(s.unit/180), 2), func(x, y float64) (rgb, float64) {
		v := n.cloud(x/s.unit*2.1, y/s.unit*6.5, 4)
		return col, max(0, v-dense) * 2.2 * min(1, max(0, (horizon-y)/s.unit*5))
	}, func(p *rgb, col rgb, k float32) { p.blend(col, min(k, 0.8)) })
}

// ridge returns the height of a range of hills at x: base and swing are parts
// of the picture's height, rough is 0 for dunes and 1 for rocks.
func (s *scene) ridge(base, swing, size, rough float64) func(x float64) float64 {
	n := noise(s.rng.Uint64())
	return func(x float64) float64 {
		u := x / s.unit / size
		v := n.at(u, 0) - 0.5
		for k, weight, scale := 0, 0.5*rough, 2.1; k < 5; k, weight, scale = k+1, weight*0.5*(0.6+0.4*rough), scale*2.2 {
			v += weight * (0.5 - math.Abs(n.at(u*scale+float64(k)*9, 1)-0.5)*2) * 1.2
		}
		return (base - swing*v) * float64(s.h)
	}
}

// land fills everything below a line, hazier further down.
func (s *scene) land(top func(x float64) float64, col, haze rgb, strength float64) {
	p, high := &path{}, float64(s.h)
	step := max(s.unit/340, 1)
	p.move(-2, float64(s.h)+2)
	for x := -2.0; x < float64(s.w)+step+2; x += step {
		y := top(x)
		high = min(high, y)
		p.to(point{x, y})
	}
	p.to(point{float64(s.w) + step + 2, float64(s.h) + 2})
	reach := float64(s.h) * 0.22
	s.fill(p, func(y float64) (rgb, float32) {
		return mix(col, haze, strength*min(1, max(0, (y-high)/reach))), 1
	})
}

// ranges draws hills one before the other and returns the nearest line.
func (s *scene) ranges(from, to float64, count int, size, rough float64) func(x float64) float64 {
	var line func(x float64) float64
	for i := range count {
		t := float64(i) / float64(count-1)
		line = s.ridge(from+(to-from)*t, 0.26-0.14*t, size*(1.1-0.4*t), rough*(1-0.55*t))
		s.land(line, mix(s.far, s.near, t), s.low, 0.55*(1-t))
	}
	return line
}

func (s *scene) mountains() {
	s.sky(float64(s.h) * 0.75)
	if s.stars > 0.8 {
		s.aurora()
	}
	s.ground = s.ranges(0.5, 0.77, 5, 0.55, 1)
}

func (s *scene) dunes() {
	s.sky(float64(s.h) * 0.72)
	s.ground = s.ranges(0.6, 0.8, 5, 0.8, 0.08)
}

// aurora hangs waving curtains of light into the sky.
func (s *scene) aurora() {
	n := noise(s.rng.Uint64())
	second := mix(s.accent, tint(0x9b6bff), 0.7)
	s.wash(max(int(s.unit/220), 2), func(x, y float64) (rgb, float64) {
		u, v := x/s.unit, y/float64(s.h)
		foot := 0.3 + 0.16*(n.at(u*2.2, 3)-0.5)*2 + 0.05*math.Sin(u*7)
		up := foot - v
		if up < -0.03 {
			return s.accent, 0
		}
		k := math.Exp(-max(up, 0)*6.5) * min(1, (up+0.03)*30)
		return mix(s.accent, second, up*4), k * (0.25 + 0.75*n.cloud(u*9, v*0.6, 3)) * 0.9
	}, (*rgb).shine)
}

func (s *scene) forest() {
	s.sky(float64(s.h) * 0.8)
	for i := range 5 {
		t := float64(i) / 4
		line := s.ridge(0.5+0.28*t, 0.12, 0.6, 0.4)
		col := mix(s.far, s.near, t)
		s.land(line, col, s.low, 0.6*(1-t))
		s.pines(line, col, s.unit*(0.05+0.11*t*t), 0.35+0.35*t)
		s.ground = line
	}
}

// pines plants firs along a line; gap is their distance in heights.
func (s *scene) pines(line func(x float64) float64, col rgb, height, gap float64) {
	for x := 0.0; x < float64(s.w); x += height * gap * s.between(0.5, 1.5) {
		tall := height * s.between(0.6, 1.25)
		foot := line(x) + height*0.08
		p := &path{}
		p.move(x, foot-tall)
		for i := range 4 {
			y, wide := foot-tall*(0.72-0.24*float64(i)), tall*(0.09+0.055*float64(i))
			p.to(point{x + wide, y})
			p.to(point{x + wide*0.45, y - tall*0.02})
		}
		for i := 3; i >= 0; i-- {
			y, wide := foot-tall*(0.72-0.24*float64(i)), tall*(0.09+0.055*float64(i))
			p.to(point{x - wide*0.45, y - tall*0.02})
			p.to(point{x - wide, y})
		}
		s.paint(p, col, 1)
	}
}

func (s *scene) sea() {
	horizon := float64(s.h) * s.between(0.52, 0.58)
	s.sky(horizon)
	if s.rng.IntN(3) > 0 {
		line := s.ridge(horizon/float64(s.h)-0.01, 0.12, 0.5, 0.5)
		s.land(func(x float64) float64 { return min(line(x), horizon+1) }, mix(s.far, s.low, 0.35), s.low, 0.3)
	}
	s.gradient(horizon, float64(s.h), mix(s.low, s.far, 0.45), s.far, s.near)
	for range 520 { // the sun on the water
		t := math.Pow(s.rng.Float64(), 1.4)
		y := horizon + t*(float64(s.h)-horizon)
		spread := s.unit * (0.035 + 0.2*t)
		s.streak(s.sunX+spread*s.rng.NormFloat64()*0.6, y, s.unit*(0.012+0.05*t), s.unit*(0.0012+0.0035*t), s.light, 0.16+0.3*(1-t))
	}
	for range 240 { // waves elsewhere
		t := math.Pow(s.rng.Float64(), 1.2)
		y := horizon + t*(float64(s.h)-horizon)
		s.streak(s.between(0, float64(s.w)), y, s.unit*(0.02+0.12*t), s.unit*(0.001+0.003*t), mix(s.low, s.middle, s.rng.Float64()), 0.10+0.12*s.rng.Float64())
	}
	s.ground, s.water = func(x float64) float64 { return float64(s.h)*0.74 + s.unit*0.004*math.Sin(x/s.unit*30) }, true
}

// streak is a flat spindle of light.
func (s *scene) streak(x, y, rx, ry float64, col rgb, alpha float64) {
	p := &path{}
	p.move(x-rx, y)
	p.to(point{x, y - 2*ry}, point{x + rx, y})
	p.to(point{x, y + 2*ry}, point{x - rx, y})
	s.paint(p, col, float32(alpha))
}

func (s *scene) city() {
	s.sky(float64(s.h) * 0.8)
	for i := range 4 {
		t := float64(i) / 3
		s.skyline(0.4+0.15*t, 0.3-0.04*t, s.unit*(0.05+0.04*t), mix(s.far, s.near, t*0.9+0.1), 0.25+0.75*t)
	}
	top := float64(s.h) * 0.775
	s.gradient(top, float64(s.h), mix(s.near, s.middle, 0.25), s.near)
	for range 90 { // lights on the wet street
		s.streak(s.between(0, float64(s.w)), s.between(top, float64(s.h)), s.unit*s.between(0.01, 0.06), s.unit*0.0016,
			mix(s.accent, s.light, s.rng.Float64()), s.between(0.08, 0.35))
	}
	s.ground = func(float64) float64 { return top + s.unit*0.01 }
}

// skyline is a row of houses with windows; lit is how bright those are.
func (s *scene) skyline(top, swing, wide float64, col rgb, lit float64) {
	for x := -wide * s.rng.Float64(); x < float64(s.w); {
		width := wide * s.between(0.7, 1.6)
		y := float64(s.h) * (top + swing*math.Pow(s.rng.Float64(), 0.7))
		s.block(x, y, width, float64(s.h)-y, col, 1)
		if s.rng.IntN(4) == 0 {
			s.block(x+width*0.48, y-wide*0.7, wide*0.04, wide*0.7, col, 1)
		}
		s.windows(x, y, width, wide, lit)
		x += width * s.between(0.92, 1.12)
	}
}

func (s *scene) windows(x, y, width, wide, lit float64) {
	cell := wide * 0.19
	columns := int(width/cell) - 1
	left := x + (width-float64(columns)*cell)/2 + cell*0.25
	for row := y + cell*0.7; row < float64(s.h)*0.77; row += cell * 1.15 {
		for i := range columns {
			if s.rng.IntN(5) > 1 {
				continue
			}
			s.block(left+float64(i)*cell, row, cell*0.5, cell*0.62, mix(s.light, s.accent, s.rng.Float64()), s.between(0.25, 0.95)*lit)
		}
	}
}

// block fills a rectangle.
func (s *scene) block(x, y, w, h float64, col rgb, alpha float64) {
	p := &path{}
	p.move(x, y)
	p.to(point{x + w, y})
	p.to(point{x + w, y + h})
	p.to(point{x, y + h})
	s.paint(p, col, float32(alpha))
}

func (s *scene) space() {
	s.stars = max(s.stars, 0.9)
	s.gradient(0, float64(s.h), mix(s.top, rgb{}, 0.35), s.top, mix(s.middle, s.top, 0.4), s.middle)
	s.nebula()
	s.scatterStars(float64(s.h) * 1.2)
	s.planet(s.sunX, s.sunY+s.unit*0.04, s.unit*s.between(0.14, 0.2), s.rng.IntN(3) > 0)
	s.planet(float64(s.w)-s.sunX+s.unit*s.between(-0.08, 0.08), float64(s.h)*s.between(0.1, 0.18), s.unit*s.between(0.03, 0.05), false)
	far := s.ridge(0.72, 0.1, 0.5, 0.7)
	s.land(far, mix(s.far, s.middle, 0.3), s.low, 0.4)
	s.ground = s.ridge(0.8, 0.07, 0.9, 0.25)
	s.land(s.ground, s.near, s.far, 0.2)
}

func (s *scene) nebula() {
	n := noise(s.rng.Uint64())
	s.wash(max(int(s.unit/200), 2), func(x, y float64) (rgb, float64) {
		u, v := x/s.unit*1.6, y/s.unit*1.6
		bend := n.cloud(u+5, v, 3) * 1.6
		k := max(0, n.cloud(u+bend, v+bend*0.7, 5)-0.4) * 2.2
		return mix(s.low, s.accent, n.at(u*1.3, v*1.3+7)), k * 0.75
	}, (*rgb).shine)
}

// planet draws a banded ball lit from one side, perhaps with a ring.
func (s *scene) planet(cx, cy, r float64, ringed bool) {
	n := noise(s.rng.Uint64())
	one, two := mix(s.accent, s.light, 0.25), mix(s.low, s.far, 0.3)
	tilt := s.between(-0.5, 0.5)
	s.glow(cx, cy, r*1.7, one, 0.28)
	ring := func(front bool) {
		if ringed {
			s.ring(cx, cy, r, tilt*0.5, mix(s.light, one, 0.35), front)
		}
	}
	ring(false)
	s.disc(cx, cy, r, func(x, y float64) (rgb, float64) {
		z := math.Sqrt(max(0, 1-x*x-y*y))
		lit := max(0, -0.62*x-0.45*y+0.64*z)
		band := n.cloud(x*0.7+3, (y+x*tilt)*4.5+n.at(x*3, y*3)*0.5, 4)
		return mix(mix(s.top, rgb{}, 0.3), mix(two, one, (band-0.25)*2), 0.08+lit*1.05), 1
	})
	ring(true)
}

// ring draws the half of a planet's ring that is in front of it or behind.
func (s *scene) ring(cx, cy, r, tilt float64, col rgb, front bool) {
	for i := range 5 {
		outer, alpha := r*(1.95-0.13*float64(i)), float32(0.55-0.07*float64(i))
		p := &path{}
		begin, end := math.Pi, 2*math.Pi
		if front {
			begin, end = 0, math.Pi
		}
		at := func(a, r float64) point {
			x, y := math.Cos(a)*r, math.Sin(a)*r*0.24
			return point{cx + x - y*tilt, cy + y + x*tilt}
		}
		first := at(begin, outer)
		p.move(first.x, first.y)
		const steps = 60
		for k := range steps + 1 {
			p.to(at(begin+(end-begin)*float64(k)/steps, outer))
		}
		for k := range steps + 1 {
			p.to(at(end-(end-begin)*float64(k)/steps, outer-r*0.09))
		}
		s.paint(p, col, alpha)
	}
}

// silk draws folds of coloured light for prompts without a place.
func (s *scene) silk() {
	n := noise(s.rng.Uint64())
	turn := s.between(0, 2*math.Pi)
	cols := []rgb{s.near, s.top, s.middle, s.accent, s.low, s.light}
	s.wash(max(int(s.unit/340), 2), func(x, y float64) (rgb, float64) {
		u, v := x/s.unit*1.3, y/s.unit*1.3
		a := n.cloud(u+2, v, 2)
		b := n.cloud(u+a*1.7, v-a*1.3, 3)
		along := math.Cos(turn)*u + math.Sin(turn)*v
		fold := math.Sin(along*9+b*15)*0.5 + 0.5
		at := min(max(b*1.9-0.55+fold*0.3, 0), 0.999) * float64(len(cols)-1)
		i := int(at)
		col := mix(cols[i], cols[i+1], at-float64(i))
		return mix(mix(col, s.near, (1-fold)*0.6), s.light, math.Pow(fold, 12)*0.45), 1
	}, (*rgb).blend)
	s.ground = nil
}

package kietest

import (
	"fmt"
	"strings"
)

// emblem is a silhouette for a word. Its shapes are drawn in a square of 100 by
// 100 that stands on its lower edge.
type emblem struct {
	words  string
	shapes []shape
	size   float64 // height as a part of the picture's shorter side
	place  place
	swims  bool       // needs no rock in water
	alone  bool       // only when nothing else stands
	head   [3]float64 // centre and radius of what a helmet goes around
}

// shape is an outline in the manner of SVG (M, L, Q, C with absolute places,
// and O cx cy rx ry for an ellipse) and how it is coloured.
type shape struct {
	outline string
	paint   paint
}

type paint int

const (
	dark paint = iota
	bright
	coloured
)

type place int

const (
	onGround place = iota
	inAir
	flock // in the air, several
)

func emblems() []emblem {
	return []emblem{
		{words: "cat kitten kitty кот кош", size: 0.30, head: [3]float64{50, 42, 23}, shapes: []shape{
			{"M 34 100 C 27 84 33 66 40 52 L 60 52 C 67 66 73 84 66 100", dark},
			{"O 50 45 16 13.5", dark},
			{"M 35 44 L 35.5 21 L 49 33", dark}, {"M 65 44 L 64.5 21 L 51 33", dark},
			{"M 62 99 C 84 101 92 86 87 70 C 85 64 79 66 81 72 C 84 84 76 90 60 87", dark},
			{"O 44 44 2.3 3", bright}, {"O 56 44 2.3 3", bright},
		}},
		{words: "dog puppy corgi собак пёс пес щен корги", size: 0.30, head: [3]float64{50, 42, 25}, shapes: []shape{
			{"M 33 100 C 27 84 33 66 40 54 L 60 54 C 67 66 73 84 67 100", dark},
			{"O 50 44 15 15", dark}, {"O 50 53 8 8", dark},
			{"M 38 32 C 26 30 24 46 29 58 C 36 58 39 46 42 36", dark}, {"M 62 32 C 74 30 76 46 71 58 C 64 58 61 46 58 36", dark},
			{"M 63 98 C 78 96 88 84 84 68 C 82 66 79 68 79 72 C 79 82 72 86 62 86", dark},
			{"O 44.5 41 2.2 2.6", bright}, {"O 55.5 41 2.2 2.6", bright},
		}},
		{words: "robot android робот", size: 0.32, head: [3]float64{50, 24, 24}, shapes: []shape{
			{"M 33 12 L 67 12 L 67 38 L 33 38", dark}, {"M 49 2 L 51 2 L 51 13 L 49 13", dark}, {"O 50 3 2.6 2.6", coloured},
			{"M 45 37 L 55 37 L 55 44 L 45 44", dark}, {"M 28 43 L 72 43 L 68 76 L 32 76", dark},
			{"M 20 45 L 26 45 L 28 70 L 22 70", dark}, {"M 80 45 L 74 45 L 72 70 L 78 70", dark},
			{"M 35 75 L 46 75 L 46 100 L 33 100", dark}, {"M 65 75 L 54 75 L 54 100 L 67 100", dark},
			{"O 42 24 4 4", bright}, {"O 58 24 4 4", bright}, {"M 42 52 L 58 52 L 58 55 L 42 55", coloured},
		}},
		{words: "rocket spaceship starship ракет звездол", size: 0.34, place: inAir, shapes: []shape{
			{"M 40 74 C 41 86 47 94 50 102 C 53 94 59 86 60 74", coloured}, {"M 45 74 C 46 82 48 87 50 91 C 52 87 54 82 55 74", bright},
			{"M 50 2 C 65 16 69 40 66 75 L 34 75 C 31 40 35 16 50 2", dark},
			{"M 35 52 L 18 82 L 36 74", coloured}, {"M 65 52 L 82 82 L 64 74", coloured}, {"O 50 34 7.5 7.5", bright},
		}},
		{words: "balloon шар воздуш", size: 0.28, place: inAir, shapes: []shape{
			{"M 50 4 C 82 4 94 28 87 48 C 82 62 66 72 60 84 L 40 84 C 34 72 18 62 13 48 C 6 28 18 4 50 4", coloured},
			{"M 50 4 C 64 4 70 28 66 48 C 64 62 56 72 54 84 L 46 84 C 44 72 36 62 34 48 C 30 28 36 4 50 4", bright},
			{"M 43 90 L 57 90 L 56 100 L 44 100", dark}, {"M 41 84 L 42 84 L 45 90 L 44 90", dark}, {"M 59 84 L 58 84 L 55 90 L 56 90", dark},
		}},
		{words: "boat ship sail yacht лодк корабл парус яхт", swims: true, size: 0.30, shapes: []shape{
			{"M 10 80 L 90 80 C 85 92 77 100 66 100 L 32 100 C 22 98 14 90 10 80", dark}, {"M 49 8 L 51.5 8 L 51.5 80 L 49 80", dark},
			{"M 54 12 C 74 34 80 54 82 74 L 54 74", bright}, {"M 46.5 20 C 34 40 26 56 22 74 L 46.5 74", coloured},
		}},
		{words: "whale fish dolphin кит рыб дельфин", swims: true, size: 0.24, shapes: []shape{
			{"M 4 66 C 8 40 44 30 66 46 C 76 52 84 50 87 40 C 82 32 77 29 73 22 C 83 22 89 27 92 33 C 93 27 97 22 104 19 C 104 31 99 39 94 43 C 94 64 82 86 54 92 C 26 96 4 84 4 66", dark},
			{"O 20 62 2.4 2.6", bright},
		}},
		{words: "house home cabin cottage дом домик хижин", size: 0.24, shapes: []shape{
			{"M 68 22 L 76 22 L 76 44 L 68 38", dark}, {"M 10 54 L 50 20 L 90 54 L 81 54 L 81 101 L 19 101 L 19 54", dark},
			{"M 29 62 L 43 62 L 43 77 L 29 77", bright}, {"M 57 62 L 71 62 L 71 101 L 57 101", coloured},
		}},
		{words: "castle palace замок дворец", size: 0.36, shapes: []shape{
			{"M 24 56 L 76 56 L 76 101 L 24 101", dark}, {"M 12 40 L 30 40 L 30 101 L 12 101", dark}, {"M 70 40 L 88 40 L 88 101 L 70 101", dark},
			{"M 40 30 L 60 30 L 60 101 L 40 101", dark}, {"M 9 41 L 21 14 L 33 41", coloured}, {"M 67 41 L 79 14 L 91 41", coloured},
			{"M 37 31 L 50 2 L 63 31", coloured}, {"M 44 101 L 44 84 Q 50 76 56 84 L 56 101", bright}, {"O 50 44 3 4.4", bright}, {"O 21 54 2.4 3.6", bright}, {"O 79 54 2.4 3.6", bright},
		}},
		{words: "person man woman girl boy knight child human hero челов девуш девоч мальч рыцар", size: 0.26, head: [3]float64{50, 14, 15}, shapes: []shape{
			{"O 50 14 9.5 10.5", dark}, {"M 37 29 C 42 25 58 25 63 29 L 66 62 L 59 62 L 58 101 L 51 101 L 50.5 70 L 49.5 70 L 49 101 L 42 101 L 41 62 L 34 62", dark},
		}},
		{words: "astronaut cosmonaut астронавт космонавт", alone: true, size: 0.26, head: [3]float64{50, 14, 15}, shapes: []shape{
			{"O 50 14 9.5 10.5", dark}, {"M 37 29 C 42 25 58 25 63 29 L 66 62 L 59 62 L 58 101 L 51 101 L 50.5 70 L 49.5 70 L 49 101 L 42 101 L 41 62 L 34 62", dark},
		}},
		{words: "lighthouse beacon маяк", size: 0.42, shapes: []shape{
			{"M 41 24 L 59 24 L 66 101 L 34 101", dark}, {"M 39.4 40 L 60.6 40 L 62 55 L 38 55", bright}, {"M 36.8 70 L 63.2 70 L 64.4 84 L 35.6 84", bright},
			{"M 38 22 L 62 22 L 62 26 L 38 26", dark}, {"M 43 11 L 57 11 L 57 22 L 43 22", bright}, {"M 40 12 L 50 3 L 60 12", coloured},
		}},
		{words: "tree oak дерев дуб", size: 0.36, shapes: []shape{
			{"M 46 58 L 54 58 Q 54 88 60 101 L 40 101 Q 46 88 46 58", dark}, {"O 50 40 31 26", dark}, {"O 28 50 18 15", dark}, {"O 72 50 18 15", dark}, {"O 50 22 20 16", dark},
		}},
		{words: "bird crow eagle gull seagull raven птиц чайк орёл орел ворон", size: 0.07, place: flock, shapes: []shape{
			{"M 0 50 Q 25 22 50 52 Q 75 22 100 50 Q 75 38 50 64 Q 25 38 0 50", dark},
		}},
	}
}

// emblems draws the silhouettes that the prompt's words ask for, at most two
// of those that stand on the ground.
func (s *scene) emblems() {
	if s.ground == nil {
		return
	}
	helmet := asks(s.words, "astronaut cosmonaut space астронавт космонавт космос космич")
	standing := 0
	for _, e := range emblems() {
		switch {
		case !asks(s.words, e.words):
		case e.place == flock:
			for range 7 {
				s.emblem(e, s.between(0.1, 0.9)*float64(s.w), s.between(0.1, 0.42)*float64(s.h), s.between(0.5, 1.1), false)
			}
		case e.place == inAir:
			x := float64(s.w) * 0.26
			if s.sunX < float64(s.w)/2 {
				x = float64(s.w) - x
			}
			s.emblem(e, x, s.unit*e.size+s.between(0.12, 0.2)*float64(s.h), 1, false)
		case standing == 0 || standing == 1 && !e.alone:
			// Opposite to the sun, a second one beside the first.
			x := float64(s.w) - s.sunX + float64(standing)*(s.sunX-float64(s.w)/2)*0.9
			s.emblem(e, x, s.footing(x, s.unit*e.size*0.16), 1, helmet)
			standing++
		}
	}
}

// footing is the lowest point of the ground near x: nothing hovers.
func (s *scene) footing(x, reach float64) float64 {
	y := max(s.ground(x), s.ground(x-reach), s.ground(x+reach)) + s.unit*0.004
	return min(y, float64(s.h)*0.84)
}

// emblem draws one silhouette with its foot at a place.
func (s *scene) emblem(e emblem, x, y, scale float64, helmet bool) {
	k := s.unit * e.size * scale / 100
	at := func(px, py float64) point { return point{x + (px-50)*k, y + (py-100)*k} }
	body := mix(s.near, rgb{}, 0.45)
	if e.place == onGround {
		s.glow(x, y-50*k, 75*k, s.low, 0.3)
	}
	if s.water && e.place == onGround {
		s.streak(x, y, 46*k, 3*k, body, 0.5)
		if !e.swims {
			s.paint(trace("M -6 108 C 6 92 30 96 48 95 C 72 94 96 92 108 108", at), body, 1)
		}
	}
	for _, one := range e.shapes {
		col := body
		switch one.paint {
		case bright:
			col = mix(s.light, s.accent, 0.15)
		case coloured:
			col = s.accent
		}
		s.paint(trace(one.outline, at), col, 1)
	}
	if helmet && e.head[2] > 0 {
		centre := at(e.head[0], e.head[1])
		s.helmet(centre.x, centre.y, e.head[2]*k)
	}
}

// helmet puts a glass ball around a head.
func (s *scene) helmet(x, y, r float64) {
	s.glow(x, y, r, s.light, 0.25)
	for i := range 2 {
		outer := &path{}
		ellipse(outer, x, y, r-float64(i)*r*0.015, r-float64(i)*r*0.015)
		inner := r * 0.93
		outer.move(x+inner, y) // the other way round, so that it is cut out
		const bend = 0.5523
		outer.to(point{x + inner, y - inner*bend}, point{x + inner*bend, y - inner}, point{x, y - inner})
		outer.to(point{x - inner*bend, y - inner}, point{x - inner, y - inner*bend}, point{x - inner, y})
		outer.to(point{x - inner, y + inner*bend}, point{x - inner*bend, y + inner}, point{x, y + inner})
		outer.to(point{x + inner*bend, y + inner}, point{x + inner, y + inner*bend}, point{x + inner, y})
		s.paint(outer, s.light, 0.6)
	}
	p := &path{}
	p.move(x-r*0.72, y-r*0.12)
	p.to(point{x - r*0.68, y - r*0.62}, point{x - r*0.2, y - r*0.74})
	p.to(point{x - r*0.52, y - r*0.52}, point{x - r*0.72, y - r*0.12})
	s.paint(p, s.light, 0.75)
}

// ellipse adds a closed ellipse to a path.
func ellipse(p *path, x, y, rx, ry float64) {
	const bend = 0.5523 // makes a Bézier curve a quarter of a circle
	p.move(x+rx, y)
	p.to(point{x + rx, y + ry*bend}, point{x + rx*bend, y + ry}, point{x, y + ry})
	p.to(point{x - rx*bend, y + ry}, point{x - rx, y + ry*bend}, point{x - rx, y})
	p.to(point{x - rx, y - ry*bend}, point{x - rx*bend, y - ry}, point{x, y - ry})
	p.to(point{x + rx*bend, y - ry}, point{x + rx, y - ry*bend}, point{x + rx, y})
}

// trace reads an outline and places it. A broken outline is a mistake in this
// file and panics.
func trace(outline string, at func(x, y float64) point) *path {
	p := &path{}
	fields := strings.Fields(outline)
	numbers := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			if _, err := fmt.Sscan(fields[i+1], &v[i]); err != nil {
				panic(fmt.Sprintf("kietest: outline %q: %v", outline, err))
			}
		}
		fields = fields[n+1:]
		return v
	}
	for len(fields) > 0 {
		switch fields[0] {
		case "M":
			v := numbers(2)
			q := at(v[0], v[1])
			p.move(q.x, q.y)
		case "L":
			v := numbers(2)
			p.to(at(v[0], v[1]))
		case "Q":
			v := numbers(4)
			p.to(at(v[0], v[1]), at(v[2], v[3]))
		case "C":
			v := numbers(6)
			p.to(at(v[0], v[1]), at(v[2], v[3]), at(v[4], v[5]))
		case "O":
			v := numbers(4)
			centre, edge := at(v[0], v[1]), at(v[0]+v[2], v[1]+v[3])
			ellipse(p, centre.x, centre.y, edge.x-centre.x, edge.y-centre.y)
		default:
			panic(fmt.Sprintf("kietest: outline %q: unknown step %q", outline, fields[0]))
		}
	}
	return p
}

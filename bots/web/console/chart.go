package console

import (
	"fmt"
	"math"
)

// Measures of a chart, in pixels; across, it is as wide as there is room.
const (
	plotTop    = 12
	plotHeight = 150
	plotTicks  = 4 // lines above the one at zero, at most
	dayLabels  = 5 // that stand side by side on a phone
	rankRow    = 40
	rankMost   = 10
)

// point is one bar: what it is of, and its two parts, of which the second may be zero.
type point struct {
	Label string
	Href  string // where its name leads; may be empty
	Parts [2]float64
	Texts [2]string // the parts as people read them
}

func (p point) sum() float64 { return p.Parts[0] + p.Parts[1] }

// chart is upright bars over the days.
type chart struct {
	ID, Title, Desc string
	Names           [2]string // what the parts are; the second may be empty
	Height, Bottom  int
	Ticks           []tick
	Bars            []bar
	Labels          []label
	Points          []point // the same as numbers
}

// tick is a line across with its value.
type tick struct {
	Y    float64
	Text string
}

// bar is a part of a day.
type bar struct {
	Class string
	X, W  string // percent
	Y, H  float64
	Tip   string
}

// label is a text under the bars.
type label struct{ X, Text string }

// daysChart draws points in their order. write makes the text of a round value.
func daysChart(points []point, write func(float64) string) chart {
	ch := chart{Height: plotTop + plotHeight + 24, Bottom: plotTop + plotHeight, Points: points}
	most := 0.0
	for _, p := range points {
		most = max(most, p.sum())
	}
	step, top := axis(most)
	y := func(value float64) float64 { return plotTop + plotHeight*(1-value/top) }
	for i := 0; float64(i)*step <= top+step/2; i++ {
		value := float64(i) * step
		ch.Ticks = append(ch.Ticks, tick{Y: round(y(value)), Text: write(value)})
	}
	width := 100 / float64(max(len(points), 1))
	every := (len(points) + dayLabels - 1) / dayLabels
	for i, p := range points {
		left := float64(i) * width
		below := 0.0
		for part, value := range p.Parts {
			if value > 0 {
				ch.Bars = append(ch.Bars, bar{
					Class: [2]string{"main", "other"}[part], Tip: p.Label + ": " + p.Texts[part],
					X: fmt.Sprintf("%.3f%%", left+width*.12), W: fmt.Sprintf("%.3f%%", width*.76),
					Y: round(y(below + value)), H: round(max(y(below)-y(below+value), 1)),
				})
			}
			below += value
		}
		// Counted from the middle of the last stretch, so that no label is at the edge.
		if every > 0 && (len(points)-1-i)%every == every/2 {
			ch.Labels = append(ch.Labels, label{X: fmt.Sprintf("%.3f%%", left+width/2), Text: p.Label})
		}
	}
	return ch
}

// axis finds a round step, 1, 2 or 5 times a power of ten, and where the lines end.
func axis(most float64) (step, top float64) {
	if most <= 0 {
		return 1, 1
	}
	rough := most / plotTicks
	magnitude := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, times := range []float64{1, 2, 5, 10} {
		if step = times * magnitude; step >= rough*(1-1e-9) {
			break
		}
	}
	return step, math.Ceil(most/step-1e-9) * step
}

func round(value float64) float64 { return math.Round(value*100) / 100 }

// ranking is bars that lie, the longest first.
type ranking struct {
	ID, Title, Desc string
	Height          int
	Rows            []rank
	Points          []point // all of them, as numbers
}

// rank is one bar with its name above it.
type rank struct {
	Y          int
	W          string // percent
	Name, Text string
}

// rankChart draws the first points, which are in order, and counts the others as one.
func rankChart(points []point, others string, write func(float64) string) ranking {
	shown := points
	if len(points) > rankMost {
		rest := point{Label: others}
		for _, p := range points[rankMost-1:] {
			rest.Parts[0] += p.Parts[0]
		}
		rest.Texts[0] = write(rest.Parts[0])
		shown = append(append([]point{}, points[:rankMost-1]...), rest)
	}
	r := ranking{Height: rankRow * len(shown), Points: points}
	most := 0.0
	for _, p := range shown {
		most = max(most, p.Parts[0])
	}
	for i, p := range shown {
		r.Rows = append(r.Rows, rank{Y: i * rankRow, W: percent(p.Parts[0], most), Name: cut(rankName, p.Label), Text: p.Texts[0]})
	}
	return r
}

// rankName is how many characters of a name stand beside its number on a phone.
const rankName = 28

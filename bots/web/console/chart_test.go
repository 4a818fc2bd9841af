package console

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func write(value float64) string { return fmt.Sprint(value) }

func days(values ...float64) []point {
	var all []point
	for i, v := range values {
		all = append(all, point{Label: fmt.Sprintf("day %d", i), Parts: [2]float64{v, 0}, Texts: [2]string{write(v), ""}})
	}
	return all
}

func TestAxisHasRoundSteps(t *testing.T) {
	t.Parallel()
	for most, want := range map[float64][2]float64{
		0: {1, 1}, 1: {.5, 1}, 3: {1, 3}, 4: {1, 4}, 7: {2, 8}, 99: {50, 100}, 100: {50, 100}, 101: {50, 150},
		1234: {500, 1500}, 0.8: {.2, .8}, 40_000: {10_000, 40_000},
	} {
		step, top := axis(most)
		if math.Abs(step-want[0]) > 1e-9 || math.Abs(top-want[1]) > 1e-9 {
			t.Errorf("up to %g: steps of %g up to %g, want %v", most, step, top, want)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		most := math.Pow(10, random.Float64()*12-3)
		step, top := axis(most)
		if lines := top / step; top < most*(1-1e-9) || top-step >= most || lines > plotTicks+1e-6 || lines < 1 {
			t.Fatalf("up to %g: steps of %g up to %g", most, step, top)
		}
	}
}

func value(t *testing.T, percent string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSuffix(percent, "%"), 64)
	must(t, err)
	return v
}

// What is drawn is what is written: bars are as high as their numbers, stand
// side by side, and end at the line at zero.
func TestBarsShowTheNumbers(t *testing.T) {
	t.Parallel()
	points := days(0, 10, 40, 25)
	points[3].Parts[1], points[3].Texts[1] = 15, "15"
	ch := daysChart(points, write)
	height := func(i int) float64 { return ch.Bars[i].H / plotHeight * 40 }
	if len(ch.Bars) != 4 || height(0) != 10 || height(1) != 40 || height(2) != 25 || height(3) != 15 {
		t.Fatalf("the bars are %+v", ch.Bars)
	}
	if upper, lower := ch.Bars[3], ch.Bars[2]; upper.Y+upper.H != lower.Y || upper.X != lower.X || lower.Y+lower.H != float64(ch.Bottom) {
		t.Errorf("parts do not stand on each other: %+v, %+v", upper, lower)
	}
	for i := range 2 {
		if end := value(t, ch.Bars[i].X) + value(t, ch.Bars[i].W); end > value(t, ch.Bars[i+1].X) {
			t.Errorf("bar %d ends at %g, where the next has begun", i, end)
		}
	}
	if len(ch.Ticks) != 5 || ch.Ticks[0].Text != "0" || ch.Ticks[4].Text != "40" || ch.Ticks[4].Y != plotTop {
		t.Errorf("the lines are %+v", ch.Ticks)
	}
	if tiny := daysChart(days(0.001, 1_000_000), write); tiny.Bars[0].H < 1 {
		t.Error("a small amount looks like none")
	}
	if none := daysChart(days(0, 0), write); len(none.Bars) != 0 || len(none.Ticks) != 2 {
		t.Errorf("nothing is drawn as %+v", none)
	}
	if daysChart(nil, write).Height == 0 {
		t.Error("no days, no picture")
	}
}

// Labels have room on a phone, whatever the number of days.
func TestLabelsDoNotCollide(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 400; n++ {
		labels := daysChart(days(make([]float64, n)...), write).Labels
		if len(labels) == 0 || len(labels) > dayLabels {
			t.Fatalf("%d days have %d labels", n, len(labels))
		}
		for i := 1; i < len(labels); i++ {
			if apart := value(t, labels[i].X) - value(t, labels[i-1].X); apart < 100/dayLabels-6 {
				t.Errorf("of %d days two labels are %g%% apart", n, apart)
			}
		}
	}
}

func TestRanking(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 14 {
		values = append(values, float64(100-i))
	}
	r := rankChart(days(values...), "others", write)
	if len(r.Rows) != rankMost || r.Rows[0].W != "22.47%" || r.Rows[rankMost-1].Name != "others" || r.Rows[rankMost-1].Text != "445" {
		t.Errorf("drawn as %+v", r.Rows)
	}
	if len(r.Points) != 14 {
		t.Errorf("%d numbers are written", len(r.Points))
	}
	if got := rankChart(days(3, 1), "others", write); len(got.Rows) != 2 || got.Rows[0].W != "100.00%" || got.Height != 2*rankRow {
		t.Errorf("two are drawn as %+v", got)
	}
	if got := rankChart(nil, "others", write); len(got.Rows) != 0 {
		t.Errorf("none are drawn as %+v", got)
	}
}

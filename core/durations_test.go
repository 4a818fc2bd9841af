package core

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kiebot/kie/catalog"
)

func wantBetween(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %v, want %v to %v", what, got, low, high)
	}
}

func TestUsualIsTheMedianOnceEnoughIsKnown(t *testing.T) {
	d := newDurations()
	if got := d.usual("m"); got != 0 {
		t.Errorf("of an unknown model %v is usual", got)
	}
	d.learn("m", catalog.Image, 70*time.Second)
	d.learn("m", catalog.Image, 70*time.Second)
	if got := d.usual("m"); got != 0 {
		t.Errorf("after two observations %v is usual", got)
	}
	d.learn("m", catalog.Image, 10*time.Minute)
	wantBetween(t, "of 1:10, 1:10 and 10:00", d.usual("m"), 63*time.Second, 80*time.Second)
}

// What happened once does not become a certainty.
func TestOneObservationIsNotBelievedAlone(t *testing.T) {
	d := newDurations()
	d.learn("m", catalog.Image, 300*time.Second)
	f := d.forecast(d.number("m", catalog.Image))
	if open, _ := f.at(60); open > 0.5 {
		t.Errorf("after one slow image %.0f %% are expected to take over a minute", 100*open)
	}
	if open, _ := f.at(290); open < 0.1 {
		t.Errorf("after one slow image only %.0f %% are expected to be as slow", 100*open)
	}
}

func TestDurationsFollowAChange(t *testing.T) {
	d, r := newDurations(), rand.New(rand.NewPCG(1, 1))
	learn := func(n int, median float64) {
		for range n {
			d.learn("m", catalog.Image, seconds(median*math.Exp(0.2*r.NormFloat64())))
		}
	}
	learn(1000, 30)
	wantBetween(t, "at first", d.usual("m"), 27*time.Second, 33*time.Second)
	learn(300, 90)
	wantBetween(t, "300 tasks after the change", d.usual("m"), 80*time.Second, 100*time.Second)
	f := d.forecast(d.number("m", catalog.Image))
	if count := d.models[1].count; count > memory+1 {
		t.Errorf("%.0f observations are remembered, want at most %.0f", count, memory)
	}
	if got := f.quantile(0.5); got < 60*time.Second {
		t.Errorf("the median of the forecast is %v", got)
	}
}

func TestDurationsAreStoredAndRead(t *testing.T) {
	d := newDurations()
	for n := range 50 {
		d.learn("google/imagen4", catalog.Image, time.Duration(10+n)*time.Second)
		d.learn("veo3", catalog.Video, time.Duration(100+n)*time.Second)
	}
	d.learn("instant", catalog.Speech, 0)
	d.learn("endless", catalog.Video, 100*time.Hour)
	data, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 4000 {
		t.Errorf("%d bytes for four models", len(data))
	}
	again := newDurations()
	n := again.number("veo3", catalog.Video) // a task was there first
	if err := again.decode(data); err != nil {
		t.Fatal(err)
	}
	if again.number("veo3", catalog.Video) != n {
		t.Error("a model got another number")
	}
	for _, model := range []string{"google/imagen4", "veo3", "instant", "endless"} {
		one, two := d.usual(model), again.usual(model)
		if math.Abs((one - two).Seconds()) > 0.01*(1+one.Seconds()) {
			t.Errorf("%s: %v is usual, after reading %v", model, one, two)
		}
	}
	again.learn("veo3", catalog.Video, time.Second)
	count := again.models[n].count
	if err := again.decode(data); err != nil || again.models[n].count != count {
		t.Errorf("what was learned since was forgotten: %v, %v", again.models[n].count, err)
	}
}

func TestDurationsAreStoredNowAndThen(t *testing.T) {
	d, now := newDurations(), time.Unix(1_800_000_000, 0)
	if d.unstored(now) {
		t.Error("nothing was learned")
	}
	d.learn("m", catalog.Image, time.Second)
	if !d.unstored(now) {
		t.Error("the first is stored at once")
	}
	d.stored(now)
	d.learn("m", catalog.Image, time.Second)
	if d.unstored(now.Add(saveEvery-time.Second)) || !d.unstored(now.Add(saveEvery)) {
		t.Error("the next are stored after ten seconds, not before")
	}
	if !d.unstored(now.Add(-time.Hour)) {
		t.Error("a clock that was set back stops the storing")
	}
}

func TestSenselessDurationsAreRefused(t *testing.T) {
	for name, data := range map[string]string{
		"empty":         "",
		"not JSON":      "durations",
		"newer":         `{"version":2}`,
		"too long":      `{"version":1,"models":{"m":{"first":90,"seen":[1,1,1,1,1,1,1,1,1,1,1,1]}}}`,
		"before zero":   `{"version":1,"models":{"m":{"first":-1,"seen":[1]}}}`,
		"beyond":        `{"version":1,"models":{"m":{"first":1000,"seen":[1]}}}`,
		"weights wrong": `{"version":1,"models":{"m":{"first":0,"seen":["x"]}}}`,
	} {
		d := newDurations()
		if err := d.decode([]byte(data)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	d := newDurations()
	if err := d.decode([]byte(`{"version":1,"models":{"m":{"kind":"image","first":3,"seen":[-5,0,` + strings.Repeat("9", 12) + `]}}}`)); err != nil {
		t.Fatal(err)
	}
	if got := d.usual("m"); got <= 0 || got > time.Minute {
		t.Errorf("odd weights make %v usual", got)
	}
}

// Hot models are learned while tasks are planned.
func TestDurationsFromSeveralGoroutines(t *testing.T) {
	d := newDurations()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			d.learn("m", catalog.Image, time.Second)
		}
	}()
	for range 200 {
		d.forecast(d.number("m", catalog.Video)).staleness(1, 2)
		d.usual("m")
	}
	<-done
}

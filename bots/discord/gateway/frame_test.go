package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
)

func TestFrames(t *testing.T) {
	interaction := &discordgo.Event{Operation: opDispatch, Type: eventInteraction, Sequence: 7, RawData: json.RawMessage(`{"a":"}"}`)}
	for frame, want := range map[string]*discordgo.Event{
		`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"}}`:          interaction,
		` { "t" : "INTERACTION_CREATE" , "s":7,"op":0,"d": {"a":"}"} } `: interaction,
		`{"op":0,"d":{"a":"}"},"s":7,"t":"INTERACTION_CREATE"}`:          interaction,
		`{"d":{"a":"}"},"t":"INTERACTION_CREATE","op":0,"s":7}`:          interaction,
		`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"},"x":[1]}`:  interaction,
		`{"x":1,"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"}}`:    interaction,
		`{"t":null,"s":null,"op":9,"d":true}`:                            {Operation: opInvalid, RawData: json.RawMessage(`true`)},
		`{"t":null,"s":null,"op":11,"d":null}`:                           {Operation: opAck, RawData: json.RawMessage(`null`)},
		`{"op":11}`:                                                      {Operation: opAck},
		`{"op":4711,"d":{}}`:                                             {Operation: 4711, RawData: json.RawMessage(`{}`)},
		`{"t":"GUILD_CREATE","s":3,"op":0,"d":{"id":"1"}}`:               {Type: "GUILD_CREATE", Sequence: 3},
		`{"t":"GUILD_CREATE","s":3,"op":0,"d":{"whatever it is`:          {Type: "GUILD_CREATE", Sequence: 3},
		`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"}`:           nil,
		`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"}}}`:         nil,
		`{"t":"INTERACTION_CREATE","s":"7","op":0,"d":{}}`:               nil,
		`{"t":7,"s":7,"op":0,"d":{}}`:                                    nil,
		`{"t":"INTERACTION_CREATE","s":99999999999999999999,"op":0}`:     nil,
		`[]`: nil, `7`: nil, `{`: nil, ``: nil, "\x00\xff": nil, strings.Repeat(`{"d":`, 1e5): nil,
	} {
		got, err := parse([]byte(frame))
		if want == nil {
			if err != errBroken {
				t.Errorf("%.60s: %v", frame, err)
			}
			continue
		}
		if err != nil || got.Operation != want.Operation || got.Type != want.Type || got.Sequence != want.Sequence || !bytes.Equal(got.RawData, want.RawData) {
			t.Errorf("%s is %+v, %v", frame, got, err)
		}
	}
}

// The short way to read a frame gives what the long one does.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"a":"}"}}`, `{"op":10,"d":{"heartbeat_interval":41250},"s":null,"t":null}`,
		`{"t":"GUILD_CREATE","s":3,"op":0,"d":{"id":"1"}}`, `{"t":"READY","t":"RESUMED","s":1,"op":0,"d":{},"d":{}}`, `{"op":9,"s":1,"t":"","d":false}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := parse(frame)
		var want discordgo.Event
		if json.Unmarshal(frame, &want) != nil {
			if err == nil && wanted(got) {
				t.Errorf("%q is read as %+v", frame, got)
			}
			return
		}
		if err != nil || got.Operation != want.Operation || got.Type != want.Type || got.Sequence != want.Sequence {
			t.Fatalf("%q is %+v, %v", frame, got, err)
		}
		if wanted(got) && !bytes.Equal(got.RawData, want.RawData) {
			t.Errorf("%q has the data %q, want %q", frame, got.RawData, want.RawData)
		}
	})
}

// server is a GUILD_CREATE's data, of about so many bytes.
func server(bytes int) string {
	channel := `{"id":"123456789012345678","type":0,"name":"general","topic":"a prompt nobody else may read","permission_overwrites":[]}`
	return fmt.Sprintf(`{"id":"1","channels":[%s{}]}`, strings.Repeat(channel+",", bytes/len(channel)))
}

// What it costs to skip an event does not grow with it.
func TestSkippingIsCheap(t *testing.T) {
	frame := fmt.Appendf(nil, `{"t":"GUILD_CREATE","s":3,"op":0,"d":%s}`, server(1<<20))
	const runs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if e, err := parse(frame); err != nil || e.RawData != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 4<<10 {
		t.Errorf("%d bytes to skip one of %d", n, len(frame))
	}
}

// Nothing of this was asked for, and all of it may come.
func TestThousandsOfServersAtTheStart(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.hello()
		l.identified(0, 1)
		l.readies("["+strings.Repeat(`{"id":"123456789012345678","unavailable":true},`, 2500)+"{}]", "ws://resume.test/resume")
		guild := server(20 << 10)
		for range 2500 {
			l.event("GUILD_CREATE", guild)
		}
		l.interacts("1")
		if got := p.took(); !slices.Equal(got, []string{"1"}) {
			t.Error(got)
		}
		if age := l.seq.Load(); age != 2502 {
			t.Error(age)
		}
		if got := l.next(time.Minute); string(got.Data) != "2502" {
			t.Errorf("heard up to %s", got.Data)
		}
		g.ends(time.Second)
	})
}

func TestWhatIsUnknownIsIgnored(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		for _, odd := range []string{`{"op":12,"d":{"x":1}}`, `{"op":-1}`, `{"op":10,"d":{"heartbeat_interval":1}}`, `{}`, `null`, `{"op":11}`, `{"op":2,"d":{}}`} {
			l.write(odd)
		}
		l.event("SOMETHING_NEW", `{"x":[]}`)
		l.event("INTERACTION_CREATE_2", `"x"`)
		l.interacts("1")
		if got := p.took(); !slices.Equal(got, []string{"1"}) {
			t.Error(got)
		}
		if got := l.next(time.Minute); got.at != testBeat/4 {
			t.Errorf("heartbeat at %s", got.at) // the second hello changes nothing
		}
		g.ends(time.Second)
	})
}

// BenchmarkInteraction is what the package does with an interaction of 3 kB,
// without the network.
func BenchmarkInteraction(b *testing.B) {
	frame := fmt.Appendf(nil, `{"t":"INTERACTION_CREATE","s":3,"op":0,"d":%s}`, server(3<<10))
	g, err := New(Config{Token: testToken, Take: func(json.RawMessage) {}})
	if err != nil {
		b.Fatal(err)
	}
	c := newConnection(newShard(g, 0, 1, func() bool { return false }), nil, "", nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.take(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "interactions/s")
}

package gateway

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// processes are those of a bot, and who has which shard.
type processes struct {
	mu     sync.Mutex
	values map[string][]byte
	has    map[int]*process // by shard
	all    []*process
	moved  chan struct{} // closed at the next change of has
}

func newProcesses() *processes {
	return &processes{values: map[string][]byte{}, has: map[int]*process{}, moved: make(chan struct{})}
}

// process is Shared for one of them.
type process struct {
	*processes
	told chan struct{}
}

func (all *processes) add() *process {
	all.mu.Lock()
	defer all.mu.Unlock()
	p := &process{all, make(chan struct{}, 1)}
	all.all = append(all.all, p)
	return p
}

// remove ends a process, whose shards nobody has then.
func (all *processes) remove(p *process) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.all = slices.DeleteFunc(all.all, func(one *process) bool { return one == p })
}

// give lets the process have the shards.
func (all *processes) give(p *process, shards ...int) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, id := range shards {
		all.has[id] = p
	}
	close(all.moved)
	all.moved = make(chan struct{})
}

func (p *process) OnShard(ctx context.Context, shard int, do func(context.Context) error) error {
	for ctx.Err() == nil {
		p.mu.Lock()
		mine, moved := p.has[shard] == p, p.moved
		p.mu.Unlock()
		run, end := context.WithCancel(ctx)
		go func() {
			for {
				select {
				case <-run.Done():
					return
				case <-moved:
				}
				p.mu.Lock()
				moved = p.moved
				if (p.has[shard] == p) != mine {
					end()
				}
				p.mu.Unlock()
			}
		}()
		if mine {
			if err := do(run); run.Err() == nil {
				end()
				return err
			}
		}
		<-run.Done()
		end()
	}
	return nil
}

func (p *process) Alone(context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.all, func(one *process) bool { return one != p }), nil
}

func (p *process) Change(_ context.Context, name string, edit func([]byte) []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[name] = edit(p.values[name])
	return nil
}

func (p *process) Tell(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.all {
		if other != p {
			other.told <- struct{}{}
		}
	}
	return nil
}

func (p *process) Told() <-chan struct{} { return p.told }

// A shard goes from one process to the next with its session: what comes in
// between is not lost, and nothing comes twice.
func TestAShardMoves(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		all := newProcesses()
		one, two := all.add(), all.add()
		a := p.start(func(cfg *Config) { cfg.Shared = one })
		b := p.start(func(cfg *Config) { cfg.Shared = two })
		p.silent(time.Minute)
		if err := a.Healthy(); err != nil {
			t.Errorf("without a shard: %v", err)
		}
		all.give(one, 0)
		l := p.accept()
		l.begin()
		l.interacts("1")
		synctest.Wait()
		all.give(nil, 0)
		l.over(closeForNow)
		synctest.Wait()
		p.missed(eventInteraction, interaction("2"))
		all.give(two, 0)
		l = p.accept()
		l.resumes()
		l.interacts("3")
		if got := p.took(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Error(got)
		}
		if a.Healthy() != nil || b.Healthy() != nil {
			t.Errorf("%v, %v", a.Healthy(), b.Healthy())
		}
		b.ends(time.Second)
		l.over(closeForNow)
		all.remove(two)
		<-time.After(resumeFor + time.Second)
		all.give(one, 0)
		l = p.accept()
		l.begin() // the session is too old
		all.give(nil, 0)
		l.over(closeForNow)
		synctest.Wait()
		all.give(one, 0)
		p.accept().resumes() // and was left once
		a.ends(time.Second)
	})
}

// The processes do not identify too soon after each other.
func TestProcessesTakeTurnsToIdentify(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		p.plans(4, 1000, 0, 1)
		all := newProcesses()
		one, two := all.add(), all.add()
		all.give(one, 0, 2)
		all.give(two, 1, 3)
		a := p.start(func(cfg *Config) { cfg.Shared = one })
		b := p.start(func(cfg *Config) { cfg.Shared = two })
		var got []int
		for n := range 4 {
			l := p.accept()
			l.hello()
			got = append(got, l.identifies(4))
			if took, want := p.since(), time.Duration(n)*identifyGap; took < want || took > want+time.Duration(n)*lookEvery {
				t.Errorf("identify %d after %s", n, took)
			}
			l.ready()
		}
		if slices.Sort(got); !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("shards %d", got)
		}
		a.ends(time.Second)
		b.ends(time.Second)
	})
}

// Who begins when Discord wants more shards takes the others along.
func TestMoreShardsEverywhere(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		all := newProcesses()
		one := all.add()
		all.give(one, 0)
		a := p.start(func(cfg *Config) { cfg.Shared = one })
		first := p.accept()
		first.begin()
		<-time.After(time.Hour)
		p.plans(2, 900, 0, 1)
		two := all.add()
		all.give(two, 1)
		b := p.start(func(cfg *Config) { cfg.Shared = two })
		var got []int
		for range 2 {
			l := p.accept()
			l.hello()
			got = append(got, l.identifies(2))
			l.ready()
		}
		first.over(closeForGood)
		if slices.Sort(got); !slices.Equal(got, []int{0, 1}) {
			t.Errorf("shards %d", got)
		}
		p.plans(1, 900, 0, 1)
		c := p.start(func(cfg *Config) { cfg.Shared = all.add() })
		p.silent(time.Hour) // fewer would be no reason to end all sessions
		for _, g := range []*running{a, b, c} {
			g.ends(time.Second)
		}
	})
}

// When Discord wants more of one process, the others follow.
func TestMoreShardsOfOne(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		p.plans(2, 1000, 0, 4)
		all := newProcesses()
		one, two := all.add(), all.add()
		all.give(one, 0, 2)
		all.give(two, 1, 3)
		begins := func(count int) map[int]*line {
			lines := map[int]*line{}
			for range count {
				l := p.accept()
				l.hello()
				lines[l.identifies(count)] = l
				l.ready()
			}
			return lines
		}
		a := p.start(func(cfg *Config) { cfg.Shared = one })
		b := p.start(func(cfg *Config) { cfg.Shared = two })
		before := begins(2)
		<-time.After(time.Hour)
		p.plans(4, 1000, 0, 4)
		before[0].closes(closeMoreShards)
		after := begins(4)
		before[1].over(closeForGood)
		if len(after) != 4 {
			t.Errorf("%d shards", len(after))
		}
		p.silent(time.Hour)
		a.ends(time.Second)
		b.ends(time.Second)
	})
}

// A process that is alone has as many shards as Discord wants now.
func TestFewerShardsAfterAll(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		all := newProcesses()
		all.values[countValue] = []byte("7")
		one := all.add()
		all.give(one, 0)
		a := p.start(func(cfg *Config) { cfg.Shared = one })
		p.accept().begin()
		a.ends(time.Second)
	})
}

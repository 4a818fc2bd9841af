package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"
)

// Shared is what the processes have in common that are one bot together. Its
// methods may be called concurrently.
type Shared interface {
	// OnShard runs do whenever this process is the one that has the shard, with a
	// context that ends when it is to leave it. When do ends before that OnShard
	// does, with its error; otherwise it returns nil, after do, when ctx ends.
	OnShard(ctx context.Context, shard int, do func(context.Context) error) error
	// Alone says whether no other process runs.
	Alone(ctx context.Context) (bool, error)
	// Change lets edit replace a small named value, nil for none, in a
	// transaction; edit may be called more than once.
	Change(ctx context.Context, name string, edit func(was []byte) []byte) error
	// Tell tells the other processes that there are as many shards as the value
	// of that name says now, and Told has something when one of them did.
	Tell(ctx context.Context) error
	Told() <-chan struct{}
}

// single is Shared for a process that shares nothing.
type single struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (*single) OnShard(ctx context.Context, _ int, do func(context.Context) error) error {
	if err := do(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

func (*single) Alone(context.Context) (bool, error) { return true, nil }

func (s *single) Change(_ context.Context, name string, edit func([]byte) []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = edit(s.values[name])
	return nil
}

func (*single) Tell(context.Context) error { return nil }
func (*single) Told() <-chan struct{}      { return nil }

// The names of shared values.
const (
	countValue    = "shards"
	sessionValue  = "session/"  // with the shard's number
	identifyValue = "identify/" // with the rate limit key: no identify before
)

// sharedFor is how long it is tried to note something that can go without.
const sharedFor = time.Second

// agree is how many shards the bot has, when Discord wants so many. While other
// processes run it has no fewer than before, and they hear of more.
func (g *Gateway) agree(ctx context.Context, wants int) (count int, err error) {
	alone, err := g.shared.Alone(ctx)
	if err != nil {
		return 0, err
	}
	var had int
	err = g.shared.Change(ctx, countValue, func(was []byte) []byte {
		had = number(was)
		count = wants
		if !alone {
			count = max(wants, had)
		}
		return []byte(strconv.Itoa(count))
	})
	if err == nil && !alone && count != had {
		err = g.shared.Tell(ctx)
	}
	return count, err
}

// number reads what was written; 0 when it is none.
func number(text []byte) int {
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	return n
}

// errRecounted ends shards that are to be of another number.
var errRecounted = errors.New("the bot has another number of shards")

// same fails with errRecounted when the bot has another number of shards now.
func (g *Gateway) same(ctx context.Context, count int) error {
	if g.only != nil {
		return nil
	}
	now := 0
	err := g.shared.Change(ctx, countValue, func(was []byte) []byte {
		now = number(was)
		return was
	})
	if err == nil && now != count {
		return errRecounted
	}
	return err
}

// follow ends with errRecounted when another process says so.
func (g *Gateway) follow(ctx context.Context, count int) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.shared.Told():
		}
		if err := g.same(ctx, count); err == errRecounted {
			return err
		} else if err != nil && ctx.Err() == nil {
			g.log.Error("reading how many connections to Discord there are", "error", err)
		}
	}
}

// leftSession is a session that whoever has its shard next can resume.
type leftSession struct {
	ID    string    `json:"id"`
	URL   string    `json:"url"`
	Seq   int64     `json:"seq"`
	Count int       `json:"count"` // of shards
	Until time.Time `json:"until"`
}

// leave keeps the session for whoever has the shard next.
func (s *shard) leave(ctx context.Context) {
	if s.session.id == "" {
		return
	}
	until := s.session.until
	if until.IsZero() {
		until = time.Now().Add(resumeFor)
	}
	data, err := json.Marshal(leftSession{s.session.id, s.session.url, s.seq.Load(), s.count, until})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedFor)
		defer cancel()
		err = s.shared.Change(ctx, sessionValue+strconv.Itoa(s.id), func([]byte) []byte { return data })
	}
	if err != nil {
		s.log.Warn("the session with Discord was not kept; another is begun", "error", err)
	}
}

// recall takes the session that whoever had the shard before has left.
func (s *shard) recall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedFor) // what is taken half-way would be lost
	defer cancel()
	var left leftSession
	err := s.shared.Change(ctx, sessionValue+strconv.Itoa(s.id), func(was []byte) []byte {
		left = leftSession{}
		if json.Unmarshal(was, &left) != nil {
			left = leftSession{}
		}
		return nil
	})
	if err != nil {
		s.log.Warn("whether there is a session with Discord cannot be read; another is begun", "error", err)
		return
	}
	if left.ID == "" || left.Count != s.count || time.Now().After(left.Until) {
		return
	}
	s.session = session{id: left.ID, url: left.URL, until: left.Until}
	s.seq.Store(left.Seq)
}

// reserveFor is how long an identify that was begun keeps others from theirs,
// unless it says sooner how it went.
const reserveFor = dialFor + helloFor

// lookEvery is how often it is looked for that.
const lookEvery = time.Second

// reserve waits until no other process keeps this one from an identify with the
// key, and keeps them from theirs until the start ends.
func (s *starts) reserve(ctx context.Context, key int, leave *start) error {
	for {
		if alone, err := s.shared.Alone(ctx); alone || err != nil {
			return err
		}
		var wait time.Duration
		err := s.shared.Change(ctx, identifyValue+strconv.Itoa(key), func(was []byte) []byte {
			now := time.Now()
			if wait = time.UnixMilli(int64(number(was))).Sub(now); wait > 0 && wait <= reserveFor {
				return was
			}
			wait = 0
			return millis(now.Add(reserveFor))
		})
		if err != nil {
			return err
		}
		if wait == 0 {
			leave.reserved = func(next time.Time) { s.free(key, next) }
			return nil
		}
		if err := sleep(ctx, min(wait, lookEvery)); err != nil {
			return err
		}
	}
}

// free says when the next process may identify with the key.
func (s *starts) free(key int, at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), sharedFor)
	defer cancel()
	// Who waits for it in vain waits for no longer than reserveFor.
	_ = s.shared.Change(ctx, identifyValue+strconv.Itoa(key), func([]byte) []byte { return millis(at) })
}

func millis(at time.Time) []byte { return strconv.AppendInt(nil, at.UnixMilli(), 10) }

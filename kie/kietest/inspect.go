package kietest

import (
	"maps"
	"slices"
	"time"

	"kiebot/kie/catalog"
)

// Task is a snapshot of one Kie task.
type Task struct {
	ID          string
	Key         string         // the API key of its account
	Endpoint    string         // where it was created, as package kie names it
	Model       string         // its id in the catalogue; for an endpoint without models the endpoint
	Input       map[string]any // as sent; nested values are shared, do not change them
	CallbackURL string
	State       string          // one of the State constants
	Credits     catalog.Credits // reserved or consumed, in thousandths; 0 after a failure
	Seed        uint64          // what its first output is made from
	Created     time.Time
	Ended       time.Time // zero while it runs
	URLs        []string  // of all result files, empty before success
}

// Request is one call to the server. It holds no header and no body, hence no
// secret.
type Request struct {
	Time   time.Time // when the reply began
	Call   Call      // empty for a path that does not exist
	Method string
	Path   string
	TaskID string // where one is known
	Status int    // HTTP status, 0 when the connection was dropped
	Code   int    // body code, 0 when there was no envelope
}

// Callback is one attempt to deliver a callback.
type Callback struct {
	Time          time.Time
	TaskID        string
	URL           string
	Attempt       int   // from 1
	Status        int   // HTTP status of the answer, 0 when none came
	Err           error // why none came
	Forged        bool  // by one of the CallbackForged faults
	Undeliverable bool  // not tried, the target is not on this machine
}

// IgnoredInput is an input name that the model does not have.
type IgnoredInput struct{ Model, Name string }

// Tasks returns all tasks in order of creation. The slice belongs to the
// caller.
func (s *Server) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.advance(now)
	tasks := make([]Task, len(s.order))
	for i, t := range s.order {
		tasks[i] = Task{
			ID: t.id, Key: t.account.key, Endpoint: t.at.name, Model: t.model.ID, Input: maps.Clone(t.input), CallbackURL: t.callback,
			State: t.state(now), Credits: t.credits, Seed: t.seed, Created: t.plan.created, Ended: t.ended,
		}
		if t.final != StateSuccess {
			continue
		}
		for _, o := range t.outputs {
			tasks[i].URLs = append(tasks[i].URLs, t.link(o))
		}
	}
	return tasks
}

// Requests returns the last 10 000 calls in order of their replies.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Callbacks returns all finished attempts to deliver callbacks, in that order.
func (s *Server) Callbacks() []Callback {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

// IgnoredInputs returns the input names that accepted requests had and their
// models had not, in order of creation.
func (s *Server) IgnoredInputs() []IgnoredInput {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ignored)
}

// Creates returns when authenticated createTask calls of all accounts arrived,
// whether or not they were let through, in order.
func (s *Server) Creates() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Time
	for _, a := range s.accounts {
		all = append(all, a.creates...)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// MaxCreatesInWindow returns the most createTask calls of one account that
// arrived within any 10 seconds. The service allows 20.
func (s *Server) MaxCreatesInWindow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 0
	for _, a := range s.accounts {
		first := 0
		for last, at := range a.creates {
			for at.Sub(a.creates[first]) >= createSpan {
				first++
			}
			most = max(most, last-first+1)
		}
	}
	return most
}

// Balance returns the credits of the first account in thousandths.
func (s *Server) Balance() catalog.Credits { return s.BalanceOf(s.Key()) }

// BalanceOf returns the credits of an account in thousandths, 0 for an unknown
// key.
func (s *Server) BalanceOf(key string) catalog.Credits {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.cfg.Now())
	if a := s.accounts[key]; a != nil {
		return a.balance
	}
	return 0
}

// SetBalance gives the first account this many thousandths of a credit.
func (s *Server) SetBalance(credits catalog.Credits) { s.SetBalanceOf(s.Key(), credits) }

// SetBalanceOf gives an account this many thousandths of a credit; an unknown
// key changes nothing.
func (s *Server) SetBalanceOf(key string, credits catalog.Credits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.cfg.Now())
	if a := s.accounts[key]; a != nil {
		a.balance = credits
	}
}

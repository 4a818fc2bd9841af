package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// note is what the other replicas hear of a commit. Versions that do not know a
// field leave it out.
type note struct {
	Tasks      []Work     `json:"tasks,omitempty"`
	Deliveries []Delivery `json:"deliveries,omitempty"`
	Progress   []progress `json:"progress,omitempty"`
	Settings   []string   `json:"settings,omitempty"` // that were written
	Words      []words    `json:"words,omitempty"`    // of Announce
}

// words are what somebody of this program says to the same of the others.
type words struct {
	Topic string          `json:"topic"`
	Data  json.RawMessage `json:"data"`
}

// progress is that a batch's message should be edited.
type progress struct {
	Lane Lane   `json:"lane"`
	Lead TaskID `json:"lead"`
}

func progressOf(t Task) progress { return progress{t.Lane(), t.Lead()} }

// notify leaves a note of what the change has written.
func (c *change) notify() error {
	if len(c.tasks)+len(c.deliveries)+len(c.handed)+len(c.progress)+len(c.settings) == 0 {
		return nil
	}
	return c.Notify(func() ([]byte, error) {
		n := note{Deliveries: slices.Concat(c.deliveries, c.handed), Settings: c.settings}
		for _, t := range c.tasks {
			n.Tasks = append(n.Tasks, t.Work())
		}
		for _, t := range c.progress {
			n.Progress = append(n.Progress, progressOf(t))
		}
		return json.Marshal(n)
	})
}

// PutSetting implements Tx.
func (c *change) PutSetting(name string, value []byte) error {
	c.settings = append(c.settings, name)
	return c.Tx.PutSetting(name, value)
}

// DeleteSetting implements Tx.
func (c *change) DeleteSetting(name string) error {
	c.settings = append(c.settings, name)
	return c.Tx.DeleteSetting(name)
}

// hear does with another replica's commit what announce does with one of this
// replica's own. It must not wait for anything.
func (e *Engine) hear(data []byte) {
	var n note
	if err := json.Unmarshal(data, &n); err != nil {
		e.log.Error("reading a note of another replica", "error", err)
		return
	}
	for _, w := range n.Tasks {
		e.hearTask(w)
	}
	for _, d := range n.Deliveries {
		e.courier.push(d)
	}
	for _, p := range n.Progress {
		e.courier.refresh(p, true)
	}
	for _, name := range n.Settings {
		e.hearSetting(name)
	}
	for _, w := range n.Words {
		if heard := e.topics[w.Topic]; heard != nil {
			heard(w.Data)
		}
	}
}

// OnAnnounced has heard called with what other replicas announce under the
// topic, in the order of their commits, each once. It must neither block nor use
// the engine. It is called before Run, once for each topic.
func (e *Engine) OnAnnounced(topic string, heard func(data json.RawMessage)) {
	e.topics[topic] = heard
}

// Announce says data, which is JSON, to the other replicas that run now. Who
// comes later, or is cut off for longer than its lease, does not hear it.
func (e *Engine) Announce(ctx context.Context, topic string, data json.RawMessage) error {
	return e.write(ctx, func(tx Tx) error { return say(tx, topic, data) })
}

// OnSettings has heard called with the name of each setting that another replica
// has written or deleted and whose name begins with the prefix, in the order of
// the commits. It must neither block nor use the engine. It is called before Run,
// once for each prefix.
func (e *Engine) OnSettings(prefix string, heard func(name string)) { e.prefixes[prefix] = heard }

// PutSettings stores settings of other parts of the program, all of them or
// none; nil deletes one. While the engine runs, ErrLeaseLost says that nothing
// was stored because this replica has no lease any more.
func (e *Engine) PutSettings(ctx context.Context, values map[string][]byte) error {
	return e.update(ctx, func(c *change) error {
		for name, value := range values {
			write := func() error { return c.PutSetting(name, value) }
			if value == nil {
				write = func() error { return c.DeleteSetting(name) }
			}
			if err := write(); err != nil {
				return err
			}
		}
		return nil
	})
}

func say(tx Tx, topic string, data json.RawMessage) error {
	return tx.Notify(func() ([]byte, error) { return json.Marshal(note{Words: []words{{topic, data}}}) })
}

// hearTask is plan for a task that another replica has stored.
func (e *Engine) hearTask(w Work) {
	if w.State == Queued && !w.Due.IsZero() {
		e.creator.put(w.turn(), w.Due)
		return
	}
	e.creator.drop(w.Task)
	switch w.State {
	case Unresolved:
		e.graces.put(w.Task, w.Due)
		return
	case Running:
		e.recallClock(w.Task)
	}
	e.graces.drop(w.Task)
	switch a := e.kieAccount(w.KieAccount); {
	case a == nil || a.post.is() == away:
	case w.Due.IsZero():
		a.tracker.drop(w.Task)
	case w.Due.Equal(urgent()):
		a.tracker.put(w.Task, w.Due)
	default:
		a.tracker.recall(w.Task, w.Due)
	}
}

// hearSetting tells who remembers something of the setting.
func (e *Engine) hearSetting(name string) {
	for prefix, heard := range e.prefixes {
		if strings.HasPrefix(name, prefix) {
			heard(name)
		}
	}
	switch {
	case name == alertsSetting:
		e.wakeAlerts()
	case name == pauseSetting, name == policySetting, name == durationsSetting, strings.HasPrefix(name, noteSetting("")):
		signal(e.reread)
	}
}

// staleLoop reads anew what other replicas have set.
func (e *Engine) staleLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.reread:
		}
		for failed := 1; ctx.Err() == nil; failed++ {
			err := e.recallSettings(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			e.log.Error("reading what another replica has set", "error", err)
			sleep(ctx, backoff(failed, time.Second, maxBackoff))
		}
	}
}

// recallSettings reads what the loops know of the pause, of the rules, of
// durations and of the Kie accounts of other replicas.
func (e *Engine) recallSettings(ctx context.Context) error {
	if err := e.recallDurations(ctx); err != nil {
		return err
	}
	if err := e.recallPause(ctx); err != nil {
		return err
	}
	if err := e.recallRules(ctx); err != nil {
		return err
	}
	err := e.store.View(ctx, func(tx Tx) error { return e.recallAccounts(tx, true) })
	if err != nil {
		return fmt.Errorf("reading how the Kie accounts are: %w", err)
	}
	return nil
}

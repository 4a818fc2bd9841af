package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

func (w *world) draft(key, says string) core.Draft {
	w.t.Helper()
	d, err := w.engine.NewDraft(w.t.Context(), roomOf(ada, false), key, json.RawMessage(says))
	w.must(err)
	return d
}

// A draft and its changes outlast a restart, and nobody else can see them.
func TestADraftIsKept(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		d := w.draft("chat:first", `{"a":1}`)
		if again := w.draft("chat:first", `{"a":2}`); again.ID != d.ID || string(again.Data) != `{"a":1}` {
			t.Errorf("the same update made %+v", again)
		}
		_, err := w.engine.EditDraft(ctx, ada, d.ID, func(data json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(strings.Replace(string(data), "1", "9007199254740993", 1)), nil
		})
		w.must(err)
		w.reopen(nil)
		w.run()
		got, err := w.engine.Draft(ctx, ada, d.ID)
		w.must(err)
		if string(got.Data) != `{"a":9007199254740993}` || len(got.Tasks) > 0 {
			t.Errorf("%s", got.Data)
		}
		refused := errors.New("no")
		_, err = w.engine.EditDraft(ctx, ada, d.ID, func(json.RawMessage) (json.RawMessage, error) { return nil, refused })
		if !errors.Is(err, refused) {
			t.Errorf("%v, want what the edit said", err)
		}
		for _, who := range []core.Identity{adaPhone, {}} {
			_, err = w.engine.Draft(ctx, who, d.ID)
			wantRefusal(t, err, core.ReasonNoDraft)
			_, err = w.engine.EditDraft(ctx, who, d.ID, nil)
			wantRefusal(t, err, core.ReasonNoDraft)
			wantRefusal(t, w.engine.DropDraft(ctx, who, d.ID), core.ReasonNoDraft)
		}
		other := w.draft("chat:second", `{}`)
		w.must(w.engine.DropDraft(ctx, ada, d.ID))
		_, err = w.engine.Draft(ctx, ada, d.ID)
		wantRefusal(t, err, core.ReasonNoDraft)
		nap(core.DraftFor)
		_, err = w.engine.Draft(ctx, ada, other.ID)
		wantRefusal(t, err, core.ReasonNoDraft)
		if _, err := w.engine.NewDraft(ctx, roomOf(ada, false), "chat:large", make(json.RawMessage, 1<<20)); err == nil {
			t.Error("a draft may not have any size")
		}
	})
}

func TestOnlyTheLatestDraftsAreKept(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var all []core.Draft
		for n := range 7 {
			all = append(all, w.draft(fmt.Sprint("chat:", n), `{}`))
		}
		for n, d := range all {
			_, err := w.engine.Draft(t.Context(), ada, d.ID)
			if kept := err == nil; kept != (n >= 2) {
				t.Errorf("draft %d of 7: %v", n, err)
			}
		}
	})
}

// However often and at once a draft is submitted, across a restart too, it
// becomes one batch; then it does not change any more.
func TestADraftStartsOnce(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		d := w.draft("chat:draft", `{"a":1}`)
		submit := func() core.TaskID {
			req := request("a cat")
			req.Key = d.Key()
			receipt, err := w.engine.Submit(ctx, req)
			if err != nil {
				t.Error(err)
				return ""
			}
			return receipt.Tasks[0]
		}
		var ids [8]core.TaskID
		var all sync.WaitGroup
		for n := range ids {
			all.Go(func() { ids[n] = submit() })
		}
		all.Wait()
		w.reopen(nil)
		w.run()
		for _, id := range append(ids[1:], submit()) {
			if id != ids[0] {
				t.Errorf("tasks %s and %s", ids[0], id)
			}
		}
		got, err := w.engine.EditDraft(ctx, ada, d.ID, func(json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`{}`), nil })
		w.must(err)
		if len(got.Tasks) != 1 || got.Tasks[0] != ids[0] || string(got.Data) != `{"a":1}` {
			t.Errorf("%+v", got)
		}
		w.untilShown(ids[0])
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d tasks at Kie", n)
		}
	})
}

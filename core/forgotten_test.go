package core_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// stored lists every place of the file where one of the words is, but for the
// audit log, which stays.
func (w *world) stored(words ...string) (places []string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "copy.db")
	w.must(os.WriteFile(path, w.backup(), 0o600))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	w.must(err)
	defer db.Close()
	var look func(name string, b *bbolt.Bucket) error
	look = func(name string, b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			if v == nil {
				return look(name+"/"+string(k), b.Bucket(k))
			}
			for _, word := range words {
				if bytes.Contains(append(k, v...), []byte(word)) {
					places = append(places, fmt.Sprintf("%s %q: %s", name, k, word))
				}
			}
			return nil
		})
	}
	w.must(db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if string(name) == "audit" {
				return nil
			}
			return look(string(name), b)
		})
	}))
	return places
}

// leaves is what somebody did before they want to be forgotten.
func leaves(w *world, tasks int) {
	var last core.TaskID
	for i := range tasks {
		req := request(fmt.Sprintf("ada's wish %d.", i))
		req.Origin.Name = "Ada of the cats"
		last = w.submit(req)
	}
	w.untilShown(last)
	w.untilIdle(ada)
	w.draft("chat:draft", `{"says":"half a wish"}`)
	dear := request("ada's wish for ten")
	dear.Count = 10
	w.asked(dear)
	phone := request("ada's wish from the phone")
	phone.Origin.Identity = adaPhone
	w.untilShown(w.submit(phone))
	w.link(ada, adaPhone)
	_, err := w.engine.Link(w.t.Context(), ada, "0000-0000")
	wantRefusal(w.t, err, core.ReasonLinkCode)
	w.must(w.engine.Grant(w.t.Context(), core.Act{By: "chat:boss", Why: "for feeding the cats"}, ada, 5000))
	w.must(w.engine.ChangeSettings(w.t.Context(), roomOf(ada, false), func(s *core.PersonSettings) { s.Language = "x-cats" }))
	_, err = w.engine.LinkCode(w.t.Context(), ada)
	w.must(err)
	nap(time.Minute)
}

const adasOwn = "ada's wish"

func forgetting(c *core.Config) {
	limit := core.Limit(5 * imagePrice)
	c.Policy.ConfirmAbove = &limit
	c.UserDaily, c.Alert = 10_000_000, func(context.Context, core.Alert) error { return nil }
}

// Of who is forgotten no word is left and no file, the sums are what they were,
// and nobody else has lost anything.
func TestForget(t *testing.T) {
	play(t, kietest.Config{}, forgetting, func(t *testing.T, w *world) {
		leaves(w, 230) // more than two commits
		paid := w.buys("paid", 3)
		bob := core.Identity{Platform: "chat", User: "bob"}
		theirs := request("bob's wish")
		theirs.Origin.Identity = bob
		kept := w.submit(theirs)
		w.untilShown(kept)
		nap(time.Minute)
		words := []string{adasOwn, "half a wish", "Ada of the cats", "feeding", "x-cats", "link/", "drafts/", "questions/"}
		if n := len(w.stored(words...)); n < 230 {
			t.Fatalf("only %d places have something to forget", n)
		}
		sums := w.recount()
		files := w.files()

		done, err := w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		w.must(err)
		if want := (core.Forgotten{Tasks: 231, Left: 5000 + 3*imagePrice, Purchases: 1}); done != want {
			t.Errorf("%+v, want %+v", done, want)
		}
		for _, place := range w.stored(words...) {
			t.Errorf("still there: %s", place)
		}
		for _, problem := range w.verify() {
			t.Error(problem)
		}
		if got := w.recount(); !maps.Equal(got, sums) {
			t.Errorf("the sums are %v, were %v", got, sums)
		}
		if got := w.files(); len(files) != 232 || len(got) != 1 || !w.kept(kept) {
			t.Errorf("of %d files %q are left", len(files), got)
		}
		if _, lines := w.export(ada); len(lines[core.ExportTask])+len(lines[core.ExportDraft]) != 0 || len(lines[core.ExportPurchase]) != 1 {
			t.Errorf("the export has %v", lines)
		}
		_, err = w.engine.PayBack(t.Context(), core.Act{By: core.CommandLine}, paid)
		w.must(err)
		again, err := w.engine.Forget(t.Context(), core.Act{By: core.CommandLine}, ada)
		if w.must(err); again.Tasks != 0 {
			t.Errorf("again: %+v", again)
		}
		w.untilShown(w.submit(request("a new beginning")))
	})
}

// Who has something under way is not forgotten: it is paid for.
func TestForgetWaits(t *testing.T) {
	play(t, kietest.Config{}, forgetting, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		_, err := w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		if r := wantRefusal(t, err, core.ReasonUnderWay); r.Task != id {
			t.Errorf("%+v", r)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		nap(time.Minute)
		_, err = w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		w.must(err)
		if w.kept(id) {
			t.Error("it is still there")
		}
	})
}

// What is still to be shown keeps all, however long ago it was asked for.
func TestForgetNothingInPart(t *testing.T) {
	play(t, kietest.Config{}, forgetting, func(t *testing.T, w *world) {
		first := w.submit(request("ada's wish for later"))
		w.untilShown(first)
		leaves(w, 102)
		w.must(w.store.Update(t.Context(), func(tx core.Tx) error {
			_, err := tx.AddDelivery(core.Delivery{Lane: "chat:room", Kind: core.DeliverShow, Lead: first})
			return err
		}))
		before := len(w.stored(adasOwn))
		_, err := w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		if r := wantRefusal(t, err, core.ReasonUnderWay); r.Task != first {
			t.Errorf("%+v", r)
		}
		if left := len(w.stored(adasOwn)); left != before {
			t.Errorf("of %d places %d are left", before, left)
		}
	})
}

// The process dies at every commit of the forgetting. Called again it goes on,
// and the sums never change.
func TestForgetDiesAtEveryCommit(t *testing.T) {
	dieEverywhere(t, func(t *testing.T, at int, after bool) (died bool) {
		w := newWorld(t, kietest.Config{Shrink: 512}, forgetting)
		defer w.close()
		w.run()
		leaves(w, 102)
		sums := w.recount()
		var d *witness
		w.mayDie = true
		w.reopen(func(s core.Store) core.Store { d = newWitness(s); return d })
		d.arm(at, after)
		_, _ = w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		select {
		case <-d.dead:
			died = true
		default:
		}
		w.reopen(nil)
		for _, problem := range w.verify() {
			t.Error(problem)
		}
		_, err := w.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
		w.must(err)
		if left := w.stored(adasOwn, "half a wish", "feeding"); len(left) > 0 || !maps.Equal(w.recount(), sums) {
			t.Errorf("%q is left, the sums are %v, were %v", left, w.recount(), sums)
		}
		return died
	})
}

// files lists the media folder.
func (w *world) files() (names []string) {
	w.t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.dir, "media"))
	w.must(err)
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

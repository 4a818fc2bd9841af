package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
)

// newPair starts two replicas on one database.
func newPair(t *testing.T) [2]*world {
	t.Helper()
	server := pgtest.New(t, pgtest.Options{})
	address := server.Database(t)
	kies := kietest.NewServer(kietest.Config{Seed: 7, RecordDelay: -1, Durations: kietest.Durations{Image: 50 * time.Millisecond}})
	t.Cleanup(kies.Close)
	var pair [2]*world
	for i := range pair {
		w := &world{t: t, policy: core.Policy{User: core.Limits{Daily: new(quota)}}, dir: t.TempDir(), kie: kies}
		w.open = func() (openStore, error) { return postgres.Open(t.Context(), address, postgres.Options{}) }
		w.start()
		t.Cleanup(func() { w.stop() })
		pair[i] = w
	}
	return pair
}

// post sends a command as the page does, and gives the answer.
func (w *world) post(key, text string) reply {
	w.t.Helper()
	body, err := json.Marshal(posted{Key: key, Text: text})
	must(w.t, err)
	resp, err := http.Post(w.address+"/api/command", "application/json", bytes.NewReader(body))
	must(w.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(w.t, err)
	var r reply
	if err := json.Unmarshal(data, &r); err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%q answers %s: %s", text, resp.Status, data)
	}
	return r
}

// until reads messages up to the first one that is the one wanted.
func (e *events) until(wanted func(message) bool) message {
	e.t.Helper()
	for {
		name, data, ok := e.next()
		if !ok {
			e.t.Fatal("the stream has ended")
		}
		var m message
		if name == "upsert" && json.Unmarshal(data, &m) == nil && wanted(m) {
			return m
		}
	}
}

// Whoever shows it: every page hears of results, of copies and of news.
func TestPagesAtEveryReplica(t *testing.T) {
	pair := newPair(t)
	var pages []*events
	for _, w := range pair {
		client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		page := listen(t, client, w.address)
		page.want("sync", &synced{})
		pages = append(pages, page)
	}
	each := func(what string, wanted func(message) bool) {
		t.Helper()
		one, two := pages[0].until(wanted), pages[1].until(wanted)
		if a, b := mustJSON(t, one), mustJSON(t, two); a != b {
			t.Errorf("%s: one page shows %s\nthe other one %s", what, a, b)
		}
	}
	var lead string
	for i, w := range pair {
		key := "key-0000" + string(rune('0'+i))
		if r := w.post(key, "/imagine a cat"); !r.Accepted {
			t.Fatalf("replica %d answers %+v", i, r)
		}
		each("the end", func(m message) bool {
			lead = m.ID
			return m.Key == key && m.Final && len(m.Media) == 1
		})
		copied := "copy-0000" + string(rune('0'+i))
		w.post(copied, "/show "+lead)
		each("a copy", func(m message) bool { return m.Copy && m.ID != lead })
		_, err := w.web.Deliver(t.Context(), core.Parcel{Delivery: core.Delivery{ID: core.DeliveryID(1000 + i), Kind: core.DeliverNews, Text: "news of " + key}})
		must(t, err)
		each("news", func(m message) bool { return m.Prompt == "news of "+key })
	}
}

func mustJSON(t *testing.T, m message) string {
	t.Helper()
	data, err := json.Marshal(m)
	must(t, err)
	return string(data)
}

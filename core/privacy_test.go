package core_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// export is what is kept about the person: the text, and its lines by kind.
func (w *world) export(who core.Identity) (string, map[core.ExportKind][]string) {
	w.t.Helper()
	var all bytes.Buffer
	w.must(w.engine.Export(w.t.Context(), who, &all))
	lines := map[core.ExportKind][]string{}
	for line := range strings.Lines(all.String()) {
		var read core.Exported
		w.must(json.Unmarshal([]byte(line), &read))
		lines[read.Kind] = append(lines[read.Kind], line)
	}
	return all.String(), lines
}

// An export has everything of the person and of who is linked with them, and
// nothing of anybody else: neither records, nor what opens something on a
// platform, nor who the admins are.
func TestExport(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 10_000_000 }, func(t *testing.T, w *world) {
		const many = 205 // more than two pages
		for i := range many {
			req := request(fmt.Sprintf("ada's wish %d.", i))
			req.Origin.Ref = json.RawMessage(`"secret-token"`)
			w.submit(req)
		}
		phone := request("from the phone <b>&")
		phone.Origin.Identity = adaPhone
		w.submit(phone)
		other := request("somebody else's wish")
		other.Origin.Identity = core.Identity{Platform: "chat", User: "bob"}
		w.submit(other)
		charge := w.buys("paid", 3)
		w.draft("chat:draft", `{"says":"half a <wish>","files":[{"name":"cat.png","ref":"secret-token"}],"n":9007199254740993}`)
		w.must(w.engine.Grant(t.Context(), core.Act{By: "chat:boss", Why: "for helping"}, ada, 5000))
		w.must(w.engine.Block(t.Context(), core.Act{By: "chat:boss", Why: "too loud"}, ada))
		code, err := w.engine.LinkCode(t.Context(), ada)
		w.must(err)
		_, err = w.engine.Link(t.Context(), adaPhone, code.Code)
		w.must(err)

		for _, who := range []core.Identity{ada, adaPhone} {
			all, lines := w.export(who)
			for i := range many {
				if n := strings.Count(all, fmt.Sprintf(`"prompt":"ada's wish %d."`, i)); n != 2 { // the request's and its input's
					t.Fatalf("wish %d is there %d times", i, n)
				}
			}
			for _, part := range []string{"from the phone <b>&", "half a <wish>", "cat.png", "9007199254740993", "for helping", "too loud", charge.ID, "100 XTR", adaPhone.User} {
				if !strings.Contains(all, part) {
					t.Errorf("%q is missing", part)
				}
			}
			for _, part := range []string{"somebody else", "bob", "secret-token", "boss"} {
				if strings.Contains(all, part) {
					t.Errorf("%q is there", part)
				}
			}
			for kind, want := range map[core.ExportKind]int{
				core.ExportAccount: 2, core.ExportTask: many + 1, core.ExportPurchase: 1, core.ExportDraft: 1, core.ExportAct: 2,
			} {
				if got := len(lines[kind]); got != want {
					t.Errorf("%d of %s, want %d", got, kind, want)
				}
			}
		}
	})
}

// A request that waits for a yes to its price is kept, and so is exported, even
// of somebody who has no account yet.
func TestExportOfAQuestion(t *testing.T) {
	play(t, kietest.Config{}, dear, func(t *testing.T, w *world) {
		if all, _ := w.export(ada); all != "" {
			t.Errorf("of somebody unknown: %s", all)
		}
		req := request("a dear wish")
		req.Origin.Ref = json.RawMessage(`"secret-token"`)
		_, err := w.engine.Submit(t.Context(), req)
		wantRefusal(t, err, core.ReasonConfirm)
		all, lines := w.export(ada)
		if len(lines[core.ExportQuestion]) != 1 || !strings.Contains(all, "a dear wish") || strings.Contains(all, "secret-token") {
			t.Errorf("%s", all)
		}
	})
}

// full is a writer without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestExportSaysThatItIsCutOff(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.submit(request("a wish"))
		if err := w.engine.Export(t.Context(), ada, full{}); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
	})
}

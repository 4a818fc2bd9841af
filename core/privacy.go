package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// exportPage is how many records of an export are in memory at once.
const exportPage = 100

// Exported is one line of an export: a record as JSON, and what it is.
type Exported struct {
	Kind   ExportKind `json:"kind"`
	Record any        `json:"record"`
}

// ExportKind says which record a line of an export is.
type ExportKind string

// The kinds of exported records.
const (
	ExportAccount  ExportKind = "account"  // Account: identities, limits, settings; also those that were linked into it
	ExportTask     ExportKind = "task"     // Task: the request with its prompt and input, the outputs, what it cost
	ExportEntry    ExportKind = "ledger"   // Entry
	ExportPurchase ExportKind = "purchase" // Purchase
	ExportDraft    ExportKind = "draft"    // Draft
	ExportQuestion ExportKind = "question" // a Request that waits for a yes to its price
	ExportAct      ExportKind = "act"      // Audit: what was done to the person by an admin
)

// exporter writes what is kept about one person.
type exporter struct {
	e     *Engine
	lines *json.Encoder
	owner Account // the zero one when the person has none
	who   []Identity
}

// Export writes what is kept about the person, and about everybody that the
// person is linked with: an Exported a line, of one kind after the other.
// About somebody unknown it writes nothing. It reads page by page, so that
// what changes meanwhile may be there or not, and no commit waits for w.
//
// Left out are the adapters' references to messages and files, with which a
// platform lets more be done than read, and who the admins are. A purchase
// whose line in the ledger is older than Config.Retention is not found by the
// person; what was bought still is in the ledger's sums.
func (e *Engine) Export(ctx context.Context, who Identity, w io.Writer) error {
	x := &exporter{e: e, lines: json.NewEncoder(w), who: []Identity{who}}
	x.lines.SetEscapeHTML(false) // so that words are found as they were typed
	err := e.view(ctx, func(tx Tx) (err error) {
		x.owner, err = accountOrNone(tx, who)
		return err
	})
	if err != nil {
		return err
	}
	if x.owner.ID != "" {
		x.who = x.owner.Identities
	}
	for _, id := range x.owner.ids() {
		if id == "" {
			continue
		}
		for _, part := range []func(context.Context, AccountID) error{x.account, x.tasks, x.ledger} {
			if err := part(ctx, id); err != nil {
				return err
			}
		}
	}
	for _, one := range x.who {
		if err := x.unfinished(ctx, one); err != nil {
			return err
		}
	}
	return x.acts(ctx)
}

// write writes one line.
func (x *exporter) write(kind ExportKind, record any) error {
	if err := x.lines.Encode(Exported{kind, record}); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}

// known is who did something, if that is the person or the program itself.
func (x *exporter) known(by string) string {
	own := slices.ContainsFunc(x.who, func(i Identity) bool { return i.String() == by })
	if own || by == Kiebot {
		return by
	}
	return ""
}

func (x *exporter) account(ctx context.Context, id AccountID) error {
	var a Account
	err := x.e.view(ctx, func(tx Tx) (err error) {
		a, err = tx.Account(id)
		return err
	})
	if err != nil {
		return err
	}
	if a.Blocked != nil {
		a.Blocked.By = x.known(a.Blocked.By)
	}
	return x.write(ExportAccount, a)
}

func (x *exporter) tasks(ctx context.Context, id AccountID) error {
	for before := TaskID(""); ; {
		var page []Task
		err := x.e.view(ctx, func(tx Tx) (err error) {
			page, err = tx.TasksOf(id, before, exportPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range page {
			before = t.ID
			t.Request, t.Shown = readable(t.Request), nil
			if err := x.write(ExportTask, t); err != nil {
				return err
			}
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

// readable is the request without what is the adapters' own.
func readable(r Request) Request {
	r.Origin.Ref = nil
	r.Files = slices.Clone(r.Files)
	for i := range r.Files {
		r.Files[i].Ref = nil
	}
	return r
}

// ledger writes the account's entries, and after each that credited a payment
// the purchase.
func (x *exporter) ledger(ctx context.Context, id AccountID) error {
	for after := uint64(0); ; {
		var page []Entry
		bought := map[uint64]Purchase{}
		err := x.e.view(ctx, func(tx Tx) (err error) {
			clear(bought)
			if page, err = tx.Entries(id, after, exportPage); err != nil {
				return err
			}
			return purchasesOf(tx, page, bought)
		})
		if err != nil {
			return err
		}
		for _, entry := range page {
			after = entry.Seq
			if err := x.entry(entry, bought); err != nil {
				return err
			}
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

func (x *exporter) entry(entry Entry, bought map[uint64]Purchase) error {
	entry.By = x.known(entry.By)
	if err := x.write(ExportEntry, entry); err != nil {
		return err
	}
	p, found := bought[entry.Seq]
	if !found {
		return nil
	}
	if p.Payback != nil {
		p.Payback.By = x.known(p.Payback.By)
	}
	return x.write(ExportPurchase, p)
}

// purchasesOf reads what the entries credited, by their Seq.
func purchasesOf(tx Tx, entries []Entry, bought map[uint64]Purchase) error {
	for _, entry := range entries {
		if entry.Kind != EntryBuy {
			continue
		}
		charge, _, _ := strings.Cut(entry.Why, " for ") // as Buy words it
		platform, id, _ := strings.Cut(charge, ":")
		var p Purchase
		known, err := settingJSON(tx, purchaseSetting(Charge{platform, id}), &p)
		if err != nil {
			return err
		}
		if known {
			bought[entry.Seq] = p
		}
	}
	return nil
}

// unfinished writes what the person has begun and not asked for.
func (x *exporter) unfinished(ctx context.Context, who Identity) error {
	var begun []Draft
	var open []question
	err := x.e.view(ctx, func(tx Tx) error {
		begun, open = nil, nil
		_, one := settingJSON(tx, draftSetting(who), &begun)
		_, two := settingJSON(tx, questionSetting(who), &open)
		return errors.Join(one, two)
	})
	if err != nil {
		return err
	}
	for _, d := range begun {
		if d.Data, err = withoutRefs(d.Data); err != nil {
			return fmt.Errorf("reading draft %s: %w", d.ID, err)
		}
		if err := x.write(ExportDraft, d); err != nil {
			return err
		}
	}
	for _, q := range open {
		if err := x.write(ExportQuestion, readable(q.Request)); err != nil {
			return err
		}
	}
	return nil
}

// withoutRefs leaves out every "ref" of a draft: what a draft says is its
// caller's own, and may have an Origin or an InputFile anywhere in it.
func withoutRefs(data json.RawMessage) (json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	dropRefs(value)
	var left bytes.Buffer
	encoder := json.NewEncoder(&left)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return left.Bytes(), err
}

func dropRefs(value any) {
	switch value := value.(type) {
	case map[string]any:
		delete(value, "ref")
		for _, inner := range value {
			dropRefs(inner)
		}
	case []any:
		for _, inner := range value {
			dropRefs(inner)
		}
	}
}

// acts writes what the audit log says about the person, the newest first.
func (x *exporter) acts(ctx context.Context) error {
	for before := uint64(0); ; {
		var page []Audit
		err := x.e.view(ctx, func(tx Tx) (err error) {
			page, err = tx.Audits(before, exportPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, a := range page {
			before = a.Seq
			if !slices.ContainsFunc(x.who, func(i Identity) bool { return i.String() == a.Target }) {
				continue
			}
			a.By = x.known(a.By)
			if err := x.write(ExportAct, a); err != nil {
				return err
			}
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

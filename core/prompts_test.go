package core_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

func listOf(warnings int, words, patterns []string) func(*core.Policy) {
	return func(p *core.Policy) { p.Prompts = &core.Prompts{Words: words, Patterns: patterns, Warnings: warnings} }
}

// said is a request whose input is the text under the name.
func said(name, text string) core.Request {
	req := request("a cat")
	req.Input = maps.Clone(req.Input)
	req.Input[name] = text
	return req
}

func TestPromptRules(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		w.mustRule(listOf(0, []string{"Gore", "très mal", "Ёлка", "血"}, []string{`na(k|c)ed`, `\bp0rn\b`}))
		for text, refused := range map[string]bool{
			"some GORE, please": true, "some gore": true, "góre": true, "Gore": true, "gorefest": false, "g o r e": false,
			"go\u200bre": true, "ｇｏｒｅ": true, "TRES -- MAL": true, "tres bien mal": false, "елка": true, "ёлка!": true, "ёлочка": false,
			"一滴血在地上": true, "snaKed": true, "p0rn": true, "xp0rnx": false, "a cat": false,
		} {
			for _, req := range []core.Request{request(text), said("negative_prompt", text)} {
				_, err := w.engine.Submit(t.Context(), req)
				if refused != (reasonOf(err) == core.ReasonPrompt) {
					t.Errorf("%q in %v: %v, want refused: %v", text, slices.Sorted(maps.Keys(req.Input)), err, refused)
				}
			}
		}
		_, err := w.engine.Submit(t.Context(), request(strings.Repeat("a cat ", 6000)))
		wantRefusal(t, err, core.ReasonPromptLong)
	})
}

func TestPromptListIsChecked(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		for _, test := range []struct {
			words, patterns []string
			want            core.Reason
		}{
			{[]string{" ?! "}, nil, core.ReasonBadWord},
			{[]string{strings.Repeat("a", 101)}, nil, core.ReasonBadWord},
			{nil, []string{"a(b"}, core.ReasonBadPattern},
			{nil, []string{"a)(b"}, core.ReasonBadPattern},
			{nil, []string{"a*"}, core.ReasonWidePattern},
			{nil, []string{`\b`}, core.ReasonWidePattern},
			{nil, []string{"x|"}, core.ReasonWidePattern},
			{nil, []string{"(a{100}){10}" + strings.Repeat("b{1000}", 5)}, core.ReasonLargePattern},
			{nil, slices.Repeat([]string{"a{900}"}, 6), core.ReasonPromptsFull},
			{slices.Repeat([]string{strings.Repeat("a", 100)}, 164), nil, core.ReasonPromptsFull},
		} {
			wantRefusal(t, w.policy(listOf(0, test.words, test.patterns)), test.want)
		}
		if _, err := w.engine.Submit(t.Context(), request("a cat")); err != nil {
			t.Errorf("with no list: %v", err)
		}
	})
}

// Every warning is counted once and with the last one the account is blocked;
// an old one does not count, and unblocking forgets them.
func TestPromptWarnings(t *testing.T) {
	p, clock := &pager{}, &wallClock{}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert, c.Now = p.Alert, clock.now }, func(t *testing.T, w *world) {
		w.mustRule(listOf(3, []string{"gore"}, nil))
		ask := func(req core.Request) *core.Refusal {
			t.Helper()
			_, err := w.engine.Submit(t.Context(), req)
			return wantRefusal(t, err, core.ReasonPrompt)
		}
		ask(request("gore"))
		clock.skew.Add(int64(31 * 24 * time.Hour))
		for n := 1; n <= 3; n++ {
			req := request(fmt.Sprint("gore ", n))
			if n == 2 {
				if again := ask(req); again.Count != 2 {
					t.Errorf("warning %d the first time", again.Count)
				}
				w.reopen(nil)
				w.run()
			}
			if refusal := ask(req); refusal.Count != n || refusal.Max != 3 {
				t.Errorf("warning %d of %d, want %d of 3", refusal.Count, refusal.Max, n)
			}
		}
		_, err := w.engine.Submit(t.Context(), request("a cat"))
		wantRefusal(t, err, core.ReasonBlocked)
		nap(time.Second)
		wantAlerts(t, p, core.AlertBlocked)
		audits, err := w.engine.Audits(t.Context(), 0, 2)
		if err != nil || audits[0].Action != "block" || audits[0].By != core.Kiebot || audits[1].Action != "warn" || audits[1].Detail != "gore" {
			t.Errorf("the audit log has %+v, %v", audits, err)
		}
		if err := w.engine.Unblock(t.Context(), byAdmin, ada); err != nil {
			t.Fatal(err)
		}
		if refusal := ask(request("gore")); refusal.Count != 1 {
			t.Errorf("after the block it is warning %d", refusal.Count)
		}
		if used := w.balance(ada); used != (core.Usage{}) {
			t.Errorf("it was charged: %+v", used)
		}
	})
}

// The list holds for whatever is accepted after it was set, also of what was
// asked for before.
func TestPromptRulesHoldForOldRequests(t *testing.T) {
	zero := core.Limit(0)
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		before := w.submit(request("gore"))
		w.mustRule(func(p *core.Policy) { p.ConfirmAbove = &zero })
		_, err := w.engine.Submit(t.Context(), request("more gore"))
		question := wantRefusal(t, err, core.ReasonConfirm).Question
		w.mustRule(func(p *core.Policy) { p.ConfirmAbove = nil; listOf(9, []string{"gore"}, nil)(p) })
		_, err = w.engine.Again(t.Context(), string(before), "again", request("").Origin)
		wantRefusal(t, err, core.ReasonPrompt)
		_, err = w.engine.Confirm(t.Context(), ada, question)
		if refusal := wantRefusal(t, err, core.ReasonPrompt); refusal.Count != 2 {
			t.Errorf("it is warning %d", refusal.Count)
		}
		if task := w.untilShown(before); task.State != core.Succeeded {
			t.Errorf("what was accepted before is %s", task.State)
		}
	})
}

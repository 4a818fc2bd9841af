package core_test

import (
	"errors"
	"maps"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func roomOf(who core.Identity, admin bool) core.Origin {
	return core.Origin{Identity: who, Lane: "chat:room", Admin: admin}
}

func limitOf(l core.Limit) *core.Limit { return &l }

func (w *world) settings(origin core.Origin) core.Settings {
	w.t.Helper()
	s, err := w.engine.Settings(w.t.Context(), origin)
	w.must(err)
	return s
}

// What was chosen outlasts a restart; the person's choice wins over the chat's.
func TestSettingsAreKept(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx, yes, no := t.Context(), true, false
		w.must(w.engine.ChangeSettings(ctx, roomOf(ada, false), func(s *core.PersonSettings) {
			s.Models = map[catalog.Kind]string{catalog.Image: "mine"}
			s.Language, s.Spoiler = "ru", &no
		}))
		w.must(w.engine.ChangeChatSettings(ctx, roomOf(ada, true), func(s *core.ChatSettings) {
			s.Models = map[catalog.Kind]string{catalog.Image: "ours", catalog.Video: "ours too"}
		}))
		w.reopen(nil)
		w.run()
		s := w.settings(roomOf(ada, false))
		if s.Model(catalog.Image) != "mine" || s.Model(catalog.Video) != "ours too" || s.Model(catalog.Music) != "" || s.Person.Language != "ru" || s.Spoiler() {
			t.Errorf("%+v", s)
		}
		if s := w.settings(core.Origin{Identity: adaWeb, Lane: "web:local"}); s.Model(catalog.Image) != "" || s.Spoiler() {
			t.Errorf("a stranger elsewhere: %+v", s)
		}
		w.must(w.engine.ChangeChatSettings(ctx, roomOf(ada, true), func(s *core.ChatSettings) { s.Spoiler = true }))
		if !w.settings(roomOf(ada, false)).Spoiler() {
			t.Error("the chat's spoiler is for everybody")
		}
		w.must(w.engine.ChangeSettings(ctx, roomOf(adaWeb, false), func(s *core.PersonSettings) { s.Spoiler = &yes }))
		if s := w.settings(roomOf(adaWeb, false)); !s.Spoiler() || s.Model(catalog.Image) != "ours" {
			t.Errorf("somebody else in the room: %+v", s)
		}
	})
}

// Of two linked accounts the elder's settings win where it has some.
func TestLinkedAccountsJoinTheirSettings(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		yes, no := true, false
		choose := func(who core.Identity, edit func(*core.PersonSettings)) {
			t.Helper()
			w.must(w.engine.ChangeSettings(t.Context(), roomOf(who, false), edit))
			nap(1e9)
		}
		choose(ada, func(s *core.PersonSettings) {
			s.Models, s.Spoiler = map[catalog.Kind]string{catalog.Image: "elder"}, &no
		})
		choose(adaPhone, func(s *core.PersonSettings) {
			s.Models = map[catalog.Kind]string{catalog.Image: "younger", catalog.Music: "younger"}
			s.Spoiler, s.Language, s.ConfirmAbove = &yes, "ru", limitOf(5000)
		})
		got := w.link(adaPhone, ada).Settings
		want := map[catalog.Kind]string{catalog.Image: "elder", catalog.Music: "younger"}
		if !maps.Equal(got.Models, want) || *got.Spoiler || got.Language != "ru" || *got.ConfirmAbove != 5000 {
			t.Errorf("%+v", got)
		}
		if s := w.settings(roomOf(adaPhone, false)); s.Model(catalog.Image) != "elder" {
			t.Errorf("on the phone: %+v", s)
		}
	})
}

// Where only admins may ask, nobody else is accepted, whatever way they ask.
func TestAdminsOnly(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		done := w.untilShown(w.submit(request("before")))
		only := func(yes bool) func(*core.ChatSettings) {
			return func(s *core.ChatSettings) { s.AdminsOnly = yes }
		}
		wantRefusal(t, w.engine.ChangeChatSettings(ctx, roomOf(ada, false), only(true)), core.ReasonNotAdmin)
		w.submit(request("still"))
		w.must(w.engine.ChangeChatSettings(ctx, roomOf(adaPhone, true), only(true)))
		_, err := w.engine.Submit(ctx, request("not any more"))
		wantRefusal(t, err, core.ReasonAdminsOnly)
		_, err = w.engine.Again(ctx, string(done.ID), "chat:again", roomOf(ada, false))
		wantRefusal(t, err, core.ReasonAdminsOnly)
		req := request("an admin")
		req.Origin.Admin = true
		w.submit(req)
		req = request("elsewhere")
		req.Origin.Lane = "chat:hall"
		w.submit(req)
		w.must(w.engine.MoveChat(ctx, "chat:room", "chat:hall")) // the rule goes along
		req = request("after the move")
		req.Origin.Lane = "chat:hall"
		_, err = w.engine.Submit(ctx, req)
		wantRefusal(t, err, core.ReasonAdminsOnly)
		w.must(w.engine.ChangeChatSettings(ctx, roomOf(ada, true), only(false)))
		w.submit(request("again everybody"))
		audits, err := w.engine.Audits(ctx, 0, 10)
		w.must(err)
		if len(audits) != 2 || audits[1].By != adaPhone.String() || audits[1].Target != "chat:room" || audits[1].Action != "chat settings" {
			t.Errorf("%+v", audits)
		}
	})
}

// A chat's own day and a person's own bound make the operator's stricter, never wider.
func TestOwnLimitsOnlyGetStricter(t *testing.T) {
	change := func(c *core.Config) {
		c.Policy.Chat, c.Policy.ConfirmAbove = pictures(2), limitOf(3*core.Limit(imagePrice))
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		ctx := t.Context()
		daily := func(l *core.Limit) {
			t.Helper()
			w.must(w.engine.ChangeChatSettings(ctx, roomOf(ada, true), func(s *core.ChatSettings) { s.Daily = l }))
		}
		daily(pictures(1))
		w.submit(request("fits"))
		_, err := w.engine.Submit(ctx, request("too much"))
		if r := wantRefusal(t, err, core.ReasonQuota); r.Window.Kind() != core.WindowChat || r.Limit != imagePrice {
			t.Errorf("%+v", r)
		}
		daily(pictures(50))
		w.submit(request("within the operator's"))
		_, err = w.engine.Submit(ctx, request("beyond it"))
		wantRefusal(t, err, core.ReasonQuota)
		if s := w.settings(roomOf(ada, false)); s.ChatDaily != *pictures(2) || s.ConfirmAbove != 3*core.Limit(imagePrice) {
			t.Errorf("the operator's bounds: %+v", s)
		}

		confirm := func(l core.Limit) {
			t.Helper()
			w.must(w.engine.ChangeSettings(ctx, roomOf(ada, false), func(s *core.PersonSettings) { s.ConfirmAbove = &l }))
		}
		elsewhere := func(count int) error {
			req := request("elsewhere")
			req.Origin.Lane, req.Count = "chat:hall", count
			_, err := w.engine.Submit(ctx, req)
			return err
		}
		w.must(w.engine.SetChatLimit(ctx, admin(""), "chat:hall", limitOf(core.Unlimited)))
		w.must(elsewhere(1))
		confirm(0)
		wantRefusal(t, elsewhere(1), core.ReasonConfirm)
		confirm(core.Unlimited)
		w.must(elsewhere(1))
		wantRefusal(t, elsewhere(4), core.ReasonConfirm)
	})
}

// A chat that hides everything hides what was asked for before, too, and copies.
func TestAChatHidesEverything(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		done := w.untilShown(w.submit(request("open")))
		w.must(w.engine.ChangeChatSettings(ctx, roomOf(ada, true), func(s *core.ChatSettings) { s.Spoiler = true }))
		for lane, hidden := range map[core.Lane]bool{"chat:room": true, "chat:hall": false} {
			_, err := w.engine.ShowOriginal(ctx, string(done.ID), "show:"+string(lane), core.Origin{Identity: ada, Lane: lane})
			w.must(err)
			w.until("the copy", func() bool {
				p := w.chat.last(done.ID)
				return p.Delivery.Kind == core.DeliverShow && p.Delivery.Lane == lane
			})
			p := w.chat.last(done.ID)
			if p.Tasks[0].Request.Spoiler != hidden || !p.Delivery.Original {
				t.Errorf("%s: %+v", lane, p)
			}
		}
		if p, err := w.engine.Snapshot(ctx, done.ID); err != nil || !p.Tasks[0].Request.Spoiler {
			t.Errorf("loaded later: %+v, %v", p, err)
		}
		if w.task(done.ID).Request.Spoiler {
			t.Error("the task was changed")
		}
	})
}

// Nothing is kept of people whom nobody let in.
func TestStrangersLeaveNothing(t *testing.T) {
	allow := func(c *core.Config) { c.Policy.Allow = []string{ada.String()} }
	play(t, kietest.Config{}, allow, func(t *testing.T, w *world) {
		ctx := t.Context()
		stranger := roomOf(adaPhone, false)
		wantRefusal(t, w.engine.ChangeSettings(ctx, stranger, func(s *core.PersonSettings) { s.Language = "ru" }), core.ReasonStranger)
		_, err := w.engine.NewDraft(ctx, stranger, "chat:stranger", []byte(`{}`))
		wantRefusal(t, err, core.ReasonStranger)
		err = w.store.View(ctx, func(tx core.Tx) error {
			_, err := tx.AccountOf(adaPhone)
			return err
		})
		if !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an account was opened: %v", err)
		}
		w.draft("chat:ada", `{}`)
		w.must(w.engine.Block(ctx, admin(""), ada))
		_, err = w.engine.NewDraft(ctx, roomOf(ada, false), "chat:blocked", []byte(`{}`))
		wantRefusal(t, err, core.ReasonBlocked)
		w.must(w.engine.ChangeSettings(ctx, roomOf(ada, false), func(s *core.PersonSettings) { s.Language = "ru" }))
	})
}

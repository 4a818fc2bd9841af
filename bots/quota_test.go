package bots

import (
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// Every refusal about quotas says which window it is, what is left and when
// it starts anew, in every language.
func TestEveryQuotaRefusalIsWorded(t *testing.T) {
	b := quietBot(t)
	en, ru := b.voice("en"), b.voice("ru")
	resets := en.now.Add(90 * time.Minute)
	window := func(kind core.WindowKind, limit, left, granted core.Credits) *core.Refusal {
		return &core.Refusal{
			Reason: core.ReasonQuota, Window: core.WindowID(kind) + "/x", Need: 8000, Left: left, Granted: granted, Limit: limit, ResetsAt: resets,
		}
	}
	for _, test := range []struct {
		refusal *core.Refusal
		en, ru  string
	}{
		{window(core.WindowDay, 10_000, 2000, 0), "This needs 8 credits, but of your credits for a day only 2 are left (10 credits in all).", "Нужно: 8 кредитов. Ваши кредиты на день: осталось 2, а всего — 10 кредитов."},
		{window(core.WindowMonth, 10_000, 2500, 500), "of your credits for a month only 2.5 are left", "Ваши кредиты на месяц: осталось 2,5"},
		{window(core.WindowOfKind, 10_000, 0, 0), "your credits for a day of this kind of model", "для моделей этого вида"},
		{window(core.WindowOfModel, 10_000, 0, 0), "your credits for a day of this model", "для этой модели"},
		{window(core.WindowChat, 10_000, 0, 0), "this chat’s credits for a day", "Кредиты этого чата на день"},
		{window(core.WindowTotal, 10_000, 0, 0), "everybody’s credits for a day", "Общие кредиты на день"},
		{window(core.WindowDay, 10_000, 2000, 0), "They start anew at " + resets.Format("15:04") + " (in 90 minutes).", "Отсчёт начнётся заново в " + resets.Format("15:04") + " (через 90 минут)."},
		{window(core.WindowChat, 5000, 5000, 0), "but this chat’s credits for a day are never more than 5 credits.", "Это больше всего лимита. Кредиты этого чата на день: 5 кредитов."},
		{window(core.WindowDay, 5000, 5500, 500), "never more than 5 credits", "больше всего лимита"},
		{window(core.WindowDay, 5000, 7000, 4000), "only 7 are left", "осталось 7"},
		{window(core.WindowMonth, 0, 0, 0), "There is nothing to spend here: your credits for a month are 0 credits.", "Тратить здесь нечего. Ваши кредиты на месяц: 0 кредитов."},
		{&core.Refusal{Reason: core.ReasonActive, Max: 1}, "At most 1 job of yours", "не больше 1 задания"},
		{&core.Refusal{Reason: core.ReasonActive, Max: 3}, "At most 3 jobs of yours", "не больше 3 заданий"},
		{&core.Refusal{Reason: core.ReasonTooDear, Need: 160_000, Limit: 100_000}, "would cost 160 credits, and one request may cost at most 100 credits", "стоило бы 160 кредитов"},
		{&core.Refusal{Reason: core.ReasonStranger, Who: core.Identity{Platform: "telegram", User: "123"}}, "let you in: you are telegram:123.", "вы — telegram:123."},
		{
			&core.Refusal{Reason: core.ReasonStranger, Who: core.Identity{Platform: "telegram", User: "123"}, Roles: []string{"telegram:chat:-5"}},
			"let you in, telegram:123, or everybody here, telegram:chat:-5.", "telegram:chat:-5.",
		},
		{&core.Refusal{Reason: core.ReasonBlocked}, "you have been blocked. Whoever", "вас заблокировали. Изменить"},
		{&core.Refusal{Reason: core.ReasonBlocked, Why: "spam"}, "you have been blocked (spam).", "вас заблокировали (spam)."},
		{&core.Refusal{Reason: core.ReasonTaken, Need: 9000, Left: 500}, "Only 0.5 are left of what was given, so 9 credits cannot be taken.", "осталось 0,5"},
		{&core.Refusal{Reason: core.ReasonNoCharge}, "has not cost anything", "ничего не стоило"},
		{&core.Refusal{Reason: core.ReasonGaveBack}, "given back before", "уже возвращены"},
	} {
		wantText(t, b.refusal(en, test.refusal).Text, test.en, "Nothing was charged.")
		wantText(t, b.refusal(ru, test.refusal).Text, test.ru, "Ничего не списано.")
	}
}

// /balance: the limits, what was used, when it starts anew, and what is under way.
func TestBalanceSaysEverything(t *testing.T) {
	month, room := core.Limit(1_000_000), core.Limit(50_000)
	change := func(c *core.Config) {
		c.Policy = core.Policy{User: core.Limits{Monthly: &month}, Chat: &room, Kinds: map[catalog.Kind]core.Limit{catalog.Image: 90_000}}
	}
	play(t, change, func(t *testing.T, w *world) {
		act := core.Act{By: core.CommandLine}
		must(t, w.engine.Grant(t.Context(), act, ada, 12_500))
		must(t, w.engine.SetTier(t.Context(), act, ada, "gold"))
		w.untilEnd(w.accepted("a cat --model imagen4"))
		w.kie.SetBalance(0)
		w.accepted("a dog --model imagen4")
		wantText(t, w.types(ada, "/balance").Text,
			"Tier: gold.\nLimits: 100 credits a day, 1000 credits a month.\nUsed today: 8 credits.\nUsed this month: 8 credits.\n"+
				"Set aside for what is under way: 8 credits.\nLeft today: 84 of 100 credits.", "Left this month: 984 of 1000 credits. The month starts anew at",
			"Left in this chat today: 34 of 50 credits.", "On top, given to you or bought: 12.5 credits", "Running: 0. Waiting: 1.")
	})
}

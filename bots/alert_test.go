package bots

import (
	"testing"

	"kiebot/core"
)

// Every alert that core knows has words in both languages.
func TestAlertsInWords(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		task := core.TaskID("0000000000abcdefgh")
		for _, test := range []struct {
			alert  core.Alert
			en, ru string
		}{
			{core.Alert{Kind: core.AlertLowBalance, KieAccount: "main", Credits: 12_500}, "main has only 12.5 credits left", "main осталось всего 12,5"},
			{core.Alert{Kind: core.AlertParked, KieAccount: "main", Reason: core.FailNoCredits}, "main has no credits left", "main кончились кредиты"},
			{core.Alert{Kind: core.AlertParked, KieAccount: "main", Reason: core.FailKey, Detail: "401"}, "refuses the key of the account main", "не принимает ключ счёта main"},
			{core.Alert{Kind: core.AlertResumed, KieAccount: "main"}, "main works again", "main снова работает"},
			{core.Alert{Kind: core.AlertRemoved, KieAccount: "old", Count: 1}, "1 job waits for the Kie account old", "1 задание ждёт счёта Kie old"},
			{core.Alert{Kind: core.AlertRemoved, KieAccount: "old", Count: 5}, "5 jobs wait", "5 заданий ждут"},
			{core.Alert{Kind: core.AlertSecondTask, Task: task, Credits: 8000}, "job abcdefgh twice", "abcdefgh дважды"},
			{core.Alert{Kind: core.AlertUnresolved, Task: task, Credits: 8000}, "up to 8 credits", "до 8 кредитов"},
			{core.Alert{Kind: core.AlertBackup, Detail: "no space left on device"}, "no new backup", "резервной копии нет"},
			{core.Alert{Kind: core.AlertRestored, Count: 3, Detail: "2026-11-25 10:00 UTC"}, "3 jobs that were waiting", "3 задания, ждавшие"},
			{core.Alert{Kind: core.AlertUndelivered, Task: task, Lane: "chat:7", Count: 20, Detail: "connection reset"}, "in chat:7 after 20 attempts", "20 попыток"},
			{core.Alert{Kind: core.AlertUndelivered, Task: task, Lane: "chat:7", Count: 1, More: 5}, "there were 5 more", "ещё 5 случаев"},
			{core.Alert{Kind: core.AlertStranger, Name: "Bob", Who: bob}, "Bob (chat:bob) would like to use the bot, and", "Bob (chat:bob) хочет"},
			{core.Alert{Kind: core.AlertStranger, Name: "Bo\u202eb\n(telegram:1)", Who: bob}, "Bo b (telegram:1) (chat:bob) would", "Bo b (telegram:1) (chat:bob)"},
			{core.Alert{Kind: core.AlertStranger, Name: "Bob", Who: bob, Roles: []string{"chat:chat:7"}}, "use the bot in chat:chat:7", "в chat:chat:7"},
		} {
			english, _ := w.bot.Alert(test.alert, "en")
			russian, _ := w.bot.Alert(test.alert, "ru")
			wantText(t, english, test.en, test.alert.Detail)
			wantText(t, russian, test.ru, test.alert.Detail)
		}
	})
}

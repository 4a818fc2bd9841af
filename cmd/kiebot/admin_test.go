package main

import (
	"encoding/json"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// A stranger asks; the process is killed; an admin lets the stranger in with one
// press, and it is killed again. The command line and the browser chat see it, and
// everything outlasts the kills.
func TestStrangerIsLetInAcrossKills(t *testing.T) {
	t.Parallel()
	p, server := onTelegram(t, telegramtest.Config{}, "ALLOW=", "ADMINS=telegram:777")
	boss, ann := server.Person("Boss", telegramtest.ID(777)), server.Person("Ann", telegramtest.ID(778), telegramtest.Language("ru"))
	server.Until(t, server.Polling)
	boss.Types("/help")
	boss.Next(t)
	ann.Types("кот")
	has := func(parts ...string) func(telegramtest.Message) bool {
		return func(m telegramtest.Message) bool {
			for _, part := range parts {
				if !strings.Contains(m.Words(), part) {
					return false
				}
			}
			return true
		}
	}
	restart := func() {
		server.Until(t, func() bool { return server.Polling() && server.Pending() == 0 }) // or what was handled comes again
		p.kill()
		p.start()
	}
	ann.Until(t, has("telegram:778", "Там уже знают о вашей просьбе"))
	question := boss.Until(t, has("Ann (telegram:778) would like to use the bot"))
	restart()
	boss.Presses(question, "✅")
	boss.Private().Becomes(t, question, has("telegram:778 can use the bot now. They have been told."))
	ann.Until(t, has("Вас впустили."))
	restart()
	ann.Types("кот")
	ann.Until(t, isKind("photo"))

	out, wrong, code := p.kiebot("admin", "audit", "1")
	if code != 0 || !strings.Contains(out, "telegram:777 · allow telegram:778 · asked to be let in") {
		t.Errorf("%d, %q, %s", code, out, wrong)
	}
	out, wrong, code = p.kiebot("admin", "--json", "tasks", "telegram:778")
	var jobs adminAnswer
	if err := json.Unmarshal([]byte(out), &jobs); err != nil || code != 0 || len(jobs.Items) != 1 || jobs.Items[0].Title != "кот" {
		t.Fatalf("%d, %q, %s", code, out, wrong)
	}
	words := strings.Fields(jobs.Items[0].Detail)
	out, wrong, code = p.kiebot("task", words[len(words)-1])
	if code != 0 || !strings.Contains(out, "telegram:778 · telegram:778") || !strings.Contains(out, "booked: settle (day held") || !strings.Contains(out, "  shown") {
		t.Errorf("%d, %q, %s", code, out, wrong)
	}
	if a, err := p.command("admin-block", "/admin block telegram:778 spam"); err != nil || a.Refused || !strings.Contains(a.Text, "telegram:778 is blocked") {
		t.Errorf("in the browser: %+v, %v", a, err)
	}
	ann.Types("собака")
	ann.Until(t, has("заблокировали", "spam"))
	p.stop()
}

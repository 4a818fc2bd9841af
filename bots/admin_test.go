package bots

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// said is one thing that an admin says, and parts of the answer in both languages.
type said struct {
	words  string // JOB stands for a finished job of Ada's
	en, ru []string
	wrong  bool // the words mean nothing
	denied bool // they mean something that is not done
}

func parts(all ...string) []string { return all }

// conversations are what is said about every act, in order.
func conversations() map[string][]said {
	return map[string][]said{
		"grant": {
			{words: "grant telegram:123 50 helped a lot", en: parts("telegram:123 was given 50 credits. Left of what was given or bought: 50 credits."), ru: parts("Выдано telegram:123: 50 кредитов. Осталось", "50 кредитов")},
			{words: "GRANT <@456> 12,5", en: parts("discord:456 was given 12.5 credits"), ru: parts("Выдано discord:456: 12,5 кредита")},
			{words: "grant telegram:123 –20", en: parts("Taken from telegram:123: 20 credits", "30 credits"), ru: parts("Снято у telegram:123: 20 кредитов", "30 кредитов")},
			{words: "grant telegram:123 -31", denied: true, en: parts("Only 30 are left of what was given"), ru: parts("30")},
			{words: "grant telegram:123", wrong: true, en: parts("CREDITS is missing. It goes like this: grant WHO CREDITS [REASON]", "For example: /admin grant telegram:123 50 helped a lot"), ru: parts("Не хватает: КРЕДИТЫ. Нужно так: grant КТО КРЕДИТЫ [ПРИЧИНА]", "Например: /admin grant telegram:123 50 за помощь")},
			{words: "grant", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает: КТО")},
			{words: "grant ann 50", wrong: true, en: parts("“ann” cannot stand for WHO. A person is telegram:123"), ru: parts("«ann» не годится на место КТО. Человек — это telegram:123")},
			{words: "grant telegram:ann 50", wrong: true, en: parts("“telegram:ann” cannot stand for WHO"), ru: parts("«telegram:ann»")},
			{words: "grant everybody 50", wrong: true, en: parts("“everybody” cannot stand for WHO"), ru: parts("«everybody»")},
			{words: "grant telegram:123 5O", wrong: true, en: parts("“5O” cannot stand for CREDITS. A number such as 50"), ru: parts("«5O» не годится на место КРЕДИТЫ")},
			{words: "grant telegram:123 0", wrong: true, en: parts("“0” cannot stand for CREDITS"), ru: parts("«0»")},
		},
		"limit": {
			{words: "limit telegram:123 50/500", en: parts("Limits of telegram:123: 50 credits a day, 500 credits a month."), ru: parts("Лимиты telegram:123: 50 кредитов в день, 500 кредитов в месяц.")},
			{words: "limit discord:456 /unlimited", en: parts("discord:456: unlimited a month"), ru: parts("без ограничений в месяц")},
			{words: "limit telegram:chat:-100123 70", en: parts("telegram:chat:-100123: 70 credits a day"), ru: parts("70 кредитов в день")},
			{words: "limit <#457> 70", en: parts("discord:channel:457: 70 credits a day"), ru: parts("discord:channel:457")},
			{words: "limit <@&789> 70", en: parts("discord:role:789: 70 credits a day"), ru: parts("discord:role:789")},
			{words: "limit tier:gold 500/5000", en: parts("tier:gold: 500 credits a day, 5000 credits a month"), ru: parts("tier:gold")},
			{words: "limit everybody 20", en: parts("everybody: 20 credits a day"), ru: parts("20 кредитов в день")},
			{words: "limit total 1000", en: parts("total: 1000 credits a day"), ru: parts("1000 кредитов в день")},
			{words: "limit total 10/100", wrong: true, en: parts("total can have a limit for a day only"), ru: parts("только лимит на день")},
			{words: "limit discord:guild:1 10/100", en: parts("discord:guild:1: 10 credits a day, 100 credits a month"), ru: parts("discord:guild:1")},
			{words: "limit policy 10", wrong: true, en: parts("cannot stand for WHOM. A limit is for"), ru: parts("не годится на место КОМУ. Лимит бывает")},
			{words: "limit discord:channel:1 10/100", wrong: true, en: parts("discord:channel:1 can have a limit for a day only"), ru: parts("только лимит на день")},
			{words: "limit telegram:123 -5", wrong: true, en: parts("“-5” cannot stand for DAY/MONTH"), ru: parts("«-5»")},
			{words: "limit telegram:123 /", wrong: true, en: parts("“/” cannot stand for DAY/MONTH"), ru: parts("«/»")},
			{words: "limit telegram:123 50 500", wrong: true, en: parts("“500” is too much. It goes like this: limit WHOM DAY/MONTH", "/admin limit telegram:123 50/500"), ru: parts("«500» здесь лишнее")},
		},
		"person": {
			{words: "person telegram:123", en: parts("telegram:123\nLimits: 50 credits a day, 500 credits a month.", "Used today: 0 credits.", "On top, given or bought: 30 credits", "Running: 0. Waiting: 0.", "There was no request yet."), ru: parts("telegram:123\nЛимиты: 50 кредитов в день", "выдано или куплено: 30 кредитов", "Запросов ещё не было.")},
			{words: "person telegram:987", denied: true, en: parts("Nobody is known as telegram:987"), ru: parts("Никто не известен как telegram:987")},
			{words: "person", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает: КТО")},
		},
		"tier": {
			{words: "tier telegram:123 silver", en: parts("telegram:123 is in the tier silver now. This tier has no limits of its own yet. /admin limit tier:silver 500 would set them."), ru: parts("в группе silver", "/admin limit tier:silver 500")},
			{words: "tier telegram:123 tier:Gold", en: parts("is in the tier gold now. Limits of tier:gold: 500 credits a day"), ru: parts("в группе gold", "500 кредитов")},
			{words: "tier telegram:123 none", en: parts("telegram:123 is in no tier any more"), ru: parts("больше не в группе")},
			{words: "tier telegram:123 a/b", wrong: true, en: parts("cannot stand for TIER. A name of letters"), ru: parts("ГРУППА. Имя из букв")},
		},
		"reset": {
			{words: "reset telegram:123", en: parts("telegram:123 has no limits of its own any more"), ru: parts("лимитов у telegram:123 больше нет")},
			{words: "reset telegram:chat:-100123", en: parts("telegram:chat:-100123 has no limits"), ru: parts("больше нет")},
			{words: "reset tier:gold", en: parts("tier:gold has no limits"), ru: parts("больше нет")},
			{words: "reset everybody", en: parts("everybody has no limits"), ru: parts("больше нет")},
			{words: "reset total", en: parts("total has no limits"), ru: parts("больше нет")},
			{words: "reset policy", en: parts("as in the settings again, also who is let in"), ru: parts("такие, как в настройках")},
			{words: "reset", wrong: true, en: parts("WHOM is missing"), ru: parts("Не хватает: КОМУ")},
		},
		"roles": {
			{words: "roles", en: parts("in force", "everybody – 100 credits a day", "video – 30 credits a day", "tier:vip – 400 credits a day, unlimited a month", "every chat – 1000 credits a day"), ru: parts("каждый чат – 1000 кредитов в день")},
			{words: "roles all", wrong: true, en: parts("“all” is too much"), ru: parts("«all»")},
		},
		"allow": {
			{words: "allow telegram:5 a friend", en: parts("telegram:5 can use the bot now"), ru: parts("telegram:5 теперь может")},
			{words: "allow telegram:5", en: parts("telegram:5 could use the bot already"), ru: parts("уже может")},
			{words: "allow discord:guild:99", en: parts("discord:guild:99 can use the bot now"), ru: parts("discord:guild:99 теперь")},
			{words: "allow", en: parts("chat:ada – by its settings", "telegram:5 – let in by an admin"), ru: parts("chat:ada – по настройкам", "telegram:5 – впущен админом")},
			{words: "allow everybody", wrong: true, en: parts("“everybody” cannot stand for WHO. Who can be let in is"), ru: parts("Впустить можно")},
		},
		"disallow": {
			{words: "disallow telegram:5", en: parts("telegram:5 is not let in any more"), ru: parts("больше не может")},
			{words: "disallow telegram:5", denied: true, en: parts("telegram:5 is not let in by name"), ru: parts("не впущен по имени")},
			{words: "disallow telegram:7", denied: true, en: parts("They are let in by the settings of this bot"), ru: parts("Доступ дан в настройках")},
			{words: "disallow", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает")},
		},
		"block": {
			{words: "block telegram:123 spam, and more spam", en: parts("telegram:123 is blocked. What is under way goes on."), ru: parts("Заблокировано: telegram:123")},
			{words: "person telegram:123", en: parts("Blocked since ", ", by "+boss.String()+".\nspam, and more spam"), ru: parts("Блокировка с ", "spam, and more spam")},
			{words: "block spam", wrong: true, en: parts("“spam” cannot stand for WHO", "/admin block telegram:123 spam"), ru: parts("«spam»", "/admin block telegram:123 спам")},
		},
		"unblock": {
			{words: "unblock telegram:123", en: parts("telegram:123 is not blocked any more"), ru: parts("Разблокировано: telegram:123")},
			{words: "unblock", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает")},
		},
		"refund": {
			{words: "refund JOB", wrong: true, en: parts("A job is only refunded with a reason", "/admin refund 0c4f2d9a the picture was broken"), ru: parts("только с причиной")},
			{words: "refund JOB the picture was broken", en: parts("Given back for job JOB: 8 credits."), ru: parts("Возвращено за задание JOB: 8 кредитов.")},
			{words: "refund #JOB the picture was broken", denied: true, en: parts("was given back before"), ru: parts("уже")},
			{words: "refund zzzzzzzz for nothing", denied: true, en: parts("There is no job zzzzzzzz."), ru: parts("Задания zzzzzzzz нет.")},
			{words: "refund", wrong: true, en: parts("JOB|PAYMENT is missing"), ru: parts("ЗАДАНИЕ|ПЛАТЁЖ")},
		},
		"cancel": {
			{words: "cancel JOB", denied: true, en: parts("It is over already"), ru: parts("уже")},
			{words: "cancel zzzzzzzz too dear", denied: true, en: parts("There is no job zzzzzzzz."), ru: parts("Задания zzzzzzzz нет.")},
			{words: "cancel", wrong: true, en: parts("JOB is missing"), ru: parts("Не хватает: ЗАДАНИЕ")},
			{words: "cancel it!", wrong: true, en: parts("“it!” cannot stand for JOB. The eight characters"), ru: parts("«it!»")},
		},
		"retry": {
			{words: "retry JOB", en: parts("Job JOB is shown again in chat:room."), ru: parts("Задание JOB будет показано ещё раз: chat:room.")},
			{words: "retry", wrong: true, en: parts("JOB is missing"), ru: parts("Не хватает: ЗАДАНИЕ")},
		},
		"tasks": {
			{words: "tasks", en: parts("1 job:", "a cat – done", "chat:ada", "JOB"), ru: parts("1 задание:", "a cat – готово")},
			{words: "tasks succeeded a CAT", en: parts("1 job:"), ru: parts("1 задание:")},
			{words: "tasks failed", en: parts("No job fits."), ru: parts("Подходящих заданий нет.")},
			{words: "tasks telegram:123", en: parts("No job fits."), ru: parts("нет")},
			{words: "tasks telegram:chat:-1001", en: parts("No job fits."), ru: parts("нет")},
			{words: "tasks model:google/imagen4", en: parts("1 job:"), ru: parts("1 задание:")},
			{words: "tasks model:imagen4", en: parts("1 job:"), ru: parts("1 задание:")},
			{words: "tasks model:veo3", en: parts("No job fits."), ru: parts("нет")},
			{words: "tasks model:imagin4", wrong: true, en: parts("There is no model “imagin4”. Did you mean"), ru: parts("Нет модели «imagin4»")},
		},
		"task": {
			{words: "task JOB", en: parts("a cat\ndone · Google Imagen 4 · google/imagen4 · 8 credits\nchat:ada · chat:room\n", "accepted", "booked: hold (day held +8", "sent to Kie", "finished", "shown", "by an admin: refund · chat:boss · 8 · the picture was broken"), ru: parts("принято", "учтено: hold")},
			{words: "task", wrong: true, en: parts("JOB is missing"), ru: parts("Не хватает")},
			{words: "task zzzzzzzz", denied: true, en: parts("There is no job zzzzzzzz."), ru: parts("Задания zzzzzzzz нет.")},
		},
		"unresolved": {
			{words: "unresolved", en: parts("No job fits."), ru: parts("Подходящих заданий нет.")},
			{words: "unresolved all", wrong: true, en: parts("too much"), ru: parts("лишнее")},
		},
		"stats": {
			{words: "stats", en: parts("Nothing is under way.", "today – 1 job · 1 done, 0 failed", "this month – 1 job", "Google Imagen 4 – 1 job"), ru: parts("Сейчас ничего не делается.", "сегодня – 1 задание")},
			{words: "stats now", wrong: true, en: parts("too much"), ru: parts("лишнее")},
		},
		"models": {
			{words: "models", en: parts("No model is off.", "Pictures – google/imagen4-fast"), ru: parts("Ни одна модель не отключена.", "Картинки – google/imagen4-fast")},
			{words: "models off imagen4", en: parts("google/imagen4 is off. What was accepted before goes on."), ru: parts("google/imagen4 отключена")},
			{words: "models OFF kling", en: parts("is off."), ru: parts("отключена")},
			{words: "models", en: parts("These models are off:", "google/imagen4 – off"), ru: parts("Отключены эти модели:", "google/imagen4 – нет")},
			{words: "models on google/imagen4", en: parts("google/imagen4 is on."), ru: parts("google/imagen4 включена")},
			{words: "models off imagin4", wrong: true, en: parts("There is no model “imagin4”. Did you mean"), ru: parts("Нет модели «imagin4»")},
			{words: "models off", wrong: true, en: parts("MODEL is missing. It goes like this: models [ON|OFF] [MODEL]", "/admin models off imagen4"), ru: parts("Не хватает: МОДЕЛЬ")},
			{words: "models imagen4", wrong: true, en: parts("“imagen4” cannot stand for ON|OFF. It is on or off."), ru: parts("Это on или off.")},
		},
		"default": {
			{words: "default image imagen4", en: parts("Pictures: google/imagen4 is used where no model is named."), ru: parts("берётся google/imagen4")},
			{words: "default image veo3", denied: true, en: parts("Only a model of that kind that needs nothing but a prompt"), ru: parts("только")},
			{words: "default image none", en: parts("Pictures: the catalogue’s model is used"), ru: parts("та, что в каталоге")},
			{words: "default pictures imagen4", wrong: true, en: parts("“pictures” cannot stand for KIND. It is image, video"), ru: parts("«pictures»")},
			{words: "default image", wrong: true, en: parts("MODEL is missing"), ru: parts("Не хватает: МОДЕЛЬ")},
			{words: "default image imagin4", wrong: true, en: parts("Did you mean"), ru: parts("Может быть")},
		},
		"prompts": {
			{words: "prompts", en: parts("Nothing is on the list"), ru: parts("Список пуст")},
			{words: "prompts add Naked Truth", en: parts("On the list: Naked Truth"), ru: parts("Теперь в списке: Naked Truth")},
			{words: "prompts pattern gor[ey]", en: parts("On the list: gor[ey]"), ru: parts("gor[ey]")},
			{words: "prompts pattern gor[ey", denied: true, en: parts("This is no regular expression"), ru: parts("RE2")},
			{words: "prompts warnings 3", en: parts("Warnings before somebody is blocked: 3"), ru: parts("Предупреждений до блокировки: 3")},
			{words: "prompts warnings many", wrong: true, en: parts("“many” cannot stand for TEXT. A whole number from 0 to 99"), ru: parts("«many»")},
			{words: "prompts", en: parts("Warnings before somebody is blocked: 3", "Naked Truth – word", "gor[ey] – pattern"), ru: parts("Naked Truth – слово")},
			{words: "prompts remove naked truth", en: parts("Not on the list any more: naked truth"), ru: parts("Больше не в списке")},
			{words: "prompts add", wrong: true, en: parts("TEXT is missing", "/admin prompts add nude"), ru: parts("Не хватает: ТЕКСТ")},
			{words: "prompts nude", wrong: true, en: parts("“nude” cannot stand for ADD|PATTERN|REMOVE|WARNINGS. add puts words"), ru: parts("«nude»")},
		},
		"pause": {
			{words: "pause the disk is moved", en: parts("Paused.", "/admin resume"), ru: parts("Приостановлено.", "/admin resume")},
			{words: "pause", en: parts("Paused."), ru: parts("Приостановлено.")},
		},
		"resume": {
			{words: "resume", en: parts("It goes on."), ru: parts("Работа продолжается.")},
			{words: "resume", denied: true, en: parts("Nothing is paused."), ru: parts("Ничего не приостановлено.")},
			{words: "resume now", wrong: true, en: parts("“now” is too much"), ru: parts("«now»")},
		},
		"broadcast": {
			{words: "broadcast There is a new model:\nveo4", en: parts("No chat has asked for news", "/settings"), ru: parts("Ни один чат не просил новостей", "/settings")},
			{words: "broadcast There is a new model:\nveo4", denied: true, en: parts("less than an hour ago"), ru: parts("меньше часа назад")},
			{words: "broadcast", wrong: true, en: parts("TEXT is missing", "/admin broadcast There is a new model: --model veo3"), ru: parts("Не хватает: ТЕКСТ")},
		},
		"keys": {
			{words: "keys", en: parts("1 Kie account:", "default – open", "0 jobs"), ru: parts("1 счёт Kie:", "default – работает", "0 заданий")},
			{words: "keys all", wrong: true, en: parts("too much"), ru: parts("лишнее")},
		},
		"audit": {
			{words: "audit 3", en: parts("chat:boss · "), ru: parts("chat:boss · ")},
			{words: "audit 50", en: parts("What admins did last", "grant telegram:123: 50 · helped a lot", "allow telegram:5 · a friend"), ru: parts("Последние действия")},
			{words: "audit 51", wrong: true, en: parts("“51” cannot stand for HOW_MANY. A whole number from 1 to 50."), ru: parts("«51»")},
		},
		"help": {
			{words: "help", en: parts("What an admin can do", "grant WHO CREDITS [REASON] – give somebody"), ru: parts("Что может админ", "grant КТО КРЕДИТЫ [ПРИЧИНА] – дать")},
			{words: "help grant", en: parts("/admin grant WHO CREDITS [REASON]", "CREDITS: A number such as 50", "/admin grant telegram:123 50 helped a lot"), ru: parts("КРЕДИТЫ: Число")},
			{words: "help gramt", wrong: true, en: parts("There is no “gramt” to be done. Did you mean grant? /admin lists what there is."), ru: parts("Действия «gramt» нет. Может быть, grant?")},
		},
	}
}

// governed runs the test where only some are let in, there are limits of every
// kind, and boss is an admin.
func governed(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	limit := func(credits core.Limit) *core.Limit { return new(credits * 1000) }
	play(t, func(c *core.Config) {
		c.Policy = core.Policy{
			Allow: []string{ada.String(), "telegram:7"}, Chat: limit(1000), Kinds: map[catalog.Kind]core.Limit{"video": 30_000},
			Roles: map[string]core.Limits{"tier:vip": {Daily: limit(400), Monthly: new(core.Unlimited)}},
		}
	}, func(t *testing.T, w *world) {
		w.admins = []core.Identity{boss}
		w.restartWords()
		test(t, w)
	})
}

// wholly is a reply as one text.
func wholly(r Reply) string {
	lines := []string{r.Text}
	for _, item := range r.Items {
		lines = append(lines, item.Title+" – "+item.Detail)
	}
	return strings.Join(lines, "\n")
}

// thereTalks are what an admin of a place says about every act that they may do.
func thereTalks() map[string][]said {
	return map[string][]said{
		"limit": {
			{words: "limit everybody 20", en: parts("Limits of everybody here: 20 credits a day. They count where"), ru: parts("Лимиты everybody здесь: 20 кредитов в день")},
			{words: "limit <@&789> 30", en: parts("discord:role:789 here: 30 credits a day"), ru: parts("discord:role:789 здесь")},
			{words: "limit total 500/5000", en: parts("total here: 500 credits a day, 5000 credits a month"), ru: parts("total здесь")},
			{words: "roles", en: parts("The rules here:", "given by whoever runs this bot – 1000 credits a day", "total – 500 credits a day, 5000 credits a month", "everybody – 20 credits a day", "discord:role:789 – 30 credits a day"), ru: parts("Здешние правила:")},
			{words: "limit total 2000", denied: true, en: parts("more than this place is given", "at most 1000 credits"), ru: parts("1000 кредитов")},
			{words: "limit everybody 20/200", wrong: true, en: parts("for a day only"), ru: parts("только лимит на день")},
			{words: "limit telegram:123 20", wrong: true, en: parts("“telegram:123” cannot stand for WHOM. Here a limit is for everybody"), ru: parts("Здесь лимит бывает")},
			{words: "limit tier:gold 20", wrong: true, en: parts("Here a limit is for"), ru: parts("Здесь лимит бывает")},
			{words: "limit discord:guild:999 20", wrong: true, en: parts("Here a limit is for"), ru: parts("Здесь лимит бывает")},
		},
		"roles": {
			{words: "roles", en: parts("The rules here:", "given by whoever runs this bot – 1000 credits a day"), ru: parts("Здешние правила:")},
			{words: "roles all", wrong: true, en: parts("too much"), ru: parts("лишнее")},
		},
		"reset": {
			{words: "reset discord:role:789", en: parts("discord:role:789 has no limits"), ru: parts("больше нет")},
			{words: "reset telegram:123", wrong: true, en: parts("Here a limit is for"), ru: parts("Здесь лимит бывает")},
			{words: "reset policy", en: parts("All rules that admins made here are taken back."), ru: parts("убраны")},
		},
		"allow": {
			{words: "allow discord:role:789", en: parts("discord:role:789 is chosen. Only those"), ru: parts("Выбрано: discord:role:789")},
			{words: "allow <#457>", en: parts("discord:channel:457 is chosen"), ru: parts("discord:channel:457")},
			{words: "allow", en: parts("discord:role:789 – let in by an admin", "discord:channel:457"), ru: parts("впущен админом")},
			{words: "allow discord:guild:999", wrong: true, en: parts("Here a person"), ru: parts("Здесь можно выбрать")},
		},
		"models": {
			{words: "models off imagen4", en: parts("google/imagen4 is off."), ru: parts("google/imagen4 отключена")},
			{words: "models", en: parts("These models are off:", "google/imagen4 – off"), ru: parts("Отключены эти модели:")},
			{words: "models on imagen4", en: parts("google/imagen4 is on."), ru: parts("google/imagen4 включена")},
			{words: "models off", wrong: true, en: parts("MODEL is missing"), ru: parts("Не хватает")},
		},
		"disallow": {
			{words: "disallow discord:role:789", en: parts("discord:role:789 is not chosen here"), ru: parts("Не выбрано: discord:role:789")},
			{words: "disallow telegram:chat:-1005", wrong: true, en: parts("Here a person"), ru: parts("Здесь можно выбрать")},
		},
		"block": {
			{words: "block telegram:123 spam", en: parts("telegram:123 is blocked here."), ru: parts("Заблокировано здесь: telegram:123")},
			{words: "block", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает")},
		},
		"unblock": {
			{words: "unblock telegram:123", en: parts("telegram:123 is not blocked here."), ru: parts("Разблокировано здесь: telegram:123")},
			{words: "unblock", wrong: true, en: parts("WHO is missing"), ru: parts("Не хватает")},
		},
		"help": {
			{words: "help", en: parts("limit WHOM DAY/MONTH"), ru: parts("limit КОМУ")},
			{words: "help grant", wrong: true, en: parts("There is no “grant” to be done."), ru: parts("Действия «grant» нет.")},
		},
	}
}

// talk says all that is said about the acts to the bot, and looks at its answers.
func (w *world) talk(rows []act, talks map[string][]said, locale, job string, say func(words string) Reply) {
	w.t.Helper()
	with := strings.NewReplacer("JOB|", "JOB|", "JOB is missing", "JOB is missing", "for JOB.", "for JOB.", "JOB", job)
	for _, row := range rows {
		if len(talks[row.name]) < 2 {
			w.t.Errorf("nobody talks about %s", row.name)
		}
		for _, one := range talks[row.name] {
			reply := say(with.Replace(one.words))
			if reply.Wrong != one.wrong || reply.Refused != (one.wrong || one.denied) || !reply.Private {
				w.t.Errorf("%s: %+v", one.words, reply)
			}
			for _, part := range map[string][]string{"en": one.en, "ru": one.ru}[locale] {
				wantText(w.t, wholly(reply), with.Replace(part))
			}
		}
		delete(talks, row.name)
	}
	for name := range talks {
		w.t.Errorf("there is no act %s", name)
	}
}

// Every act has a conversation, in both languages, and every word of it is one.
func TestEveryActIsTalkedAbout(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		governed(t, func(t *testing.T, w *world) {
			job := core.TaskID(w.untilEnd(w.accepted("/imagine a cat --model google/imagen4")).ID).Short()
			w.talk(acts(), conversations(), locale, job, func(words string) Reply {
				return w.bot.Command(t.Context(), w.incoming(boss, locale, "/admin "+words))
			})
		})
	}
}

// How somebody stands who asked for something: under way, and since when.
func TestPersonWhoAsked(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		w.kie.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
		if r := w.bot.Command(t.Context(), w.incoming(core.Identity{Platform: "telegram", User: "7"}, "en", "/imagine a cat --model google/imagen4")); len(r.Accepted) == 0 {
			t.Fatal(r)
		}
		synctest.Wait() // Kie has been asked, and takes nothing
		text := w.bot.Command(t.Context(), w.incoming(boss, "en", "/admin person telegram:7")).Text
		for _, want := range []string{"telegram:7\n", "Set aside for what is under way: ", "Running: 0. Waiting: 1.", "The latest request came just now."} {
			if !strings.Contains(text, want) {
				t.Errorf("%q lacks %q", text, want)
			}
		}
		if strings.Contains(text, "in this chat") {
			t.Errorf("%q tells of a chat", text)
		}
	})
}

// So has every act of an admin of a place, who changes its rules and nothing else.
func TestEveryActOfAPlaceIsTalkedAbout(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		governed(t, func(t *testing.T, w *world) {
			rows := slices.DeleteFunc(acts(), func(a act) bool { return a.there == nil })
			w.talk(rows, thereTalks(), locale, "", func(words string) Reply {
				return w.bot.Command(t.Context(), w.there(ada, locale, "/admin "+words))
			})
			audits, err := w.engine.Audits(t.Context(), 0, 99)
			must(t, err)
			for _, a := range audits {
				if a.Action != "place" || a.Target != "chat:room" || a.By != ada.String() {
					t.Errorf("%+v", a)
				}
			}
			if len(audits) < 9 {
				t.Errorf("%d audits", len(audits))
			}
		})
	}
}

// there is what an admin of the room types.
func (w *world) there(who core.Identity, locale, text string) Incoming {
	in := w.incoming(who, locale, text)
	in.Origin.Admin, in.Origin.Place = true, core.Place(in.Origin.Lane)
	return in
}

// Nobody but those of ADMINS can do anything, whatever they say and whoever
// they are elsewhere.
func TestActsAreForOperatorsAlone(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		before, err := w.engine.Audits(t.Context(), 0, 99)
		must(t, err)
		for _, one := range []struct {
			name   string
			who    core.Identity
			admin  bool
			place  core.Place
			closed bool // even the list
		}{
			{"a stranger", bob, false, "", true},
			{"somebody let in", ada, false, "chat:room", true},
			{"an admin of a chat that is no place", bob, true, "", true},
			{"somebody on another platform of the same number", core.Identity{Platform: "discord", User: boss.User}, false, "chat:room", true},
			{"somebody whose name is nearly an admin's", core.Identity{Platform: "chat", User: "boss "}, false, "chat:room", true},
			{"an admin of a place", ada, true, "chat:room", false},
			{"an admin of a place whom nobody let in", bob, true, "chat:room", true},
		} {
			for _, row := range append(acts(), act{name: ""}, act{name: "nonsense"}) {
				for _, words := range []string{row.name, row.name + " telegram:123 50", row.name + " discord:guild:99 50", row.name + " JOB for me"} {
					in := w.incoming(one.who, "en", "/admin "+words)
					in.Origin.Admin, in.Origin.Place = one.admin, one.place
					reply := w.bot.Command(t.Context(), in)
					open := !one.closed && (row.there != nil || words == "")
					shut := reply.Text == "Only those who run this bot can do that." || strings.HasPrefix(reply.Text, "I only work for people I was told about.")
					if one.closed && !shut || !open && words != "" && !reply.Refused {
						t.Errorf("%s, %q: %+v", one.name, words, reply)
					}
					if slices.ContainsFunc(reply.Items, func(i Item) bool { return strings.HasPrefix(i.Title, "grant") }) {
						t.Errorf("%s is shown %+v", one.name, reply)
					}
				}
			}
		}
		if reply := w.bot.Admin(t.Context(), Operator{}, "keys"); !reply.Refused {
			t.Errorf("nobody: %+v", reply)
		}
		after, err := w.engine.Audits(t.Context(), 0, 99)
		must(t, err)
		for _, a := range after[:len(after)-len(before)] {
			if a.Action != "place" || a.Target != "chat:room" || a.By != ada.String() {
				t.Errorf("something was done: %+v", a)
			}
		}
	})
}

// Words that answer somebody's message are about them, unless they name somebody.
func TestActsAboutWhoWasAnswered(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		answers := core.Identity{Platform: "telegram", User: "55"}
		for words, says := range map[string]string{
			"block spam":            "telegram:55 is blocked",
			"block":                 "telegram:55 is blocked",
			"grant 50 helped a lot": "telegram:55 was given 50 credits",
			"limit 50":              "Limits of telegram:55",
			"reset":                 "telegram:55 has no limits",
			"tier gold":             "telegram:55 is in the tier gold",
			"allow":                 "telegram:55 can use the bot now",
			"block telegram:66":     "telegram:66 is blocked",
			"limit everybody 50":    "Limits of everybody",
			"block telegrm:66":      "“telegrm:66” cannot stand for WHO",
			"block @ann":            "“@ann” cannot stand for WHO",
		} {
			in := w.incoming(boss, "en", "/admin "+words)
			in.Answers = answers
			wantText(t, w.bot.Command(t.Context(), in).Text, says)
		}
		audits, err := w.engine.Audits(t.Context(), 0, 99)
		must(t, err)
		if !slices.ContainsFunc(audits, func(a core.Audit) bool {
			return a.Action == "block" && a.Target == "telegram:55" && a.Why == "spam" && a.By == boss.String()
		}) {
			t.Errorf("%+v", audits)
		}
	})
}

// On the command line the examples are those of the command line.
func TestActsOnTheCommandLine(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		by := Operator{By: core.CommandLine, Locale: "en"}
		wantText(t, w.bot.Admin(t.Context(), by, "grant").Text, "For example: kiebot admin grant telegram:123 50")
		wantText(t, w.bot.Admin(t.Context(), by, "grnat telegram:123 50").Text, "Did you mean grant? kiebot admin lists what there is.")
		wantText(t, w.bot.Admin(t.Context(), by, "grant telegram:123 50").Text, "was given")
		wantText(t, wholly(w.bot.Admin(t.Context(), by, "audit")), "command line · grant telegram:123: 50")
	})
}

// Whatever is typed, there is an answer of words.
func FuzzAdmin(f *testing.F) {
	for _, all := range conversations() {
		for _, one := range all {
			f.Add(one.words)
		}
	}
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, words string) {
		reply := w.bot.Admin(t.Context(), Operator{By: core.CommandLine}, words)
		if strings.TrimSpace(reply.Text) == "" {
			t.Errorf("%q: %+v", words, reply)
		}
	})
}

// The lines of README between which the table of acts is.
const (
	actsBegin = "<!-- the acts of admins, written by go test ./bots -run TestReadme -update -->\n"
	actsEnd   = "<!-- the end of the acts -->\n"
)

// README has every act, as the program has it.
func TestReadmeHasTheActs(t *testing.T) {
	const path = "../README.md"
	data, err := os.ReadFile(path)
	must(t, err)
	before, rest, begins := strings.Cut(string(data), actsBegin)
	table, after, ends := strings.Cut(rest, actsEnd)
	if !begins || !ends {
		t.Fatal("README has no place for the acts")
	}
	want := actsTable(newWorld(t, nil).bot.voice("en"))
	if *update {
		must(t, os.WriteFile(path, []byte(before+actsBegin+want+actsEnd+after), 0o644))
	} else if table != want {
		t.Errorf("README has\n%s\nbut it should be\n%s\ngo test ./bots -run TestReadme -update writes it", table, want)
	}
}

func actsTable(v voice) string {
	var out strings.Builder
	out.WriteString("| act | what it does |\n| --- | --- |\n")
	for _, row := range acts() {
		mark := ""
		if row.there != nil {
			mark = " ◦"
		}
		fmt.Fprintf(&out, "| `%s`%s | %s |\n", strings.ReplaceAll(row.form(v), "|", `\|`), mark, v.say("act."+row.name, nil))
	}
	return out.String()
}

// How an act goes on is offered where it can be listed, and always how it is typed.
func TestCompleteActs(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		for typed, want := range map[string][]string{
			"":                     {"grant", "limit", "tier"},
			"gr":                   {"grant"},
			"nonsense":             {"grant", "limit"},
			"limit ":               {"limit everybody", "limit total", "limit tier:vip"},
			"limit tier":           {"limit tier:vip"},
			"tier telegram:1 ":     {"tier telegram:1 vip", "tier telegram:1 none"},
			"reset p":              {"reset policy"},
			"limit total ":         {"limit total 50"},
			"models ":              {"models off", "models on"},
			"models off flux":      {"models off flux"},
			"default ":             {"default image", "default video"},
			"default image seedr":  {"default image seedream"},
			"prompts re":           {"prompts remove"},
			"help unb":             {"help unblock"},
			"grant telegram:1 50 ": {"grant telegram:1 50 "},
			"grant telegram:1":     {"grant telegram:1"},
			"keys ":                {"keys "},
		} {
			found := w.bot.Complete(t.Context(), "admin", "do", typed, nil, "en")
			if len(found) < len(want) || len(found) > maxSuggestions {
				t.Errorf("%q: %+v", typed, found)
				continue
			}
			for i, insert := range want {
				if got := found[i]; !strings.HasPrefix(got.Insert, insert) || got.Detail == "" {
					t.Errorf("%q: %+v, want %q", typed, got, insert)
				}
			}
		}
	})
}

// News go to the chats that asked for them, with all their lines.
func TestBroadcast(t *testing.T) {
	governed(t, func(t *testing.T, w *world) {
		must(t, w.engine.SetNews(t.Context(), w.there(ada, "en", "").Origin, true))
		reply := w.bot.Admin(t.Context(), Operator{By: core.CommandLine, Locale: "en"}, "broadcast A new model:\n  --model veo3")
		wantText(t, reply.Text, "This goes to 1 chat.")
		audits, err := w.engine.Audits(t.Context(), 0, 1)
		must(t, err)
		if audits[0].Action != "broadcast" || audits[0].Detail != "A new model:\n  --model veo3" {
			t.Errorf("%+v", audits)
		}
	})
}

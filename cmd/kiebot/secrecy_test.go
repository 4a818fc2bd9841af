package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/bots/web/console"
	"kiebot/kie/kietest"
)

// private are words that people say, and how they and their places are called,
// each so that it is found wherever it is.
var private = []string{
	"xylograph", "marmalade", "quicksilver", "Zebulon", "Quagmire", "zebulon_q", "Wombatparlour", "Ermintrude", "Okapihouse", "gherkin-room", "holiday-of-mine",
}

// secrecy is a kiebot with every secret set, at its most talkative, and people
// on both platforms.
type secrecy struct {
	*process
	ann     *telegramtest.Person
	group   *telegramtest.Chat
	eve     discordtest.Speaker
	server  *telegramtest.Server
	secrets []string
}

const (
	hmacKey  = "hmac-key-thimblerig"
	hookWord = "hook-word-thimblerig"
	password = "password-thimblerig"
	wrongOne = "guess-at-the-password"
)

func newSecrecy(t *testing.T) *secrecy {
	t.Helper()
	telegram := telegramtest.NewServer(telegramtest.Config{})
	t.Cleanup(telegram.Close)
	discord := discordtest.NewServer(discordtest.Config{})
	t.Cleanup(discord.Close)
	kie := signingKie(t, hmacKey)
	p := launch(t, kie, "KIE_UPLOAD_URL="+kie.URL(), "KIE_WEBHOOK_KEY="+hmacKey, "CONSOLE_PASSWORD="+password, "TELEGRAM_WEBHOOK_SECRET="+hookWord,
		"TELEGRAM_TOKEN="+telegram.Token(), "TELEGRAM_API_URL="+telegram.URL(), "DISCORD_TOKEN="+discord.Token(), "DISCORD_API_URL="+discord.URL(),
		"ALLOW=everyone", "CONFIRM_ABOVE=off", "MAX_ACTIVE_PER_USER=unlimited", "QUOTA_USER_DAILY=unlimited", "LOG_LEVEL=debug", "LOG_FORMAT=json")
	p.stop() // now the port is known
	p.env = append(p.env, "TELEGRAM_MODE=webhook")
	p.start()
	eventually(t, "kiebot is ready", func() bool { return p.ready() && len(discord.Commands("")) > 0 })
	ann := telegram.Person("Zebulon", telegramtest.LastName("Quagmire"), telegramtest.Username("zebulon_q"))
	eve := discord.Person("Ermintrude")
	w := &secrecy{process: p, ann: ann, group: telegram.Group("Wombatparlour", ann), server: telegram,
		eve: discord.Guild("Okapihouse", eve).Channel("gherkin-room").As(eve)}
	_, telegramSecret, _ := strings.Cut(telegram.Token(), ":")
	_, discordSecret, _ := strings.Cut(discord.Token(), ".")
	w.secrets = []string{kie.Key(), hmacKey, hookWord, password, wrongOne, telegramSecret, discordSecret, "aW50ZXJhY3Rpb246"} // the last begins the token of every interaction
	return w
}

// live lets people do what goes well and what does not.
func (w *secrecy) live() {
	w.t.Helper()
	w.group.As(w.ann).Types("/imagine a xylograph of marmalade --no quicksilver")
	w.group.Until(w.t, isKind("photo"))
	lift := w.server.Fault(telegramtest.Fault{Method: "sendPhoto", Status: 400, Text: "Bad Request: IMAGE_PROCESS_FAILED"})
	defer lift()
	w.ann.Private().As(w.ann).Types("/imagine marmalade --colour quicksilver")
	w.ann.Private().As(w.ann).Sends(telegramtest.Document("holiday-of-mine.jpg", jpegOf(w.t, 64, 64)), "/edit more marmalade")
	w.ann.Until(w.t, isKind("document"))
	for n, fault := range []kietest.Fault{
		kietest.Answer(422, "the prompt 'a xylograph of marmalade' is refused"),
		kietest.Fail("501", "no xylograph of marmalade can be made"),
		kietest.HTML(403),
		kietest.CallbackForgedSignature(), // which is logged
	} {
		w.kie.NextCreate(fault)
		w.eve.Types("/imagine", discordtest.Set("prompt", fmt.Sprintf("marmalade number %d", n)))
	}
	eventually(w.t, "Kie was asked for all", func() bool { return len(w.kie.Creates()) == 6 })
	w.eve.Types("/imagine", discordtest.Set("prompt", "a xylograph of marmalade"))
	w.eve.Until(w.t, result(1, "marmalade"))
}

// What people say and what they are called, tokens, keys and passwords are on no
// page for monitors and in no line of the log, in good times and bad. What is
// logged of a task has its id.
func TestNothingPrivateIsTold(t *testing.T) {
	t.Parallel()
	w := newSecrecy(t)
	w.live()
	enter(t, visitor(t), w.base+console.Path+"/enter?key="+wrongOne)
	w.send(t.Context(), http.MethodPost, "/hooks/telegram", `{"message":{"text":"marmalade"`, http.Header{"X-Telegram-Bot-Api-Secret-Token": {hookWord}})
	out, _, _ := w.kiebot("console")
	_, invitation, _ := strings.Cut(strings.TrimSpace(out), "key=")
	w.secrets = append(w.secrets, invitation, w.access)
	for _, task := range w.kie.Tasks() {
		w.secrets = append(w.secrets, task.CallbackURL[strings.LastIndex(task.CallbackURL, "/")+1:])
	}
	told := map[string]string{"/metrics": w.exported(), "/readyz": page(t)(w.client.Get(w.base + "/readyz")), "/healthz": page(t)(w.client.Get(w.base + "/healthz"))}
	w.stop()
	told["the log"] = w.log.String()
	for where, text := range told {
		for _, word := range slices.Concat(w.secrets, private) {
			if word == "" {
				t.Error("a word to look for is empty")
			} else if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				t.Errorf("%s has %q:\n%s", where, word, linesWith(text, word))
			}
		}
	}
	for _, what := range []string{`"task"`, "failed to get into the console", "a callback that no webhook key verifies"} {
		if !strings.Contains(told["the log"], what) {
			t.Errorf("the log says nothing of %s", what)
		}
	}
	for _, what := range []string{`platform="telegram",outcome="ok"`, `platform="telegram",outcome="refused"`, `platform="discord",outcome="ok"`} {
		if !strings.Contains(told["/metrics"], "kiebot_platform_calls_total{"+what+"} ") {
			t.Errorf("no calls to a platform are counted with %s", what)
		}
	}
	for line := range strings.Lines(told["the log"]) {
		if strings.Contains(line, `"kie call"`) && !strings.Contains(line, `"op":"read credits"`) && !strings.Contains(line, `"task":"`) {
			t.Errorf("a call for a task does not say for which: %s", line)
		}
	}
}

// linesWith are the lines that have the word.
func linesWith(text, word string) string {
	var all []string
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(word)) {
			all = append(all, fmt.Sprintf("%.600s", line))
		}
	}
	return strings.Join(all, "")
}

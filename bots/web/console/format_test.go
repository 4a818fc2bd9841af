package console

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/kie/catalog"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	english, russian := newWorld(t, nil).console, newWorld(t, func(c *Config) { c.Locale = "ru" }).console
	for amount, want := range map[core.Credits][2]string{
		0: {"0", "0"}, 800: {"0.8", "0,8"}, 1_234_500: {"1,234.5", "1 234,5"}, -12_000: {"−12", "−12"},
		999_000: {"999", "999"}, 1_000_000_000_125: {"1,000,000,000.125", "1 000 000 000,125"},
	} {
		if got := [2]string{english.credits(amount), russian.credits(amount)}; got != want {
			t.Errorf("%d thousandths are %q, want %q", amount, got, want)
		}
	}
	if got := english.limit(core.Unlimited); got != "unlimited" {
		t.Errorf("no limit is %q", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	c := newWorld(t, nil).console
	now := time.Now()
	c.cfg.Now = func() time.Time { return now }
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1 min ago", 119 * time.Minute: "1 h ago", 50 * time.Hour: "2 d ago",
	} {
		if got := c.ago(now.Add(-d)); got != want {
			t.Errorf("%s ago is %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 42 * time.Second: "0:42", 3723 * time.Second: "1:02:03", -time.Second: "0:00"} {
		if got := c.lasted(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "abc": "abc", "a\n b\tc": "a b…", "abcd": "abc…", "👩‍🚀👩‍🚀👩‍🚀👩‍🚀": "👩‍🚀👩‍🚀👩‍🚀…", "éa": "éa",
	} {
		if got := cut(3, text); got != want {
			t.Errorf("%q is cut to %q, want %q", text, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"telegram:123": Path + "/accounts/telegram:123", "web:local": Path + "/accounts/web:local", "01jdzqz8k4abcdefgh": Path + "/tasks/01jdzqz8k4abcdefgh",
		"telegram:-100123": "", "telegram:chat:-5": "", "discord:guild:4": "", "tier:gold": "", "everybody": "", "": "", "web:../../x": "",
	} {
		if got := targetOf(target); got != want {
			t.Errorf("%q is at %q, want %q", target, got, want)
		}
	}
}

// words reads one language.
func words(t *testing.T, name string) map[string]string {
	t.Helper()
	data, err := embedded.ReadFile("texts/" + name)
	must(t, err)
	var all map[string]string
	must(t, json.Unmarshal(data, &all))
	return all
}

// used finds the keys in the pages and in the code: whole ones, and the
// beginnings of those that end with a value.
func used(t *testing.T) (whole, beginnings map[string]bool) {
	t.Helper()
	whole, beginnings = map[string]bool{}, map[string]bool{}
	read := func(files fs.FS, pattern string) {
		names, err := fs.Glob(files, pattern)
		must(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := fs.ReadFile(files, name)
			must(t, err)
			for _, found := range regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)*)(\.%s)?"`).FindAllStringSubmatch(string(text), -1) {
				if found[2] == "" {
					whole[found[1]] = true
				} else {
					beginnings[found[1]+"."] = true
				}
			}
		}
	}
	read(embedded, "templates/*.html")
	read(embedded, "templates/shared/*.html")
	read(os.DirFS("."), "*.go")
	return whole, beginnings
}

// Every text is there in every language, is used, and keeps its placeholders.
func TestTextsAreComplete(t *testing.T) {
	t.Parallel()
	english := words(t, "en.json")
	whole, beginnings := used(t)
	for key := range english {
		began := slices.ContainsFunc(slices.Collect(maps.Keys(beginnings)), func(b string) bool { return strings.HasPrefix(key, b) })
		place := strings.HasSuffix(key, ".title") && whole[strings.TrimSuffix(key, ".title")]
		if !whole[key] && !began && !place {
			t.Errorf("nothing uses %q", key)
		}
	}
	placeholders := regexp.MustCompile(`\{[A-Za-z]+\}`)
	for _, language := range bots.Languages() {
		theirs := words(t, language+".json")
		for key, text := range english {
			got, ok := theirs[key]
			if !ok || strings.TrimSpace(got) == "" && key != "number.group" {
				t.Errorf("%s lacks %q", language, key)
				continue
			}
			a, b := placeholders.FindAllString(text, -1), placeholders.FindAllString(got, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %q has the placeholders %v, want %v", language, key, b, a)
			}
		}
		for key := range theirs {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %q, which English has not", language, key)
			}
		}
	}
}

// What the pages make of values of the domain has words for each of them.
func TestTextsForEveryValue(t *testing.T) {
	t.Parallel()
	english := words(t, "en.json")
	keys := map[string]bool{}
	add := func(beginning, value string) { keys[beginning+value] = true }
	for _, kind := range catalog.Kinds() {
		add("kind.", string(kind))
	}
	for _, reason := range []core.Reason{core.FailNoCredits, core.FailKey, core.FailAway, core.FailUpkeep, core.WaitBusy} {
		add("parked.", string(reason))
	}
	for _, state := range core.States() {
		add("state.", string(state))
	}
	for _, moment := range []core.MomentKind{
		core.MomentAccepted, core.MomentSent, core.MomentTaken, core.MomentOverdue, core.MomentEmpty, core.MomentShown,
		core.MomentUndelivered, core.MomentActed, core.MomentWaits,
	} {
		add("moment.", string(moment))
	}
	for _, delivery := range []core.DeliveryKind{core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal, core.DeliverLate, core.DeliverShow} {
		add("delivery.", string(delivery))
	}
	for _, entry := range []core.EntryKind{
		core.EntryHold, core.EntrySettle, core.EntryRefund, core.EntryGrant, core.EntryBuy, core.EntryPayback, core.EntryAdjust,
		core.EntryMerge, core.EntryCarry, core.EntryLoss,
	} {
		add("entry.", string(entry))
	}
	for _, window := range []core.WindowKind{
		core.WindowDay, core.WindowMonth, core.WindowOfKind, core.WindowOfModel, core.WindowMember, core.WindowChat, core.WindowChatMonth,
		core.WindowPlace, core.WindowPlaceMonth, core.WindowTotal, core.WindowGranted, core.WindowLoss,
	} {
		add("counts.", string(window))
	}
	for key := range keys {
		if english[key] == "" {
			t.Errorf("no words for %s", key)
		}
	}
}

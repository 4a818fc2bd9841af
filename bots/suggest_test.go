package bots

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kiebot/core"
	"kiebot/kie/catalog"
)

func labels(found []Suggestion) string {
	var all []string
	for _, s := range found {
		all = append(all, s.Label)
	}
	return strings.Join(all, " ")
}

// quietBot can do everything that needs no engine.
func quietBot(t testing.TB) *Bot {
	t.Helper()
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	texts, err := readTexts("")
	if err != nil {
		t.Fatal(err)
	}
	return &Bot{pace: newPace(-1), catalog: offered{models, new(core.Engine)}, texts: texts, now: noon.Local, location: noon.Location()}
}

func TestSuggest(t *testing.T) {
	b := quietBot(t)
	for _, test := range []struct {
		text   string
		labels string // all of them, or those it begins with before a "…"
		insert string // the first one's
	}{
		{"/", "/imagine /video /edit /upscale /animate /music /speak /generate /models /balance /queue /history /show /cancel /settings /link /privacy /help", "/imagine "},
		{"/im", "/imagine /animate", "/imagine "},
		{"  /im", "/imagine /animate", "/imagine "},
		{"/IMAGE", "/imagine /animate", "/imagine "},
		{"/viedo", "/video", "/video "},
		{"/start", "/help", "/help "},
		{"/imagine ", "--model --ar --n --seed --no --image --set --spoiler --private --menu", "/imagine --model "},
		{"/imagine a cat ", "--model --ar --n --seed --no --image --set --spoiler --private --menu", "/imagine a cat --model "},
		{"/imagine a cat --ar 16:9 ", "--model --n --seed --no --image --set --spoiler --private --menu", "/imagine a cat --ar 16:9 --model "},
		{"/imagine a cat -", "--model --ar --n --seed --no --image --set --spoiler --private --menu", "/imagine a cat --model "},
		{"/imagine a cat --", "--model --ar --n --seed --no --image --set --spoiler --private --menu", "/imagine a cat --model "},
		{"/imagine a cat —", "--model --ar --n --seed --no --image --set --spoiler --private --menu", "/imagine a cat --model "},
		{"/imagine a cat --s", "--seed --set --spoiler", "/imagine a cat --seed "},
		{"/imagine a cat —as", "--ar", "/imagine a cat --ar "},
		{"/imagine a cat --modle", "--model", "/imagine a cat --model "},
		{"a cat --se", "--seed --set", "a cat --seed "},
		{"/imagine a cat --model flux ", "--ar --res --n --image --set --spoiler --private --menu", "/imagine a cat --model flux --ar "},
		{"/speak hi ", "--model --voice --n --set --spoiler --private --menu", "/speak hi --model "},

		{"/imagine a cat --model flux --image x ", "--ar --res --n --image2 --set --spoiler --private --menu", "/imagine a cat --model flux --image x --ar "},
		{"/imagine a cat --model z-image --im", "", ""},
		{"/video a cat --model kling/v2-1-master --first x ", "--dur --n --no --image --set --spoiler --private --menu", ""},
		{"/generate ", "--model", "/generate --model "},
		{"/generate a cat --model suno ", "--dur --n --image --first --video --audio --set --spoiler --private --menu", ""},
		{"/generate --model suno --set ", "style= title= …", "/generate --model suno --set style="},
		{"/generate --model suno --set lyr", "lyrics=", "/generate --model suno --set lyrics="},
		{"/generate --model suno --set instrumental=", "true false", "/generate --model suno --set instrumental=true "},
		{"/generate --model suno --set instrumental=t", "true", "/generate --model suno --set instrumental=true "},
		{"/generate --model midjourney", "", ""},
		{"/imagine a cat --image x --m", "--model --mask --menu", ""},

		{"/imagine a cat --model ", "imagen-fast imagen …", "/imagine a cat --model imagen-fast "},
		{"/imagine a cat --model=", "imagen-fast imagen …", "/imagine a cat --model=imagen-fast "},
		{"/imagine a cat -m flux", "flux flux-2/flex kontext", "/imagine a cat -m flux "},
		{"/imagine --model imagne", "imagen …", "/imagine --model imagen "},
		{"/imagine --model pro", "…", ""},
		{"/imagine --model kling", "", ""},
		{"/video waves --model kli", "kling …", "/video waves --model kling "},
		{"/imagine a cat --ar ", "1:1 …", "/imagine a cat --ar 1:1 "},
		{"/imagine a cat --ar 16", "16:9", "/imagine a cat --ar 16:9 "},
		{"/imagine a cat --model flux --res ", "1K 2K", "/imagine a cat --model flux --res 1K "},
		{"/imagine a cat --n ", "1 2 3 4 5 6 7 8 9 10", "/imagine a cat --n 1 "},
		{"/imagine a cat --model seedream-v4 --n ", "1 2 3 4 5 6", "/imagine a cat --model seedream-v4 --n 1 "},
		{"/video waves --dur ", "5 10", "/video waves --dur 5 "},
		{"/video waves --model seedance --dur 1", "10 11 12", "/video waves --model seedance --dur 10 "},
		{"/speak hi --voice ra", "Rachel", "/speak hi --voice Rachel "},
		{"/imagine a cat --seed ", "", ""},
		{"/imagine a cat --no te", "", ""},
		{"/imagine a cat --ar zzz", "", ""},
		{"/imagine a cat --dur ", "", ""},

		{"/models ", "image video music speech …", "/models image"},
		{"/models vi", "video …", "/models video"},
		{"/models flux", "flux …", "/models flux "},
		{"/help ", "imagine video edit upscale animate music speak generate models balance queue history show cancel settings link privacy help", "/help imagine "},
		{"/help /vi", "video", "/help video "},
		{"/help imagine ", "", ""},

		{"", "", ""}, {"a cat", "", ""}, {"a cat ", "", ""}, {"/imagine a cat", "", ""}, {"/balance ", "", ""},
		{"/nonsense ", "", ""}, {"/zzzz", "", ""}, {"/imagine a cat -- ", "", ""}, {"/imagine a -- b --ar ", "", ""},
	} {
		t.Run(test.text, func(t *testing.T) {
			found := b.Suggest(test.text, "en")
			got := labels(found)
			if begins, open := strings.CutSuffix(test.labels, "…"); open && (!strings.HasPrefix(got, begins) || got == "") || !open && got != test.labels {
				t.Errorf("offered %q, want %q", got, test.labels)
			}
			if test.insert != "" && (len(found) == 0 || found[0].Insert != test.insert) {
				t.Errorf("inserted %+v, want %q", found, test.insert)
			}
		})
	}
}

func TestSuggestionsSayWhatTheyCost(t *testing.T) {
	b := quietBot(t)
	first := b.Suggest("/imagine a cat --model ", "en")[0]
	if want := "Google Imagen 4 Fast · 4 credits · default"; first.Detail != want {
		t.Errorf("%q, want %q", first.Detail, want)
	}
	if russian := b.Suggest("/speak привет --model ", "ru")[0]; !strings.Contains(russian.Detail, "6 кредитов за 1000 символов") {
		t.Errorf("%q", russian.Detail)
	}
	for _, s := range b.Suggest("/imagine a cat ", "ru") {
		if s.Detail == "" || s.Detail == b.Suggest("/imagine a cat ", "en")[0].Detail {
			t.Errorf("%+v is not Russian", s)
		}
	}
}

// Whatever is chosen is understood by the parser, so that one can go on.
func TestSuggestionsAreUnderstood(t *testing.T) {
	b := quietBot(t)
	for _, text := range []string{
		"/imagine a cat --model ", "/imagine a cat --ar ", "/video waves --model ", "/video waves --res ",
		"/speak hi --voice ", "/imagine a cat —model=", "/speak hi --model elevenlabs-multilingual --voice ",
	} {
		found := b.Suggest(text, "en")
		if len(found) == 0 || len(found) > maxSuggestions {
			t.Errorf("%q: %d suggestions", text, len(found))
		}
		for _, s := range found {
			c := parse(s.Insert)
			if len(c.problems) > 0 || !slices.Contains([]string{"a cat", "waves", "hi"}, c.prompt) {
				t.Errorf("%q is %q with problems %q", s.Insert, c.prompt, faults(c))
			}
		}
	}
}

func FuzzSuggest(f *testing.F) {
	for _, seed := range []string{"/im", "/imagine a cat --", "a —", "/imagine --model \"fl", "/video x --ar=1", "/models \u00a0", "/help /", "\xff\u2014", "/imagine --voice --n ", "/speak \"", ""} {
		f.Add(seed, "en")
	}
	f.Add("/imagine ", "ru-\x00")
	b := quietBot(f)
	f.Fuzz(func(t *testing.T, text, locale string) {
		found := b.Suggest(text, locale)
		if len(found) > maxSuggestions {
			t.Errorf("%d suggestions", len(found))
		}
		for _, s := range found {
			if s.Label == "" || !utf8.ValidString(s.Insert) || !strings.Contains(s.Insert, strings.TrimSpace(s.Label)) {
				t.Errorf("%q: %+v", text, s)
			}
		}
	})
}

func BenchmarkSuggest(b *testing.B) {
	bot := quietBot(b)
	for name, text := range map[string]string{
		"command": "/im", "flag": "/imagine a cat astronaut in a garden --", "model": "/imagine a cat astronaut --model ",
		"near model": "/imagine a cat astronaut --model imagne", "value": "/speak hello --model elevenlabs-multilingual --voice ",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				bot.Suggest(text, "ru")
			}
		})
	}
}

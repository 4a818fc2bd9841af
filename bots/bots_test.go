package bots

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func TestPromptGoesInPictureComesOut(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		lead := w.accepted("/imagine a cat astronaut --ar 16:9 --model imagen4 --seed 7")
		m := w.untilEnd(lead)
		if m.State != core.Succeeded || m.Prompt != "a cat astronaut" || m.Name != "ada" {
			t.Errorf("%+v", m)
		}
		if len(m.Media) != 1 || m.Media[0].Kind != media.Image || m.Media[0].File == nil || m.Media[0].URL != "" {
			t.Errorf("media %+v", m.Media)
		}
		want := "Google Imagen 4 · 16:9 · seed 7 · 8 credits · 92 left today · job " + lead.Short()
		if m.Details != want {
			t.Errorf("details %q, want %q", m.Details, want)
		}
		if w.log[0].Kind != core.DeliverAccepted || w.log[0].State.Final() || w.log[0].Status == "" {
			t.Errorf("first shown %+v", w.log[0])
		}
		if got := w.kie.Tasks(); len(got) != 1 || got[0].Input["aspect_ratio"] != "16:9" || got[0].Input["prompt"] != "a cat astronaut" {
			t.Errorf("Kie got %+v", got)
		}
	})
}

func TestVideoAndSpeechComeOut(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		for text, kind := range map[string]media.Kind{"/video waves --dur 5": media.Video, "/speak hello": media.Audio} {
			m := w.untilEnd(w.accepted(text))
			if len(m.Media) != 1 || m.Media[0].Kind != kind {
				t.Errorf("%s: %+v", text, m)
			}
		}
	})
}

func TestCountGoesWhereItBelongs(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		two := w.types(ada, "a cat --n 2")
		if len(two.Accepted) != 2 {
			t.Fatalf("%+v, want two tasks", two)
		}
		if m := w.untilEnd(two.Accepted[0]); len(m.Media) != 2 {
			t.Errorf("%d outputs, want 2", len(m.Media))
		}
		one := w.types(ada, "a cat --n 2 --model seedream-v4")
		if len(one.Accepted) != 1 {
			t.Fatalf("%+v, want one task: the model counts by itself", one)
		}
		if m := w.untilEnd(one.Accepted[0]); len(m.Media) != 2 {
			t.Errorf("%d outputs, want 2", len(m.Media))
		}
	})
}

func TestRefusalsSayWhatWouldBeRight(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		text string
		want []string
	}{
		{"/imagine", []string{"/imagine a cat astronaut"}},
		{"/imagine a cat --arr 16:9", []string{"no option --arr", "Did you mean --ar?", "--model, --ar, --res, --n, --seed, --no"}},
		{"/imagine a cat --ar 1:1 --ar 16:9", []string{"--ar is there twice"}},
		{"/imagine a cat --ar", []string{"--ar needs a value", "--ar 16:9"}},
		{"/imagine a cat --ar 7:3", []string{"--ar cannot be “7:3”", "16:9"}},
		{"/imagine a cat --dur 5", []string{"/imagine does not take --dur"}},
		{"/imagine a cat --n 99", []string{"--n must be a whole number from 1 to 10, not “99”"}},
		{"/imagine a cat --n two", []string{"not “two”"}},
		{"/imagine a cat --n 9 --model seedream-v4", []string{"--n must be from 1 to 6, not 9"}},
		{"/imagine a cat --model imagen5", []string{"no model “imagen5”", "imagen4", "/models"}},
		{"/imagine a cat --model zzzzzzzz", []string{"no model “zzzzzzzz”. /models"}},
		{"/imagine a cat --model veo --model kling", []string{"twice"}},
		{"/imagine a cat --model kling", []string{"Kling", "makes videos", "/video"}},
		{"/imagine a cat --seed x", []string{"--seed must be a whole number, not “x”"}},
		{"/imagine a cat\ndogs\n--model seedream", []string{"Seedream 4.5 does not have --no", "A second line counts as --no"}},
		{"/imagine " + strings.Repeat("cat ", 5000), []string{"The prompt has 19999 characters", "at most"}},
		{"/speak hi --voice Nobody", []string{"--voice cannot be “Nobody”", "Rachel", "more, see /models elevenlabs/text-to-speech-turbo-2-5"}},
		{"/imagin a cat", []string{"no command /imagin", "Did you mean /imagine?", "/help"}},
		{"/models nothing-like-it", []string{"no model"}},
		{"/help nothing", []string{"no command /nothing"}},
		{"/balance --seed 7", []string{"/balance takes no options"}},
		{"/cancel 00000000", []string{"no such job"}},
		{"/imagine --ar --seed x --n 0 --arr --model zzzzzzzz", []string{"5 things", "Say what you want", "--ar needs", "no option --arr", "no model", "--n must be"}},
	} {
		reply := w.types(ada, test.text)
		if !reply.Refused || len(reply.Accepted) > 0 {
			t.Errorf("%s: %+v, want it refused", shorten(test.text, 60), reply)
		}
		wantText(t, reply.Text, append(test.want, "Nothing was charged.")...)
		if len(reply.Text) > 1000 {
			t.Errorf("%s: the answer has %d bytes", shorten(test.text, 60), len(reply.Text))
		}
	}
}

func TestQuotaRefusalSaysWhatIsLeftAndWhen(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = 10_000 }, func(t *testing.T, w *world) {
		w.untilEnd(w.accepted("a cat --model imagen4"))
		reply := w.types(ada, "another --model imagen4")
		wantText(t, reply.Text, "This needs 8 credits, but of your credits for a day only 2 are left (10 credits in all).", "at 00:00 (in 24 hours)", "Nothing was charged.")
		wantText(t, w.types(ada, "a cat --n 3 --model imagen4").Text, "24 credits", "your credits for a day are never more than 10 credits", "--n")
	})
	w := newWorld(t, func(c *core.Config) { c.UserDaily = 0 })
	wantText(t, w.types(ada, "a cat").Text, "your credits for a day are 0 credits", "Nothing was charged.")
}

func TestBalanceHistoryAndCancel(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		wantText(t, w.types(ada, "/history").Text, "not made anything yet")
		wantText(t, w.types(ada, "/balance").Text, "Limits: 100 credits a day.", "Used today: 0 credits.", "Left today: 100 of 100 credits.", "00:00 (in 24 hours)", "Running: 0. Waiting: 0.")
		wantText(t, w.types(ada, "/cancel").Text, "nothing to cancel")
		lead := w.accepted("a cat --model imagen4")
		w.untilEnd(lead)

		w.kie.SetBalance(0) // what comes now has to wait
		waits := w.accepted("a dog --model imagen4")
		paused := w.until(waits, "why it waits", func(m Message) bool { return len(m.Notes) > 0 })
		wantText(t, paused.Notes[0], "Kie account has no credits left", "by 01:0", "credits back")
		wantText(t, w.types(ada, "/balance").Text, "Used today: 8 credits.", "under way: 8 credits.", "Left today: 84 of 100", "Running: 0. Waiting: 1.")

		list := w.types(ada, "/history")
		if len(list.Items) != 2 || list.Items[0].Task != waits || list.Items[1].Title != "a cat" || list.Items[1].State != core.Succeeded {
			t.Fatalf("history %+v", list)
		}
		wantText(t, list.Items[0].Detail, "waiting", "up to 8 credits", "job "+waits.Short())
		wantText(t, list.Items[1].Detail, "done", "Google Imagen 4", "8 credits", "just now")

		reply := w.types(ada, "/cancel")
		wantText(t, reply.Text, "Canceled. Nothing was charged.")
		if len(reply.Buttons) != 2 || reply.Buttons[0].Data != "1:again:"+string(waits) {
			t.Errorf("buttons %+v", reply.Buttons)
		}
		if m := w.untilEnd(waits); m.State != core.Canceled || m.Status != "Canceled. Nothing was charged." {
			t.Errorf("%+v", m)
		}
		wantText(t, w.types(ada, "/cancel "+waits.Short()).Text, "over already")
		wantText(t, w.types(bob, "/cancel #"+strings.ToUpper(waits.Short())).Text, "somebody else’s", "Nothing was charged.")
	})
}

func TestRunningCannotBeCanceled(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		lead := w.accepted("a cat --model imagen4")
		m := w.until(lead, "running", func(m Message) bool { return m.State == core.Running })
		if m.Started.IsZero() || len(m.Buttons) != 0 {
			t.Errorf("%+v", m)
		}
		wantText(t, m.Status, "generating · 0:0")
		reply := w.types(ada, "/cancel")
		if !reply.Refused {
			t.Errorf("%+v", reply)
		}
		wantText(t, reply.Text, "cannot be stopped", "at most 8 credits")
		long := w.until(lead, "that it takes long", func(m Message) bool { return len(m.Notes) > 0 })
		wantText(t, long.Notes[0], "longer than usual")
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilEnd(lead)
	})
}

// A batch is canceled as a whole, as far as it still waits.
func TestCancelBatch(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		reply := w.types(ada, "a cat --n 3")
		m := w.until(reply.Accepted[0], "the queue", func(m Message) bool { return len(m.Buttons) == 1 })
		wantText(t, w.presses(ada, m.Buttons[0]).Text, "Canceled. Nothing was charged.")
		if end := w.untilEnd(reply.Accepted[0]); end.State != core.Canceled || len(end.Media) != 0 {
			t.Errorf("%+v", end)
		}
	})
}

func TestPress(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("a cat --model imagen4 --seed 7"))
		again := m.Buttons[0]
		if buttonLabels(m) != "Again, Edit prompt, Upscale, Animate, Original, Info, Delete" || len(again.Data) > 64 {
			t.Fatalf("buttons %+v", m.Buttons)
		}
		if reply := w.presses(bob, again); !reply.Refused || len(reply.Accepted) > 0 {
			t.Errorf("somebody else: %+v", reply)
		} else {
			wantText(t, reply.Text, "somebody else’s", "Nothing was charged.")
		}
		reply := w.presses(ada, again)
		if len(reply.Accepted) != 1 || reply.Text != "" {
			t.Fatalf("again: %+v", reply)
		}
		if second := w.untilEnd(reply.Accepted[0]); second.Prompt != "a cat" || strings.Contains(second.Details, "seed") {
			t.Errorf("again gave %+v", second)
		}
		for _, data := range []string{"", ":", "1", "1:again", "1:again:", "1:again:x", "2:again:" + m.ID, "1:fly:" + m.ID, strings.Repeat("1:", 99), "\xff"} {
			reply := w.presses(ada, Button{Data: data})
			if !reply.Refused {
				t.Errorf("%q: %+v", data, reply)
			}
			wantText(t, reply.Text, "another version", "Nothing was charged.")
		}
		wantText(t, w.presses(ada, Button{Data: "1:again:" + strings.Repeat("0", len(m.ID))}).Text, "no such job")
	})
}

func TestFailuresSayThatNothingWasCharged(t *testing.T) {
	for name, test := range map[string]struct {
		fault kietest.Fault
		want  []string
	}{
		"refused": {kietest.Answer(400, "Your prompt was flagged."), []string{"Kie refused", "“Your prompt was flagged.”"}},
		"failed":  {kietest.Fail("501", "The model gave up."), []string{"Kie tried and failed", "“The model gave up.”"}},
		"down":    {kietest.HTML(502), []string{"connection to Kie broke", "no sign"}},
		"empty":   {kietest.EmptyResult(1000), []string{"nothing in the result"}},
		"stuck":   {kietest.Stick(), []string{"did not finish in time"}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(test.fault)
				m := w.untilEnd(w.accepted("a cat"))
				wantText(t, m.Status, append(test.want, "Nothing was charged.")...)
				if m.State != core.Failed && m.State != core.Expired || len(m.Media) > 0 || strings.Contains(m.Details, "credit") {
					t.Errorf("%+v", m)
				}
				if buttonLabels(m) != "Try again, Edit prompt" {
					t.Errorf("buttons %+v", m.Buttons)
				}
				if name == "down" {
					w.wantNotice(core.TaskID(m.ID))
				}
			})
		})
	}
}

// wantNotice checks that the person heard of the unresolved task before its end.
func (w *world) wantNotice(lead core.TaskID) {
	w.t.Helper()
	for _, m := range w.log {
		if m.ID == string(lead) && m.Kind == core.DeliverNotice {
			if m.State != core.Unresolved {
				w.t.Errorf("%+v", m)
			}
			wantText(w.t, strings.Join(m.Notes, "\n"), "not known whether Kie has it", "within 1 minute,", "credits back")
			return
		}
	}
	w.t.Error("the person was not told that the task is unresolved")
}

func TestPartOfABatchFails(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Fail("501", "No."))
		w.kie.NextCreate(kietest.Fail("501", "No."))
		reply := w.types(ada, "a cat --n 4 --model imagen4")
		m := w.untilEnd(reply.Accepted[0])
		if m.State != core.Succeeded || len(m.Media) != 2 || len(m.Notes) != 1 {
			t.Fatalf("%+v", m)
		}
		wantText(t, m.Status, "2 of 4 done")
		wantText(t, m.Notes[0], "2 of 4 did not come and cost nothing.", "Kie tried and failed.", "“No.”")
		wantText(t, m.Details, "16 credits", "84 left today")
	})
}

func TestLinkWhenTheFileCannotBeFetched(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.FilesGone())
		m := w.untilEnd(w.accepted("a cat"))
		if len(m.Media) != 1 || m.Media[0].File != nil || !strings.HasPrefix(m.Media[0].URL, "http") {
			t.Fatalf("%+v", m.Media)
		}
		wantText(t, m.Notes[0], "Kie’s own link", "after Jan 2, 00:0", "after Jan 15, 00:0")
	})
}

func TestModelsAndHelp(t *testing.T) {
	w := newWorld(t, nil)
	all := w.types(ada, "/models")
	if len(all.Items) != len(w.models.Families()) || all.Refused {
		t.Errorf("%d models listed, there are %d families", len(all.Items), len(w.models.Families()))
	}
	for _, item := range all.Items {
		c := parse(item.Insert)
		if m, p := w.bot.chooseModel(c, core.Settings{}); !c.known || p.code != "" || m.ID == "" {
			t.Errorf("%+v stands for no model: %+v", item, p)
		}
	}
	first := all.Items[0]
	wantText(t, first.Detail, "4 credits", "default")
	if first.Group != "Pictures" || parse(first.Insert+"a cat").prompt != "a cat" || len(parse(first.Insert+"a cat").problems) > 0 {
		t.Errorf("%+v", first)
	}
	for _, kind := range []string{"video", "Videos", "VIDEO"} {
		for _, item := range w.types(ada, "/models "+kind).Items {
			if item.Group != "Videos" {
				t.Errorf("/models %s lists %+v", kind, item)
			}
		}
	}
	for _, m := range w.models.All() {
		if m.Status != catalog.Current {
			continue
		}
		card := w.types(ada, "/models "+m.ID)
		if card.Refused || !strings.Contains(card.Text, m.ID) {
			t.Errorf("/models %s: %+v", m.ID, card)
		}
		wantWords(t, card.Text)
		for _, item := range card.Items {
			wantWords(t, item.Detail)
		}
	}
	w.sells()
	welcome := w.types(ada, "/start")
	if len(welcome.Items) != len(commands())-1 { // all but /admin
		t.Errorf("%+v", welcome)
	}
	for _, c := range commands() {
		card := w.types(ada, "/help /"+c.name)
		if card.Refused || len(card.Items) != len(c.takes) {
			t.Errorf("/help %s: %+v", c.name, card)
		}
	}
}

func TestExamplesWork(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	w.sells()
	for _, locale := range []string{"en", "ru"} {
		for _, c := range commands() {
			if c.from != nil || c.name == "show" || c.audience == ForOperators {
				continue // there is no such job: see TestFollowExamples
			}
			text := w.bot.voice(locale).say("example."+c.name, nil)
			reply := w.bot.Command(t.Context(), w.incoming(ada, locale, text))
			if c.name != "cancel" && reply.Refused {
				t.Errorf("%s: %s", text, reply.Text)
			}
		}
	}
	for _, f := range flags {
		if f.option != modelOption && !w.anyTakes(f) {
			t.Errorf("no model takes the sample %s %s", f, f.sample)
		}
	}
}

// anyTakes says whether a model runs with the flag's sample and little else.
func (w *world) anyTakes(f flag) bool {
	image, _ := flagFor(catalog.ImageFile)
	for _, m := range w.models.All() {
		for _, more := range []string{"a cat", "", "a cat " + image.String() + " " + image.sample} {
			if m.Status == catalog.Current && !w.types(ada, "/generate --model "+m.ID+" "+more+" "+f.String()+" "+f.sample).Refused {
				return true
			}
		}
	}
	return false
}

func TestLanguageIsThePersons(t *testing.T) {
	w := newWorld(t, nil)
	for locale, want := range map[string]string{
		"en": "Used today", "en-GB": "Used today", "ru": "потрачено", "ru-RU": "потрачено", "ru_UA": "потрачено", "RU": "потрачено",
		"": "Used today", "de": "Used today", "uk": "Used today", "be-BY": "Used today",
		"not a locale": "Used today", "\xff": "Used today", strings.Repeat("x-", 1000): "Used today",
	} {
		reply := w.bot.Command(t.Context(), w.incoming(ada, locale, "/balance"))
		if !strings.Contains(reply.Text, want) {
			t.Errorf("%q: %q", locale, reply.Text)
		}
	}
	russian, err := New(Config{Engine: w.engine, Catalog: w.models, Locale: "ru"})
	must(t, err)
	if reply := russian.Command(t.Context(), w.incoming(ada, "de", "/balance")); !strings.Contains(reply.Text, "потрачено") {
		t.Errorf("the configured language: %q", reply.Text)
	}
}

func TestNew(t *testing.T) {
	w := newWorld(t, nil)
	for name, cfg := range map[string]Config{
		"engine":                 {Catalog: w.models},
		"Catalog":                {Engine: w.engine},
		`language "fr"`:          {Engine: w.engine, Catalog: w.models, Locale: "fr"},
		`language "nonsense..."`: {Engine: w.engine, Catalog: w.models, Locale: "nonsense..."},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(name)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Whatever the engine says, there is a sentence.
func TestEveryReasonIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	for _, locale := range []string{"en", "ru"} {
		v := w.bot.voice(locale)
		for _, reason := range values(reasons(t)) {
			reply := w.bot.refusal(v, &core.Refusal{Reason: core.Reason(reason), Need: 1500, Left: 500, Limit: 2000, ResetsAt: time.Now().Add(time.Hour)})
			if !strings.HasPrefix(reply.Text, "refused.") { // a Fail… or Wait… is no refusal
				wantWords(t, reply.Text)
			}
		}
		wantWords(t, w.bot.refusal(v, errors.New("anything else")).Text)
	}
	wantText(t, w.bot.refusal(w.bot.voice("en"), errors.New("disk full")).Text, "could not be saved", "/history", "Nothing was charged.")
}

func TestStoppedEngineIsAnswered(t *testing.T) {
	w := newWorld(t, nil)
	lead := w.accepted("a cat")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reply := w.bot.Command(ctx, w.incoming(ada, "en", "a dog"))
	wantText(t, reply.Text, "could not be saved", "Nothing was charged.")
	if m := w.bot.Show(ctx, core.Parcel{Delivery: core.Delivery{Lead: lead}}); m.ID != string(lead) {
		t.Errorf("a parcel without tasks: %+v", m)
	}
}

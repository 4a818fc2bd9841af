package bots

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// labelled finds a button by what its label, or label and value, begins with.
func labelled(t testing.TB, r Reply, label string) Button {
	t.Helper()
	for _, b := range r.Buttons {
		if strings.HasPrefix(b.Label, label) {
			return b
		}
	}
	t.Fatalf("no button %q in\n%s", label, replied(r))
	return Button{}
}

// taps presses buttons one after the other, each on the page that the one
// before brought, with a restart in between.
func (w *world) taps(who core.Identity, r Reply, labels ...string) Reply {
	w.t.Helper()
	for _, label := range labels {
		button := labelled(w.t, r, label)
		w.restart()
		if r = w.presses(who, button); r.Refused {
			w.t.Fatalf("%s: %+v", label, r)
		}
	}
	return r
}

func (w *world) inEnglish(admin bool, text string) Incoming {
	in := w.incoming(ada, "en", text)
	in.Origin.Admin = admin
	return in
}

// wantPage checks what every page of a menu keeps to: a handful of short rows,
// and data that fits everywhere.
func wantPage(t testing.TB, r Reply) {
	t.Helper()
	wantText(t, r.Text)
	rows := map[int]int{}
	for _, b := range r.Buttons {
		rows[b.Row]++
		wantWords(t, b.Label)
		if len(b.Data) == 0 || len(b.Data) > 64 || b.Label == "" || utf8.RuneCountInString(b.Label) > 70 {
			t.Errorf("%d bytes of data, label %q", len(b.Data), b.Label)
		}
	}
	if rows[0] > 0 || len(rows) > pageRows+2 || len(r.Buttons) > 25 || slices.Max(slices.Collect(maps.Values(rows))) > 3 {
		t.Errorf("a page of the rows %v:\n%s", rows, replied(r))
	}
}

// explore presses every button that a menu leads to, once, and gives all data.
func (w *world) explore(who core.Identity, admin bool, start Reply) []string {
	w.t.Helper()
	var seen []string
	pages := []Reply{start}
	for len(pages) > 0 {
		at := pages[0]
		pages = pages[1:]
		wantPage(w.t, at)
		for _, b := range at.Buttons {
			if slices.Contains(seen, b.Data) || strings.Contains(b.Data, ":lang:") {
				continue
			}
			seen = append(seen, b.Data)
			in := w.incoming(who, "ru", "")
			in.Origin.Admin = admin
			r := w.bot.Press(w.t.Context(), in, b.Data)
			if r.Refused || r.Replaces == (r.Ask != "") {
				w.t.Errorf("%s (%s): %+v", b.Label, b.Data, r)
			}
			if r.Replaces {
				pages = append(pages, r)
			}
		}
	}
	return seen
}

// Whatever is pressed in the menus is there, fits, and is answered.
func TestEveryPageOfTheMenus(t *testing.T) {
	w := newWorld(t, nil)
	models := w.explore(ada, false, w.bot.Press(t.Context(), w.inEnglish(false, ""), step{menu: modelsMenu, owner: tagOf(ada)}.data()))
	for _, family := range w.models.Families() {
		for _, id := range family.Models {
			if !slices.ContainsFunc(models, func(data string) bool { return strings.HasSuffix(data, ":model:"+tag(id)) }) {
				t.Errorf("%s cannot be reached", id)
			}
		}
	}
	settings := w.explore(ada, true, w.bot.Command(t.Context(), w.inEnglish(true, "/settings")))
	for _, part := range []string{":settings:", ":chat:", ":above:", ":daily:", ":who:admins", ":spoiler:on", ":unset:"} {
		if !slices.ContainsFunc(settings, func(data string) bool { return strings.Contains(data, part) }) {
			t.Errorf("nothing leads to %s", part)
		}
	}
}

// What is offered in a draft can be chosen, whatever the model.
func TestEveryOptionOfEveryModel(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, family := range w.models.Families() {
		for _, id := range family.Models {
			start := w.types(ada, "/generate a cat --menu --model "+id)
			if start.Refused {
				t.Fatalf("%s: %+v", id, start)
			}
			wantPage(t, start)
			for _, b := range start.Buttons {
				at, _ := parseStep(b.Data)
				if at.verb != showValues && at.verb != takeValue {
					continue
				}
				r := w.presses(ada, b)
				if r.Refused {
					t.Fatalf("%s: %s (%s): %+v", id, b.Label, b.Data, r)
				}
				wantPage(t, r)
				if at.verb == showValues {
					r = w.presses(ada, r.Buttons[len(r.Buttons)-2])
				}
				if r.Refused || !r.Replaces {
					t.Errorf("%s: %s: %+v", id, b.Label, r)
				}
			}
		}
	}
}

// From kind to family to model, with prices, and back again.
func TestModelsMenu(t *testing.T) {
	w := newWorld(t, nil)
	list := w.types(ada, "/models")
	if !list.Menu || list.Replaces || len(list.Items) == 0 {
		t.Errorf("%+v", list)
	}
	videos := w.taps(ada, list, "Videos")
	wantText(t, videos.Text, "Videos: which model?", "Page 1 of")
	wantText(t, videos.Buttons[0].Label, " credits")
	second := w.presses(ada, videos.Buttons[len(videos.Buttons)-1])
	wantText(t, second.Text, "Page 2 of")
	if back := w.presses(ada, labelled(t, second, "1")); replied(back) != replied(videos) {
		t.Errorf("back to page 1 is\n%s", replied(back))
	}
	wantText(t, w.taps(ada, second, "Back").Text, "What kind of model?")

	card := w.taps(ada, w.types(ada, "/models imagen4-ultra"), "My default for Pictures")
	wantText(t, card.Text, "Google Imagen 4 Ultra", "Your default for Pictures.")
	shelf := w.taps(ada, card, "Back")
	labelled(t, shelf, "Google Imagen 4")
	if reply := w.types(ada, "a cat"); len(reply.Accepted) != 1 || w.task(reply.Accepted[0], ada).Request.Model != "google/imagen4-ultra" {
		t.Errorf("%+v", reply)
	}
	// The words for a model can be typed, or asked for.
	use := labelled(t, card, "Use it")
	if !use.Edit || use.Text != "/imagine --model imagen4-ultra " && use.Text != "/imagine --model google/imagen4-ultra " {
		t.Errorf("%+v", use)
	}
	ask := w.presses(ada, use)
	wantText(t, ask.Text, "What should Google Imagen 4 Ultra make?")
	w.restart()
	in := w.incoming(ada, "en", "a dog")
	draft := w.bot.Press(t.Context(), in, ask.Ask)
	wantText(t, draft.Text, "a dog", "Google Imagen 4 Ultra · up to 12 credits")
	in.Text = " \n"
	wantText(t, w.bot.Press(t.Context(), in, ask.Ask).Text, "Nothing was charged.")
}

func TestSettingsMenu(t *testing.T) {
	limit := core.Limit(50_000)
	w := newWorld(t, func(c *core.Config) { c.Policy.ConfirmAbove = &limit })
	chosen := func() core.PersonSettings {
		s, err := w.engine.Settings(t.Context(), w.incoming(ada, "en", "").Origin)
		must(t, err)
		return s.Person
	}
	menu := w.types(ada, "/settings")
	if slices.ContainsFunc(menu.Buttons, func(b Button) bool { return b.Label == "This chat" }) || menu.Replaces {
		t.Errorf("%s", replied(menu))
	}
	menu = w.taps(ada, menu, "Spoiler: off")
	stale := labelled(t, w.types(ada, "/settings"), "Spoiler: on")
	if menu = w.taps(ada, menu, "Ask first above: as usual (50 credits)", "10 credits"); *chosen().ConfirmAbove != 10_000 || !*chosen().Spoiler {
		t.Errorf("%+v", chosen())
	}
	menu = w.taps(ada, menu, "Ask first above: 10 credits", "as usual")
	if menu = w.taps(ada, menu, "Spoiler: on"); chosen().ConfirmAbove != nil || *chosen().Spoiler {
		t.Errorf("%+v", chosen())
	}
	if w.presses(ada, stale); *chosen().Spoiler { // the same press once more says the same
		t.Error("pressed twice, the spoiler is on again")
	}
	menu = w.taps(ada, menu, "Pictures", "Google Nano Banana Pro")
	wantText(t, labelled(t, menu, "Pictures").Label, "Nano Banana Pro")
	menu = w.taps(ada, menu, "Pictures", "As usual")
	if len(chosen().Models) != 0 {
		t.Errorf("%+v", chosen())
	}
	said := "" // as on the platform, then each in turn, and back
	for _, language := range Languages() {
		v := w.bot.voice(said)
		menu = w.taps(ada, menu, v.pair(v.say("settings.language", nil), v.languageName(said)))
		wantText(t, menu.Text, w.bot.voice(language).say("settings.title", nil))
		said = language
	}
	v := w.bot.voice(said)
	if menu = w.taps(ada, menu, v.pair(v.say("settings.language", nil), v.languageName(said))); chosen().Language != "" {
		t.Errorf("%+v", chosen())
	}

	before := chosen()
	for _, b := range menu.Buttons {
		r := w.presses(bob, b)
		if !r.Refused || !r.Alert || len(r.Text) > 200 {
			t.Errorf("%s, by somebody else: %+v", b.Label, r)
		}
		wantText(t, r.Text, "somebody else’s", "/settings", "Nothing was charged.")
	}
	home := step{menu: settingsMenu, owner: tagOf(ada)}
	for _, at := range []step{
		home.to(takeConfirm, "50000"), home.to(takeConfirm, "-1"), home.to(takeConfirm, "7"), home.to(takeConfirm, "x"), home.to(takeSpoiler), home.to(takeSpoiler, "maybe"),
		home.to(takeLanguage, "fr"), home.to(takeModel), home.to(takeModel, "00000000"), home.to(takeModel, tag("recraft/crisp-upscale")),
		home.to(dropModel, "cars"), home.to(showKind, "cars"), home.to(showFamily), home.to("fly"), {menu: chatMenu, owner: "x", verb: ""},
	} {
		if r := w.presses(ada, Button{Data: at.data()}); !r.Refused || !r.Alert {
			t.Errorf("%s: %+v", at.data(), r)
		}
	}
	if after := chosen(); !reflect.DeepEqual(after, before) {
		t.Errorf("made-up presses changed %+v to %+v", before, after)
	}
}

func TestChatMenu(t *testing.T) {
	daily := core.Limit(100_000)
	w := newWorld(t, func(c *core.Config) { c.Policy.Chat = &daily })
	tap := func(r Reply, admin bool, label string) Reply {
		t.Helper()
		button := labelled(t, r, label)
		w.restart()
		return w.bot.Press(t.Context(), w.inEnglish(admin, ""), button.Data)
	}
	menu := tap(w.bot.Command(t.Context(), w.inEnglish(true, "/settings")), true, "This chat")
	wantText(t, menu.Text, "The settings of this chat")
	if r := tap(menu, false, "Who may ask"); !r.Refused || !r.Alert {
		t.Errorf("%+v", r)
	} else {
		wantText(t, r.Text, "Only an admin of this chat", "Nothing was charged.")
	}
	in := w.inEnglish(true, "")
	in.Origin.Lane = "chat:hall"
	if r := w.bot.Press(t.Context(), in, labelled(t, menu, "Who may ask").Data); !r.Refused {
		t.Errorf("in another chat: %+v", r)
	}
	menu = tap(menu, true, "Who may ask: everybody")
	wantText(t, w.types(bob, "a cat").Text, "only its admins", "Nothing was charged.")
	menu = tap(menu, true, "Who may ask: admins")
	menu = tap(tap(menu, true, "Credits a day: as usual (100 credits)"), true, "0 credits")
	wantText(t, w.types(bob, "a cat").Text, "this chat’s credits for a day are 0 credits")
	menu = tap(tap(menu, true, "Credits a day: 0 credits"), true, "as usual (100 credits)")
	menu = tap(menu, true, "Spoiler: off")
	menu = tap(tap(menu, true, "Pictures"), true, "Google Nano Banana Pro")
	wantText(t, labelled(t, menu, "Pictures").Label, "Nano Banana Pro")
	reply := w.types(bob, "a cat")
	if len(reply.Accepted) != 1 || !strings.HasPrefix(w.task(reply.Accepted[0], bob).Request.Model, "nano-banana-pro") {
		t.Errorf("%+v", reply)
	}
}

// A draft is put together over restarts, shows its price, and starts once.
func TestDraftMenu(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		menu := w.types(ada, "/imagine a cat --menu --ar 16:9 --spoiler --model imagen4 --no dogs")
		wantText(t, menu.Text, "a cat\n", "Google Imagen 4 · up to 8 credits")
		labelled(t, menu, "Spoiler: on")
		menu = w.presses(ada, labelled(t, menu, "Ratio: 16:9"))
		if chosen := labelled(t, menu, "16:9"); chosen.Emoji != "✔️" {
			t.Errorf("%+v", chosen)
		}
		menu = w.presses(ada, labelled(t, menu, "1:1"))
		menu = w.presses(ada, labelled(t, menu, "How many: 1"))
		menu = w.presses(ada, labelled(t, menu, "2"))
		wantText(t, menu.Text, "up to 16 credits")
		cheap := labelled(t, menu, "Make it, for 16 credits")

		dearer := w.presses(ada, labelled(t, w.presses(ada, labelled(t, menu, "How many: 2")), "3"))
		if r := w.presses(ada, cheap); len(r.Accepted) > 0 || r.Refused || !r.Replaces {
			t.Errorf("agreed to 16 credits: %+v", r)
		}
		for _, b := range dearer.Buttons {
			if r := w.presses(bob, b); !r.Refused || !r.Alert || len(r.Accepted) > 0 {
				t.Errorf("%s, by somebody else: %+v", b.Label, r)
			} else {
				wantText(t, r.Text, "was somebody else’s", "Nothing was charged.")
			}
		}
		made := w.presses(ada, labelled(t, dearer, "Make it, for 24 credits"))
		if len(made.Accepted) != 3 || !made.Deletes || made.Text != "" {
			t.Fatalf("%+v", made)
		}
		if twice := w.presses(ada, labelled(t, dearer, "Make it")); !slices.Equal(twice.Accepted, made.Accepted) {
			t.Errorf("pressed twice: %+v", twice)
		}
		for _, label := range []string{"Ratio", "Spoiler", "Model", "Cancel"} {
			wantText(t, w.presses(ada, labelled(t, dearer, label)).Text, "started already", "/history")
		}
		m := w.untilEnd(made.Accepted[0])
		req := w.task(made.Accepted[0], ada).Request
		if len(m.Media) != 3 || !m.Spoiler || req.Input["aspect_ratio"] != "1:1" || req.Input["negative_prompt"] != "dogs" || req.Prompt != "a cat" {
			t.Errorf("%+v", req)
		}
		if n := len(w.kie.Tasks()); n != 3 {
			t.Errorf("%d tasks at Kie", n)
		}

		late := w.types(ada, "a dog --menu")
		<-time.After(core.DraftFor)
		wantText(t, w.presses(ada, labelled(t, late, "Make it")).Text, "not open any more", "Nothing was charged.")
	})
}

// Between any two presses the program may have been started anew. What another
// model does not have goes, and files stay.
func TestDraftAcrossRestartsAndModels(t *testing.T) {
	w := newWorld(t, func(c *core.Config) {
		c.UserDaily, c.Sources = core.Unlimited, map[string]core.Source{"chat": nothing{}}
	})
	menu := w.types(ada, "/generate a cat")
	wantText(t, menu.Text, "What kind of model?")
	menu = w.taps(ada, menu, "Pictures", "Back", "Videos")
	kling := w.presses(ada, Button{Data: step{menu: draftMenu, owner: mustStep(t, menu).owner}.to(takeModel, tag("kling/v2-5-turbo-text-to-video-pro")).data()})
	wantText(t, kling.Text, "a cat\nKling", "credits")
	menu = w.taps(ada, kling, "Seconds: 5", "Model", "Back")
	wantText(t, menu.Text, "a cat\nKling")
	labelled(t, menu, "Seconds: 10")
	menu = w.taps(ada, menu, "Cancel")
	if menu.Text != "Canceled. Nothing was charged." || len(menu.Buttons) > 0 {
		t.Errorf("%+v", menu)
	}
	wantText(t, w.presses(ada, kling.Buttons[0]).Text, "not open any more")

	in := w.incoming(ada, "en", "/imagine bluer --menu --model flux --res 2K --ar 16:9")
	in.Files = []Attached{attached("cat.jpg", "image/jpeg", 1000)}
	menu = w.bot.Command(t.Context(), in)
	wantText(t, menu.Text, "bluer\nwith 1 file\nFlux 2 Pro Edit")
	again := w.bot.Command(t.Context(), in) // the platform's update came twice
	if mustStep(t, again).owner != mustStep(t, menu).owner {
		t.Error("one update made two drafts")
	}
	other := w.presses(ada, Button{Data: mustStep(t, menu).to(takeModel, tag("google/nano-banana")).data()})
	wantText(t, other.Text, "Nano Banana")
	if slices.ContainsFunc(other.Buttons, func(b Button) bool { return strings.HasPrefix(b.Label, "Resolution") }) {
		t.Errorf("%s", replied(other))
	}
	made := w.taps(ada, other, "Make it")
	req := w.task(made.Accepted[0], ada).Request
	if len(req.Files) != 1 || req.Model != "google/nano-banana-edit" {
		t.Errorf("%+v", req)
	}
}

func mustStep(t *testing.T, r Reply) step {
	t.Helper()
	at, ok := parseStep(r.Buttons[0].Data)
	if !ok {
		t.Fatalf("%+v", r)
	}
	return at
}

// What the chat has decided for all is no choice of one request.
func TestADraftWhereEverythingIsHidden(t *testing.T) {
	w := newWorld(t, nil)
	w.chooseForChat(func(s *core.ChatSettings) { s.Spoiler = true })
	menu := w.types(ada, "a cat --menu")
	if slices.ContainsFunc(menu.Buttons, func(b Button) bool { return strings.HasPrefix(b.Label, "Spoiler") }) {
		t.Errorf("%s", replied(menu))
	}
	labelled(t, menu, "Only for me: off")
}

// What cannot be made is said on the page, and there is no button to make it.
func TestADraftSaysWhatItLacks(t *testing.T) {
	w := newWorld(t, nil)
	menu := w.types(ada, "/generate --menu --model recraft/crisp-upscale a cat")
	wantText(t, menu.Text, "needs --image")
	if slices.ContainsFunc(menu.Buttons, func(b Button) bool { return strings.HasPrefix(b.Label, "Make it") }) {
		t.Errorf("%s", replied(menu))
	}
	at := mustStep(t, menu)
	for _, made := range []step{at.to(makeDraft), at.to(makeDraft, "1000000"), at.to(takeModel, "nothing"), at.to(takeValue, "a", "b"), at.to(showValues), at.to("fly")} {
		if r := w.presses(ada, Button{Data: made.data()}); !r.Refused || !r.Alert || len(r.Accepted) > 0 {
			t.Errorf("%s: %+v", made.data(), r)
		}
	}
	wantText(t, w.types(ada, "/imagine --menu --image cat.png bluer").Text, "files cannot be given here", "Nothing was charged.")
	wantText(t, w.types(ada, "/imagine --menu").Text, "Say what you want")
}

// The price that the button named is the one that was agreed to.
func TestADraftNeedsNoSecondQuestion(t *testing.T) {
	limit := core.Limit(1000)
	w := newWorld(t, func(c *core.Config) { c.Policy.ConfirmAbove = &limit })
	menu := w.types(ada, "a cat --menu --model imagen4")
	if r := w.taps(ada, menu, "Make it, for 8 credits"); len(r.Accepted) != 1 {
		t.Errorf("%+v", r)
	}
}

// Where the input field cannot be filled in, the words are asked for.
func TestEditingThePrompt(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("a cat --ar 16:9 --model imagen4"))
		edit := m.Buttons[1]
		ask := w.presses(ada, edit)
		wantText(t, ask.Text, "instead", "a cat")
		if ask.Ask == "" || len(ask.Ask) > 64 || ask.Refused || !edit.Edit || edit.Text == "" {
			t.Fatalf("%+v after %+v", ask, edit)
		}
		in := w.incoming(ada, "en", "  a dog --ar 1:1 ")
		reply := w.bot.Press(t.Context(), in, ask.Ask)
		twice := w.bot.Press(t.Context(), in, ask.Ask)
		if len(reply.Accepted) != 1 || !slices.Equal(twice.Accepted, reply.Accepted) {
			t.Fatalf("%+v, then %+v", reply, twice)
		}
		req := w.task(reply.Accepted[0], ada).Request
		if req.Prompt != "a dog --ar 1:1" || req.Input["prompt"] != req.Prompt || req.Input["aspect_ratio"] != "16:9" || string(req.Parent) != m.ID {
			t.Errorf("%+v", req)
		}
		if w.task(core.TaskID(m.ID), ada).Request.Prompt != "a cat" {
			t.Error("the earlier job has changed")
		}
		for _, data := range []string{edit.Data, ask.Ask} {
			in := w.incoming(bob, "en", "a bird")
			wantText(t, w.bot.Press(t.Context(), in, data).Text, "somebody else’s", "Nothing was charged.")
		}
		wantText(t, w.presses(ada, Button{Data: ask.Ask}).Text, "Nothing was charged.")
	})
}

func TestOriginalAndDelete(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("a cat --model imagen4"))
		original, remove := m.Buttons[4], m.Buttons[6]
		if original.Needs != CanSendFile || remove.Needs != CanDelete {
			t.Fatalf("%+v", m.Buttons)
		}
		wantText(t, w.presses(bob, original).Text, "somebody else’s")
		reply := w.presses(ada, original)
		if len(reply.Accepted) != 1 {
			t.Fatalf("%+v", reply)
		}
		copied := w.until(reply.Accepted[0], "the original", func(m Message) bool { return m.Kind == core.DeliverShow })
		if !copied.Original || len(copied.Media) != 1 || len(copied.Buttons) > 0 {
			t.Errorf("%+v", copied)
		}
		if r := w.presses(bob, remove); !r.Refused || !r.Alert || r.Deletes {
			t.Errorf("%+v", r)
		}
		in := w.incoming(bob, "en", "")
		in.Origin.Admin = true
		for _, r := range []Reply{w.bot.Press(t.Context(), in, remove.Data), w.presses(ada, remove)} {
			if !r.Deletes || r.Refused {
				t.Errorf("%+v", r)
			}
			wantText(t, r.Text, "Deleted.", "/history")
		}
		if len(w.types(ada, "/history").Items) != 1 {
			t.Error("the job is gone")
		}
	})
}

// A song has no other original than what is shown.
func TestSoundHasNoOriginal(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		if m := w.untilEnd(w.accepted("/speak hello")); strings.Contains(buttonLabels(m), "Original") {
			t.Errorf("%s", buttonLabels(m))
		}
	})
}

// The menus in words: the files testdata/*.menus.golden.
func TestMenuGolden(t *testing.T) {
	conversation := []struct {
		text  string
		verbs []string // of the buttons that are pressed one after the other
	}{
		{"/models", []string{showKind, showKind, showFamily, takeModel, makeStandard, askWords}},
		{"/settings", []string{takeSpoiler, showConfirm, takeConfirm, showKind}},
		{"/imagine a cat --menu --model imagen4", []string{takeValue, showValues, takeValue, showKind}},
		{"/generate a cat", []string{showKind, showFamily, takeModel, dropDraft}},
	}
	for _, locale := range []string{"en", "ru"} {
		w := newWorld(t, nil)
		var said strings.Builder
		press := func(verb string, r Reply) Reply {
			t.Helper()
			i := slices.IndexFunc(r.Buttons, func(b Button) bool { at, _ := parseStep(b.Data); return at.verb == verb })
			if i < 0 {
				t.Fatalf("no button to %s in\n%s", verb, replied(r))
			}
			in := w.incoming(ada, locale, "")
			in.Origin.Admin = true
			next := w.bot.Press(t.Context(), in, r.Buttons[i].Data)
			fmt.Fprintf(&said, "== [%s]\n%s\n", r.Buttons[i].Label, replied(next))
			return next
		}
		for _, part := range conversation {
			in := w.incoming(ada, locale, part.text)
			in.Origin.Admin = true
			r := w.bot.Command(t.Context(), in)
			if r.Menu {
				r.Items = nil
			}
			fmt.Fprintf(&said, "== %q\n%s\n", part.text, replied(r))
			for _, verb := range part.verbs {
				r = press(verb, r)
			}
		}
		chat := step{menu: chatMenu, owner: tag("chat:room")}
		r := Reply{Buttons: []Button{{Label: "chat", Data: chat.data()}}}
		for _, verb := range []string{"", takeWho, showDaily, takeDaily} {
			r = press(verb, r)
		}
		golden(t, locale+".menus.golden", said.String())
	}
}

// Whatever a stranger makes up, there is an answer; nothing is started and
// nobody's settings change.
func FuzzPress(f *testing.F) {
	id := strings.Repeat("0", wholeID)
	for _, at := range []step{
		{menu: modelsMenu, owner: tagOf(ada)}, {menu: modelsMenu, owner: tagOf(bob), verb: showKind, args: []string{"image", "999999999999999999999"}},
		{menu: settingsMenu, owner: tagOf(bob), verb: takeModel, args: []string{tag("google/imagen4")}}, {menu: settingsMenu, owner: tagOf(bob), verb: takeConfirm, args: []string{"-5"}},
		{menu: chatMenu, owner: tag("chat:room"), verb: takeWho, args: []string{adminsOnly}}, {menu: draftMenu, owner: id, verb: makeDraft, args: []string{"1"}},
	} {
		f.Add(at.data())
		f.Add(at.data()[:len(at.data())-1])
	}
	for _, action := range []string{pressAgain, pressCancel, pressInfo, pressYes, pressNo, pressEdit, pressEdited, pressOriginal, pressDelete, upscaleCommand} {
		f.Add(buttonData(action, id))
	}
	w := newWorld(f, nil)
	w.choose(ada, func(s *core.PersonSettings) { s.Models = map[catalog.Kind]string{catalog.Image: "google/imagen4"} })
	f.Fuzz(func(t *testing.T, data string) {
		in := Incoming{Key: "chat:" + data, Text: "a bird", Origin: core.Origin{Identity: bob, Lane: "chat:room"}}
		r := w.bot.Press(t.Context(), in, data)
		if r.Text == "" || len(r.Accepted) > 0 || r.Deletes || r.Alert != r.Refused || !utf8.ValidString(r.Text) {
			t.Errorf("%q: %+v", data, r)
		}
		s, err := w.engine.Settings(t.Context(), core.Origin{Identity: ada, Lane: "chat:room"})
		if err != nil || s.Person.Models[catalog.Image] != "google/imagen4" || s.Chat.AdminsOnly {
			t.Errorf("%q: %+v, %v", data, s, err)
		}
	})
}

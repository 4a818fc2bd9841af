package bots

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
)

func ptr(n float64) *float64 { return &n }

func TestEveryInputProblemIsWorded(t *testing.T) {
	b := quietBot(t)
	en, ru := b.voice("en"), b.voice("ru")
	seen := map[catalog.Code]bool{}
	for _, test := range []struct {
		problem catalog.Problem
		en, ru  string
	}{
		{catalog.Problem{Code: catalog.Missing, Input: "image_url"}, "Thing needs image_url: add --set image_url=…", "Модели Thing нужно поле image_url: добавьте --set image_url=…"},
		{catalog.Problem{Code: catalog.Missing, Input: "size", Option: catalog.AspectRatio, Choices: []string{"1:1", "16:9"}},
			"Thing needs --ar. Thing takes 1:1, 16:9.", "Модели Thing нужно указать --ar. Thing принимает 1:1, 16:9."},
		{catalog.Problem{Code: catalog.Unknown, Input: "colr", Given: "colr", Nearest: "color", Choices: []string{"prompt", "color"}},
			"Thing has no input “colr”. Did you mean color? Thing takes prompt, color.", "У модели Thing нет поля «colr». Может быть, color? Thing принимает prompt, color."},
		{catalog.Problem{Code: catalog.WrongType, Input: "seed", Option: catalog.Seed, Given: "x", Want: catalog.Integer},
			"--seed must be a whole number, not “x”.", "--seed: нужно целое число, а не «x»."},
		{catalog.Problem{Code: catalog.WrongType, Input: "cfg", Given: "x", Want: catalog.Number}, "cfg must be a number, not “x”.", "cfg: нужно число, а не «x»."},
		{catalog.Problem{Code: catalog.WrongType, Input: "loop", Given: "x", Want: catalog.Boolean}, "loop must be true or false, not “x”.", "loop: нужно true или false, а не «x»."},
		{catalog.Problem{Code: catalog.NotAChoice, Input: "q", Option: catalog.Resolution, Given: "8K", Choices: []string{"1K", "2K"}, Nearest: "2K"},
			"--res cannot be “8K”. Did you mean 2K? Thing takes 1K, 2K.", "--res: значения «8K» нет. Может быть, 2K? Thing принимает 1K, 2K."},
		{catalog.Problem{Code: catalog.OutOfRange, Input: "d", Option: catalog.Duration, Given: "99", Min: ptr(4), Max: ptr(12.5)},
			"--dur must be from 4 to 12.5, not 99.", "--dur: нужно от 4 до 12.5, а не 99."},
		{catalog.Problem{Code: catalog.OutOfRange, Input: "d", Option: catalog.Duration, Given: "1", Min: ptr(4)},
			"--dur must be at least 4, not 1.", "--dur: нужно не меньше 4, а не 1."},
		{catalog.Problem{Code: catalog.OutOfRange, Input: "d", Option: catalog.Duration, Given: "99", Max: ptr(12)},
			"--dur must be at most 12, not 99.", "--dur: нужно не больше 12, а не 99."},
		{catalog.Problem{Code: catalog.TooLong, Input: "prompt", Option: catalog.Prompt, Actual: 5200, Limit: 5000},
			"The prompt has 5200 characters; Thing takes at most 5000.", "Описание: символов 5200, а Thing принимает не больше 5000."},
		{catalog.Problem{Code: catalog.TooMany, Input: "images", Actual: 4, Limit: 3}, "images has 4 entries; Thing takes at most 3.", "images: значений 4, а Thing принимает не больше 3."},
		{catalog.Problem{Code: catalog.TooFew, Input: "images", Actual: 1, Limit: 2}, "images has 1 entries; Thing needs at least 2.", "images: значений 1, а модели Thing нужно хотя бы 2."},
		{catalog.Problem{Code: catalog.Unsupported, Option: catalog.Seed, Choices: []string{"prompt", "aspect_ratio", "count"}},
			"Thing does not have --seed. Thing takes --ar, --n.", "У модели Thing нет --seed. Thing принимает --ar, --n."},
		{catalog.Problem{Code: catalog.Unsupported, Option: catalog.NegativePrompt, Choices: []string{"prompt"}},
			"Thing does not have --no. A second line counts as --no.", "У модели Thing нет --no. Вторая строка значит то же, что --no."},
		{catalog.Problem{Code: catalog.Missing, Input: "image_url", Option: catalog.ImageFile}, "Thing needs --image.", "Модели Thing нужно указать --image."},
		{catalog.Problem{Code: catalog.TooMany, Input: "image_urls", Option: catalog.ImageFile, Actual: 5, Limit: 2},
			"--image has 5 entries; Thing takes at most 2.", "--image: значений 5, а Thing принимает не больше 2."},
		{catalog.Problem{Code: catalog.Unsupported, Option: catalog.Prompt, Choices: []string{"image", "resolution"}},
			"Thing takes no prompt. Thing takes --image, --res.", "Модели Thing описание не нужно. Thing принимает --image, --res."},
		{catalog.Problem{Code: catalog.NoneOfSets, Input: "task_id", Option: catalog.EarlierTask, Choices: []string{"task", "video and duration", "prompt", "audio_id"}},
			"Thing needs --task, --video + --dur, a prompt or --set audio_id.", "Модели Thing нужно указать --task, --video + --dur, описание или --set audio_id."},
		{catalog.Problem{Code: catalog.Apart, Input: "mask_url", Option: catalog.MaskFile, Choices: []string{"image"}},
			"--mask cannot be given together with --image.", "--mask нельзя указать вместе с --image."},
	} {
		seen[test.problem.Code] = true
		err := &catalog.ProblemsError{Model: "maker/thing", Title: "Thing", Problems: []catalog.Problem{test.problem}}
		if got := en.inputProblems(err, false)[0]; got != test.en {
			t.Errorf("%q, want %q", got, test.en)
		}
		if got := ru.inputProblems(err, false)[0]; got != test.ru {
			t.Errorf("%q, want %q", got, test.ru)
		}
	}
	codes := constants(t, "../kie/catalog/problem.go", "Code")
	maps.Copy(codes, constants(t, "../kie/catalog/together.go", "Code"))
	for name, code := range codes {
		if !seen[catalog.Code(code)] {
			t.Errorf("catalog.%s is not tried here", name)
		}
	}
}

// What was right when it was accepted can be wrong when it is pressed again.
func TestModelThatChanged(t *testing.T) {
	b := quietBot(t)
	v := b.voice("en")
	input := &catalog.ProblemsError{Model: "a", Title: "Thing", Problems: []catalog.Problem{
		{Code: catalog.Unknown, Input: "old", Given: "old"}, {Code: catalog.Missing, Input: "prompt", Option: catalog.Prompt},
	}}
	reply := b.refusal(v, fmt.Errorf("asking again: %w", &core.Refusal{Reason: core.ReasonInput, Err: input}))
	wantText(t, reply.Text, "2 things", "Thing has no input “old”.", "Thing needs a prompt.", "Nothing was charged.")
	gone := &catalog.UnknownModelError{Name: "veo-2", Nearest: []string{"veo-3", "veo-3-1"}}
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonModel, Err: gone}).Text, "no model “veo-2”", "veo-3 or veo-3-1?", "Nothing was charged.")
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonModel, Err: errors.New("odd")}).Text, "not there any more", "Nothing was charged.")
	dead := &catalog.RetiredModelError{Name: "veo-2", Title: "Veo 2", Reason: "Kie has it no more", Replacement: "veo-3-1"}
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonRetired, Err: dead}).Text, "Veo 2 cannot be used: Kie has it no more. The nearest current model is Veo 3.1: --model veo. Nothing was charged.")
	dead.Replacement = ""
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonRetired, Err: dead}).Text, "Kie has it no more. Nothing was charged.")
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonRetired}).Text, "does not have this model any more", "/models", "Nothing was charged.")
	wantText(t, b.refusal(v, &core.Refusal{Reason: core.ReasonInput}).Text, "does not take this any more", "Nothing was charged.")
}

// smallCatalog has nothing but music.
const smallCatalog = `{"models": [{
	"id": "songs", "title": "Songs", "kind": "music", "task": "text-to-music", "default_for_kind": true,
	"inputs": [{"name": "prompt", "type": "string", "option": "prompt", "required": true, "description": "what to sing"},
		{"name": "tempo", "type": "number", "option": "resolution", "min": 40},
		{"name": "level", "type": "integer", "option": "count", "min": 1, "max": 3, "default": 2}],
	"price": {"per": "request", "rates": [{"credits": 12}]}, "source": "https://docs.kie.ai/"
}]}`

func TestCatalogueWithoutTheKind(t *testing.T) {
	b := newWorld(t, nil).bot
	small, err := catalog.Parse(strings.NewReader(smallCatalog))
	must(t, err)
	b.catalog = offered{small, b.engine}
	says := func(text string) Reply {
		return b.Command(t.Context(), Incoming{Text: text, Origin: core.Origin{Locale: "en"}})
	}
	wantText(t, says("a cat").Text, "no model that makes pictures at the moment", "Nothing was charged.")
	wantText(t, says("a song --model songs").Text, "Songs makes music: use it with /music.", "Nothing was charged.")
	wantText(t, says("/models videos").Text, "no such model")
	if list := says("/models"); len(list.Items) != 1 || list.Items[0].Insert != "/music --model songs " || list.Items[0].Group != "Music" {
		t.Errorf("%+v", list)
	}
	card := says("/models songs")
	if len(card.Items) != 2 || card.Items[0].Detail != "resolution · ≥ 40" || card.Items[1].Detail != "how many · 1–3 · default 2" {
		t.Errorf("%+v", card.Items)
	}
	if found := b.Suggest("/imagine a cat --ar ", "en"); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if got := labels(b.Suggest("/imagine a cat ", "en")); got != "--model --ar --res --n --seed --no --image --mask --set --spoiler --private --menu" {
		t.Errorf("without a model to go by: %q", got)
	}
}

// One Bot serves everybody at once.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = 20_000 }) // room for five pictures
	var people sync.WaitGroup
	replies := make([]Reply, 20)
	for i := range replies {
		people.Go(func() {
			replies[i] = w.types(ada, "a cat")
			w.bot.Suggest("/imagine a cat --model ", "ru")
			w.bot.Show(t.Context(), scenes("ru")[i%5].parcel)
		})
	}
	people.Wait()
	accepted := 0
	for _, reply := range replies {
		accepted += len(reply.Accepted)
	}
	if accepted != 5 {
		t.Errorf("%d accepted, want 5", accepted)
	}
}

// The same update twice is the same request.
func TestSameUpdateTwice(t *testing.T) {
	w := newWorld(t, nil)
	in := w.incoming(ada, "en", "a cat --n 2")
	first, second := w.bot.Command(t.Context(), in), w.bot.Command(t.Context(), in)
	if len(first.Accepted) != 2 || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("%+v, then %+v", first, second)
	}
}

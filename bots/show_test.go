package bots

import (
	goflag "flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
)

var update = goflag.Bool("update", false, "write the golden files anew")

// noon is the present of these tests.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// batchOf is a batch of n tasks as they are right after acceptance.
func batchOf(n int, locale string, change ...func(*core.Task)) []core.Task {
	tasks := make([]core.Task, n)
	ids := make([]core.TaskID, n)
	for i := range tasks {
		ids[i] = core.TaskID(fmt.Sprintf("01jpabcdef0000000%d", i))
		tasks[i] = core.Task{
			ID: ids[i], State: core.Queued, Created: noon.Add(-2 * time.Minute), Hold: core.Hold{Amount: 8000},
			Request: core.Request{
				Command: "imagine", Prompt: "a cat astronaut", Model: "google/imagen4",
				Origin: core.Origin{Identity: ada, Name: "Ada", Lane: "chat:room", Locale: locale},
				Input:  map[string]any{"prompt": "a cat astronaut", "aspect_ratio": "16:9", "seed": 7},
			},
		}
		if i < len(change) {
			change[i](&tasks[i])
		}
	}
	for i := range tasks {
		tasks[i].Batch = ids
	}
	return tasks
}

func running(t *core.Task) { t.State, t.Started = core.Running, noon.Add(-42*time.Second) }

func succeeded(t *core.Task) {
	t.State, t.Started, t.Finished, t.Charged = core.Succeeded, noon.Add(-time.Minute), noon, 8000
	t.Outputs = []core.Output{{Kind: kie.KindImage, URL: "https://files.test/a.png", File: &media.File{Name: "a.png", Kind: media.Image}}}
}

func failed(reason core.Reason, message string) func(*core.Task) {
	return func(t *core.Task) {
		t.State, t.Finished, t.Failure = core.Failed, noon, &core.Failure{Reason: reason, Message: message}
	}
}

func waitingFor(reason core.Reason) func(*core.Task) {
	return func(t *core.Task) { t.Waiting = reason }
}

// printed is a message as the golden files show it.
func printed(m Message) string {
	var b strings.Builder
	line := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(&b, "%s: %s\n", name, v)
			}
		}
	}
	line("state", string(m.State))
	line("status", m.Status)
	line("note", m.Notes...)
	for _, one := range m.Media {
		line("media", dots(string(one.Kind), one.Title, one.Text, one.URL))
	}
	line("details", m.Details)
	for _, button := range m.Buttons {
		line("button", button.Emoji+" "+button.Label)
	}
	return b.String()
}

// scene is a delivery worth looking at.
type scene struct {
	name   string
	parcel core.Parcel
}

func scenes(locale string) []scene {
	parcel := func(kind core.DeliveryKind, tasks []core.Task) core.Parcel {
		return core.Parcel{
			Delivery: core.Delivery{Lead: tasks[0].ID, Kind: kind, Lane: "chat:room"}, Tasks: tasks,
			Patience: tasks[0].Created.Add(core.KeyPatience),
		}
	}
	way := func(n int, change ...func(*core.Task)) core.Parcel {
		return parcel(core.DeliverProgress, batchOf(n, locale, change...))
	}
	end := func(n int, change ...func(*core.Task)) core.Parcel {
		return parcel(core.DeliverFinal, batchOf(n, locale, change...))
	}
	third := way(1)
	third.Position = 3
	paused := way(1)
	paused.Paused = core.FailNoCredits
	usually := func(d time.Duration, p core.Parcel) core.Parcel { p.Usual = d; return p }
	list := []scene{
		{"waiting", way(1)}, {"third in the queue", third}, {"paused", paused},
		{"starting", way(1, func(t *core.Task) { t.State = core.Creating })},
		{"running", way(1, running)},
		{"running for long", way(1, func(t *core.Task) {
			t.State, t.Started, t.Overdue = core.Running, noon.Add(-75*time.Minute), noon.Add(-65*time.Minute)
		})},
		{"some of a batch", way(3, succeeded, running)},
		{"fetching", way(1, succeeded)},
		{"unresolved", way(1, func(t *core.Task) { t.State, t.Due = core.Unresolved, noon.Add(14*time.Minute+time.Second) })},
		{"one of a batch is unresolved", way(2, running, func(t *core.Task) { t.State, t.Due = core.Unresolved, noon.Add(-time.Second) })},
		{"done", end(1, succeeded)},
		{"done, estimated", end(1, succeeded, func(*core.Task) {})},
		{"late", end(1, func(t *core.Task) { succeeded(t); t.State, t.Late, t.Charged = core.Failed, true, 0 })},
		{"partly", end(4, succeeded, failed(core.FailKie, "No."), failed(core.FailKie, "No."), func(t *core.Task) { t.State, t.Finished = core.Canceled, noon })},
		{"links", end(2, link, link)},
		{"a song and a text", end(1, func(t *core.Task) {
			succeeded(t)
			t.Outputs = []core.Output{{Kind: kie.KindAudio, URL: "https://files.test/a.mp3", Title: "Waves", File: &media.File{Kind: media.Audio}}, {Kind: kie.KindText, Text: "la la"}, {Kind: kie.KindFile, URL: "https://files.test/a.mid"}}
		})},
		{"moved to another chat", end(1, func(t *core.Task) { succeeded(t); t.MovedTo = "chat:ada" })},
		{"canceled", end(1, func(t *core.Task) { t.State, t.Finished = core.Canceled, noon })},
		{"refused by Kie", end(1, failed(core.FailRefused, "Your prompt was flagged."))},
		{"two reasons", end(2, failed(core.FailUnknown, ""), failed(core.FailKie, "Out of luck."))},
		{"failed without a reason", end(1, func(t *core.Task) { t.State = core.Failed })},
		{"running as usual", usually(70*time.Second, way(1, running))},
		{"some of a batch as usual", usually(75*time.Minute, way(3, succeeded, running))},
	}
	list = append(list, scene{"paused by an admin", way(1)})
	list[len(list)-1].parcel.Paused = core.ReasonPaused
	list[11].parcel.Tasks[0].Estimated = true
	for _, reason := range []core.Reason{core.FailNoCredits, core.FailKey, core.FailAway, core.FailUpkeep, core.WaitBusy} {
		list = append(list, scene{"waiting: " + string(reason), way(1, waitingFor(reason))})
	}
	list = append(list, scene{"failed: a file", end(1, failed(core.FailFile, "cat.png"))})
	for _, reason := range []core.Reason{core.FailNoCredits, core.FailKey, core.FailEmpty, core.FailLate, core.FailAway, core.FailUpkeep, core.FailModel, core.FailRestored} {
		list = append(list, scene{"failed: " + string(reason), end(1, failed(reason, ""))})
	}
	return list
}

func link(t *core.Task) {
	succeeded(t)
	t.Outputs[0].File = nil
}

// typedScenes are commands whose answers are worth looking at.
func typedScenes() []string {
	return []string{
		"/imagine", "/imagin a cat", "/imagine a cat --arr 1:1 --seed x --ar 7:3 --n 0 --no", "/imagine a cat --ar 1:1 --ar 1:1 --dur 5",
		"/imagine a cat\ndogs\n--model seedream", "/imagine a cat\ndogs --no birds", "/imagine a cat --model imagen5", "/imagine a cat --model kling",
		"/speak hi --voice Nobody", "/imagine a cat --model seedream-v4 --n 7", "/imagine a cat --n 10 --model nano-banana-pro",
		"/video a cat --model kling/v2-1-master", "/balance", "/balance --seed 1", "/history", "/cancel", "/cancel 00000000", "/models seedance", "/models music", "/help", "/help imagine",
		"/models flux", "/models midjourney", "/models video", "/help generate",
		"/generate a cat", "/generate a cat --model sora2/pro", "/video a cat --model luma", "/imagine a cat --image cat-1.png --first http://x/y.png",
		"/imagine a cat --image https://x.test/1.png https://x.test/2.png --model z-image", "/generate --model hailuo/2-3-pro a cat",
		"/generate --model ai-music-api/mashup a song --set colr=1 --set duration=x --dur 5 --set mood", "/generate --model separate-vocals",
		"/generate --model suno a song --dur 20 --set duration=30", "/generate --model recraft/crisp-upscale a cat",
	}
}

func replied(r Reply) string {
	lines := []string{r.Text}
	for _, item := range r.Items {
		lines = append(lines, "- "+item.Title+": "+item.Detail)
	}
	for i, button := range r.Buttons {
		if i == 0 || button.Row != r.Buttons[i-1].Row {
			lines = append(lines, "")
		}
		lines[len(lines)-1] += "[" + strings.TrimSpace(button.Emoji+" "+button.Label) + "] "
	}
	return strings.Join(lines, "\n") + "\n"
}

// Everything that people read most, in one file per language: go test ./bots -update writes them anew.
func TestGolden(t *testing.T) {
	moscow := time.FixedZone("MSK", 3*3600)
	for _, locale := range []string{"en", "ru"} {
		w := newWorld(t, func(c *core.Config) { c.Now, c.Location = func() time.Time { return noon }, moscow })
		var b strings.Builder
		for _, s := range scenes(locale) {
			fmt.Fprintf(&b, "== %s\n%s\n", s.name, printed(w.bot.Show(t.Context(), s.parcel)))
		}
		for _, text := range typedScenes() {
			fmt.Fprintf(&b, "== %q\n%s\n", text, replied(w.bot.Command(t.Context(), w.incoming(ada, locale, text))))
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if !strings.HasPrefix(line, "media:") {
				wantWords(t, line)
			}
		}
		golden(t, locale+".golden", b.String())
	}
}

func golden(t *testing.T, name, now string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, []byte(now), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), now); diff != "" {
		t.Errorf("%s: the texts have changed (-golden +now):\n%s", name, diff)
	}
}

func TestShowKeepsTheSameID(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for _, s := range scenes("en") {
		m := w.bot.Show(t.Context(), s.parcel)
		if !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
		if m.Kind != s.parcel.Delivery.Kind || m.Name != "Ada" || m.Model != "Google Imagen 4" || m.Prompt != "a cat astronaut" || m.Status == "" || strings.Contains(m.Status, "\n") {
			t.Errorf("%s: %+v", s.name, m)
		}
		if m.State.Final() != (m.Kind == core.DeliverFinal) {
			t.Errorf("%s: a message of kind %s in state %s", s.name, m.Kind, m.State)
		}
		for _, button := range m.Buttons {
			if len(button.Data) > 64 {
				t.Errorf("%s: button data of %d bytes", s.name, len(button.Data))
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("one batch has the IDs %v", ids)
	}
}

func TestTooLarge(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		locale string
		n      int
		want   string
	}{
		{"en", 1, "A file does not fit into this chat as it is. The link to it works until Mar 14, 12:00."},
		{"en", 2, "2 files do not fit into this chat as they are. The links to them work until Mar 14, 12:00."},
		{"ru", 1, "1 файл не помещается в этот чат в исходном виде. Ссылка на него работает до 14.03, 12:00."},
		{"ru", 5, "5 файлов не помещаются в этот чат в исходном виде. Ссылки на них работают до 14.03, 12:00."},
	} {
		p := core.Parcel{Tasks: batchOf(1, test.locale, succeeded)}
		if got := w.bot.TooLarge(p, test.n, noon); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.Now = func() time.Time { return noon } })
	en, ru := w.bot.voice("en"), w.bot.voice("ru")
	for _, test := range []struct{ got, want string }{
		{en.ahead(noon.Add(59 * time.Second)), "in under a minute"},
		{en.ahead(noon.Add(time.Minute)), "in 1 minute"},
		{en.ahead(noon.Add(61 * time.Second)), "in 2 minutes"},
		{en.ahead(noon.Add(90 * time.Minute)), "in 90 minutes"},
		{en.ahead(noon.Add(91 * time.Minute)), "in 2 hours"},
		{en.ahead(noon.Add(72 * time.Hour)), "in 3 days"},
		{en.ahead(noon.Add(-time.Hour)), "in under a minute"},
		{en.ago(noon.Add(-119 * time.Second)), "1 minute ago"},
		{en.ago(noon.Add(-3 * time.Hour)), "3 hours ago"},
		{en.ago(noon.Add(time.Hour)), "just now"},
		{ru.ahead(noon.Add(21 * time.Minute)), "через 21 минуту"},
		{ru.ahead(noon.Add(22 * time.Minute)), "через 22 минуты"},
		{ru.ahead(noon.Add(25 * time.Minute)), "через 25 минут"},
		{ru.ago(noon.Add(-11 * time.Hour)), "11 часов назад"},
		{en.clock(noon.Add(time.Hour)), "13:00"},
		{en.clock(noon.Add(24 * time.Hour)), "Mar 15, 12:00"},
		{ru.clock(noon.Add(-time.Minute)), "14.03, 11:59"},
		{elapsed(-time.Second), "0:00"}, {elapsed(42 * time.Second), "0:42"}, {elapsed(3723 * time.Second), "1:02:03"},
		{en.credits(1000), "1 credit"}, {en.credits(800), "0.8 credits"}, {en.credits(0), "0 credits"},
		{ru.credits(1000), "1 кредит"}, {ru.credits(2000), "2 кредита"}, {ru.credits(5000), "5 кредитов"},
		{ru.credits(11_000), "11 кредитов"}, {ru.credits(21_000), "21 кредит"}, {ru.credits(6500), "6,5 кредита"},
		{en.list([]string{"a", "b"}, ""), "a, b"},
		{en.list(numbers(1, 13), ""), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 … and 1 more"},
		{en.list(numbers(1, 21), "/models x"), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 … and 9 more, see /models x"},
		{en.either([]string{"a", "b", "c"}), "a, b or c"}, {ru.either([]string{"a", "b"}), "a или b"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

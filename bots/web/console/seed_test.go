package console

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/storage/storagetest"
)

// seeded is a community of some weeks: tasks of several people in every state,
// with what people really type.
type seeded struct {
	w      *world
	random *rand.Rand
	tasks  []core.Task
	file   *media.File
}

const seededDays = 30 // today included

// characters are who is there: their names come from chats.
func characters() []core.Origin {
	var all []core.Origin
	for i, name := range []string{"Ann", "Борис Ж.", "محمد الأمين", "🦊 Foxy McFoxface", "Ольга", "李小龍", "João", "x", "A Person With Quite A Long Name Indeed, Of Whom There Is Much To Say", "Dmitry"} {
		platform, lane := "telegram", core.Lane("telegram:-1001234567890")
		if i%3 == 1 {
			platform, lane = "discord", "discord:112233445566778899"
		}
		if i%4 == 3 {
			lane = core.NewLane(platform, fmt.Sprint(5000+i))
		}
		all = append(all, core.Origin{Identity: core.Identity{Platform: platform, User: fmt.Sprint(100_000_000 + i*7919)}, Name: name, Lane: lane, Locale: "en"})
	}
	return all
}

func prompts() []string {
	return []string{
		"a cat astronaut", "кот-космонавт в стиле советского плаката, тёплые цвета, зерно плёнки", "قطة رائد فضاء على سطح القمر",
		"🦊🌲 a fox in a forest, golden hour", "穿着宇航服的猫，水彩画",
		"A lighthouse in a storm, oil on canvas, dramatic light, waves as high as houses, a small boat with a lantern, seagulls, thick impasto strokes; in the manner of the old masters, museum quality, and nothing modern anywhere in the picture please, thank you very much",
		"<b>bold</b> & \"quoted\" <script>alert(1)</script>", strings.Repeat("w", 120), "logo", "sunset over the sea --ar 16:9",
		"портрет бабушки, акварель, очень подробный, мягкий свет из окна, кружевная салфетка, чашка чая, рядом спит рыжий кот",
	}
}

func seededModels() []string {
	return []string{"google/nano-banana", "bytedance/seedream-v4-text-to-image", "kling/v2-1-master-text-to-video", "z-image", "suno/v5", "elevenlabs/text-to-speech-multilingual-v2", "grok-imagine/text-to-image"}
}

// seed writes hundreds of tasks with their ledger, as the engine would have.
func (w *world) seed() *seeded {
	w.t.Helper()
	s := &seeded{w: w, random: rand.New(rand.NewPCG(7, 7))}
	s.picture()
	people := characters()
	for i := range people {
		s.account(people[i], i)
	}
	for day := seededDays - 1; day >= 0; day-- {
		for range 4 + s.random.IntN(14) {
			who := min(s.random.IntN(len(people)), s.random.IntN(len(people)))
			back := time.Duration(day)*24*time.Hour + time.Duration(1+s.random.IntN(600))*time.Minute/10
			s.task(people[who], who, back, s.ending())
		}
	}
	for i, state := range []core.State{core.Queued, core.Queued, core.Running, core.Running, core.Running, core.Unresolved, core.Failed} {
		s.task(people[i%3], i%3, time.Duration(40+13*i)*time.Second, state)
	}
	return s
}

func (s *seeded) ending() core.State {
	switch n := s.random.IntN(100); {
	case n < 88:
		return core.Succeeded
	case n < 96:
		return core.Failed
	case n < 98:
		return core.Canceled
	}
	return core.Expired
}

// picture spools what every result shows.
func (s *seeded) picture() {
	picture := image.NewRGBA(image.Rect(0, 0, 480, 320))
	for y := range 320 {
		for x := range 480 {
			picture.SetRGBA(x, y, color.RGBA{uint8(x / 2), uint8(120 + y/4), uint8(200 - x/4), 255})
		}
	}
	var body bytes.Buffer
	must(s.w.t, png.Encode(&body, picture))
	s.file = &media.File{Name: "seed.png", Type: "image/png", Kind: media.Image, Size: int64(body.Len()), Width: 480, Height: 320}
	must(s.w.t, os.WriteFile(filepath.Join(s.w.dir, "media", s.file.Name), body.Bytes(), 0o600))
}

func seededAccount(n int) core.AccountID { return core.AccountID(fmt.Sprintf("0000000000%08d", n+1)) }

func (s *seeded) account(origin core.Origin, n int) {
	account := core.Account{ID: seededAccount(n), Identities: []core.Identity{origin.Identity}, Created: s.w.now().Add(-seededDays * 24 * time.Hour)}
	switch n {
	case 1:
		account.Tier = "gold"
		account.Identities = append(account.Identities, core.Identity{Platform: "telegram", User: "424242"})
	case 2:
		account.Limits.Daily = new(core.Limit(20_000))
	case 5:
		account.Blocked = &core.Block{By: "telegram:1", Why: "спам и реклама", At: s.w.now().Add(-50 * time.Hour)}
	}
	s.update(func(tx core.Tx) error { return tx.PutAccount(account) })
}

func (s *seeded) update(fn func(core.Tx) error) {
	s.w.t.Helper()
	must(s.w.t, s.w.store.Update(context.WithoutCancel(s.w.t.Context()), fn))
}

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

func (s *seeded) id(at time.Time) core.TaskID {
	var out []byte
	ms := uint64(at.UnixMilli())
	for i := range 10 {
		out = append(out, crockford[ms>>(5*(9-i))&31])
	}
	random := binary.BigEndian.AppendUint64(nil, s.random.Uint64())
	for _, b := range random {
		out = append(out, crockford[b&31])
	}
	return core.TaskID(out)
}

// task writes one task, its hold and how it ended.
func (s *seeded) task(origin core.Origin, who int, back time.Duration, state core.State) {
	at := s.w.now().Add(-back)
	id := s.id(at)
	amount := core.Credits(1000 * (1 + s.random.IntN(12)))
	account := seededAccount(who)
	day, month := core.WindowID(fmt.Sprintf("day/%s/%s", account, at.UTC().Format(time.DateOnly))), core.WindowID(fmt.Sprintf("month/%s/%s", account, at.UTC().Format("2006-01")))
	total := core.WindowID("total/" + at.UTC().Format(time.DateOnly))
	models, texts := seededModels(), prompts()
	t := core.Task{
		ID: id, Account: account, Batch: []core.TaskID{id}, State: state, Created: at, KieAccount: "default",
		Request: core.Request{Key: "seed:" + string(id), Origin: origin, Command: "imagine", Prompt: texts[s.random.IntN(len(texts))],
			Model: models[min(s.random.IntN(len(models)), s.random.IntN(len(models)))], Input: map[string]any{"prompt": "a cat", "aspect_ratio": "16:9", "seed": 7}},
		Hold: core.Hold{Amount: amount, Shares: []core.Share{{Window: day, Amount: amount}, {Window: month, Amount: amount}, {Window: total, Amount: amount}}},
	}
	entries := []core.Entry{{Account: account, Task: id, Kind: core.EntryHold, At: at, Postings: []core.Posting{{Window: day, Held: amount}, {Window: month, Held: amount}, {Window: total, Held: amount}}}}
	if state != core.Queued {
		t.Sent = at.Add(800 * time.Millisecond)
	}
	if state != core.Queued && state != core.Unresolved && state != core.Canceled {
		t.Started, t.Kie = at.Add(1400*time.Millisecond), kie.Ref{Endpoint: kie.Jobs, TaskID: "kie-" + string(id)}
	}
	if state.Final() {
		t.Finished = at.Add(time.Duration(8+s.random.IntN(90)) * time.Second)
		t.Delivered = t.Finished.Add(400 * time.Millisecond)
		entries = append(entries, s.end(&t))
	}
	s.tasks = append(s.tasks, t)
	s.update(func(tx core.Tx) error {
		for _, e := range entries {
			if err := storagetest.Book(tx, e); err != nil {
				return err
			}
		}
		return tx.PutTask(t)
	})
}

// end finishes the task and says what is booked.
func (s *seeded) end(t *core.Task) core.Entry {
	e := core.Entry{Account: t.Account, Task: t.ID, Kind: core.EntryRefund, At: t.Finished}
	settled := core.Credits(0)
	switch t.State {
	case core.Succeeded:
		settled, e.Kind = t.Hold.Amount, core.EntrySettle
		t.Charged = settled
		t.Outputs = []core.Output{{Kind: "image", URL: "https://files.example.org/" + string(t.ID) + ".png", File: s.file}}
	case core.Failed:
		t.Failure = &core.Failure{Reason: core.FailKie, Code: "500", Message: "The prompt was flagged by the content filter."}
	case core.Expired:
		t.Failure = &core.Failure{Reason: core.FailLate}
		t.OperatorLoss = t.Hold.Amount
	}
	for _, share := range t.Hold.Shares {
		e.Postings = append(e.Postings, core.Posting{Window: share.Window, Held: -share.Amount, Settled: settled})
	}
	return e
}

package storage

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
)

var update = flag.Bool("update", false, "write the golden files of the present version")

var at = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

// goldens has one full record of every type. What an older version wrote
// stays in testdata for ever.
func goldens() map[string]any {
	return map[string]any{
		"account":  goldenAccount(),
		"audit":    &core.Audit{Seq: 3, At: at, By: "telegram:123", Action: "limit", Target: "discord:456", Detail: "500 a day", Why: "a friend"},
		"chat":     &core.Chat{Lane: "telegram:-100", Limits: core.Limits{Daily: limit(500_000)}},
		"delivery": &core.Delivery{ID: 7, Lane: "web:local", Lead: "01jd00000000000002", Task: "01jd00000000000003", Kind: core.DeliverNotice, Created: at, Attempts: 2},
		"entry":    &core.Entry{Seq: 9, Account: "01jd00000000000001", Task: "01jd00000000000002", Kind: core.EntrySettle, Postings: []core.Posting{{Window: "day/a/2026-11-22", Held: -1500, Settled: 800}}, At: at},
		"seen":     &core.Seen{Key: "telegram:5", Tasks: []core.TaskID{"01jd00000000000002"}, Expires: at},
		"usage":    &core.Usage{Held: 1500, Settled: 800},
		"task":     goldenTask(),
		"account-settings": &core.Account{ID: "01jd00000000000001", Created: at, Settings: core.PersonSettings{
			Models: map[catalog.Kind]string{catalog.Image: "google/imagen4"}, Spoiler: new(bool), Language: "ru", ConfirmAbove: limit(5000),
		}},
		"account-warned": &core.Account{ID: "01jd00000000000001", Created: at, Warnings: []core.Warning{{At: at, Of: "0123456789abcdef"}}},
		"chat-news":      &core.Chat{Lane: "telegram:5", Settings: core.ChatSettings{News: true}},
		"delivery-news":  &core.Delivery{ID: 8, Lane: "telegram:5", Kind: core.DeliverNews, Created: at, Text: "Tea at five."},
		"chat-settings": &core.Chat{Lane: "telegram:-100", First: "telegram:-5", Settings: core.ChatSettings{
			Models: map[catalog.Kind]string{catalog.Video: "kling/v2-1-pro"}, Spoiler: true, AdminsOnly: true, Daily: limit(20_000),
		}},
		"place": &core.Chat{Lane: "discord:guild:456", Limits: core.Limits{Daily: limit(500_000), Monthly: limit(core.Unlimited)}, Rules: core.PlaceRules{
			Limits: core.Limits{Daily: limit(200_000)}, Person: limit(20_000), Roles: map[string]core.Limit{"discord:role:789": 50_000},
			Allow: []string{"discord:role:789", "discord:123"}, Channels: []string{"discord:channel:457"},
			Blocked: map[string]string{"discord:124": "spam"}, Off: []string{"veo3"},
		}},
	}
}

func limit(l core.Limit) *core.Limit { return &l }

func goldenAccount() *core.Account {
	return &core.Account{
		ID: "01jd00000000000001", Identities: []core.Identity{{Platform: "telegram", User: "123"}}, Created: at,
		Limits: core.Limits{Daily: limit(500_000), Monthly: limit(core.Unlimited)}, Tier: "gold",
		Blocked: &core.Block{By: "telegram:1", Why: "spam", At: at},
		Into:    "01jd00000000000009", From: []core.AccountID{"01jd00000000000008"},
	}
}

func goldenTask() *core.Task {
	return &core.Task{
		ID: "01jd00000000000002", Account: "01jd00000000000001",
		Batch: []core.TaskID{"01jd00000000000002", "01jd00000000000003"}, State: core.Succeeded,
		Request: core.Request{
			Key: "telegram:5", Command: "imagine", Prompt: "a cat & <a dog>", Model: "google/imagen4", Count: 2, Parent: "01jd00000000000000",
			Origin: core.Origin{Identity: core.Identity{Platform: "telegram", User: "123"}, Name: "Ada", Lane: "telegram:-100", Locale: "ru", Ref: json.RawMessage(`{"message":4}`)},
			Input:  map[string]any{"prompt": "a cat & <a dog>", "seed": json.Number("9007199254740993")},
		},
		Hold:    core.Hold{Amount: 8000, Shares: []core.Share{{Window: "day/a/2026-11-22", Amount: 8000}}},
		Charged: 7500, Estimated: true, OperatorLoss: 1,
		Kie:     kie.Ref{Endpoint: kie.Jobs, TaskID: "ee9c2715375b7837f8bb51d641ff5863"},
		Outputs: []core.Output{{URL: "https://example.com/a.png", Kind: kie.KindImage, Title: "t", Duration: time.Second, File: &media.File{Type: "image/png", Size: 5, Width: 3, Height: 2}}},
		Failure: &core.Failure{Reason: core.FailKie, Code: "501", Message: "生成失败"}, Waiting: core.FailKey, CancelWanted: true, Late: true,
		Created: at, Sent: at, Started: at, EmptyAt: at, Finished: at, Due: at, Attempts: 3,
		Shown: json.RawMessage(`{"message":6}`), Delivered: at,
	}
}

func TestGolden(t *testing.T) {
	for name, record := range goldens() {
		t.Run(name, func(t *testing.T) {
			data, err := Encode(record)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", fmt.Sprint(name, ".v", data[0]))
			if *update {
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(golden) != string(data) {
				t.Errorf("version %d encodes as\n%q\nand the golden file has\n%q", data[0], data, golden)
			}
			decodesTo(t, name, golden, data)
		})
	}
}

// What version 1 wrote decodes to what it meant, in today's shape.
func TestVersion1(t *testing.T) {
	task, entry := goldenTask(), goldens()["entry"]
	for name, want := range map[string]any{
		"account":  &core.Account{ID: "01jd00000000000001", Identities: []core.Identity{{Platform: "telegram", User: "123"}}, Created: at},
		"delivery": goldens()["delivery"], "entry": entry, "seen": goldens()["seen"], "usage": goldens()["usage"], "task": task,
	} {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".v1"))
		if err != nil {
			t.Fatal(err)
		}
		data, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		decodesTo(t, name, golden, data)
	}
}

// Version 2 kept a usage as JSON.
func TestUsageVersion2(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "usage.v2"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := Encode(goldens()["usage"])
	if err != nil {
		t.Fatal(err)
	}
	decodesTo(t, "usage", golden, data)
	if err := Decode(data, &core.Seen{}); err == nil {
		t.Error("a packed usage was taken for another record")
	}
}

// decode keeps the numbers in values of any type exact only for a task.
func TestOnlyTasksHaveValuesOfAnyType(t *testing.T) {
	for name, record := range goldens() {
		if _, free := record.(*core.Task); free != hasAny(reflect.TypeOf(record)) {
			t.Errorf("%s: has values of any type: %v", name, !free)
		}
	}
}

// hasAny says whether a value of the type can hold one of any type.
func hasAny(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasAny(typ.Elem())
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return false
		}
		return slices.ContainsFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool { return hasAny(f.Type) })
	}
	return false
}

// Every field of a usage is packed.
func TestUsageIsPackedWhole(t *testing.T) {
	var want, got core.Usage
	fields := reflect.ValueOf(&want).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetInt(-int64(i+1) << 40)
	}
	data, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := Decode(data, &got); err != nil || got != want {
		t.Errorf("%+v came back as %+v, %v", want, got, err)
	}
}

// decodesTo checks that the golden bytes decode to the record that encodes as want.
func decodesTo(t *testing.T, name string, golden, want []byte) {
	t.Helper()
	fresh := map[string]any{
		"account": &core.Account{}, "audit": &core.Audit{}, "chat": &core.Chat{},
		"delivery": &core.Delivery{}, "entry": &core.Entry{}, "seen": &core.Seen{}, "usage": &core.Usage{}, "task": &core.Task{},
		"account-settings": &core.Account{}, "account-warned": &core.Account{}, "chat-news": &core.Chat{}, "delivery-news": &core.Delivery{}, "chat-settings": &core.Chat{}, "place": &core.Chat{},
	}[name]
	if err := Decode(golden, fresh); err != nil {
		t.Fatal(err)
	}
	back, err := Encode(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if string(back) != string(want) {
		t.Errorf("decoded and encoded again:\n%s\nwant\n%s", back, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data  string
		newer bool
	}{
		"empty":           {"", false},
		"version 0":       {"\x00{}", false},
		"newer":           {"\x04{}", true},
		"cut":             {"\x01{\"held\":1", false},
		"not JSON":        {"\x01held", false},
		"packed and cut":  {"\x03\x02\x02", false},
		"packed and more": {"\x03\x02\x02\x02\x02", false},
		"wrong":           {"\x01{\"held\":\"x\"}", false},
	} {
		err := Decode([]byte(c.data), &core.Usage{})
		if err == nil || errors.Is(err, ErrNewer) != c.newer {
			t.Errorf("%s: error %v, newer wanted %v", name, err, c.newer)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.v*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var task core.Task
		if Decode(data, &task) != nil {
			return
		}
		again, err := Encode(task)
		if err != nil {
			t.Fatalf("what decodes does not encode: %v", err)
		}
		if err := Decode(again, &core.Task{}); err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
	})
}

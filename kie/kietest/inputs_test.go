package kietest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// rules is a catalogue with everything that an entry can say about inputs.
const rules = `{"models":[
	{"id":"acme/rules","title":"Rules","kind":"image","default_for_kind":true,"task":"text-to-image","source":"https://docs.kie.ai",
		"inputs":[
			{"name":"prompt","type":"string","option":"prompt"},
			{"name":"image_url","type":"string","media":"image"},
			{"name":"size","type":"string","enum":["1K"],"also_values":["8K"]},
			{"name":"seconds","type":"integer","min":1,"max":9,"also_types":["string"],"also_values":[99]},
			{"name":"first","type":"string","media":"image","not_with":["image_url"]},
			{"name":"last","type":"string","media":"image","needs":"first"},
			{"name":"parts","type":"array","items":"object"}
		],
		"require_one_of":[["prompt"],["image_url"]],
		"price":{"per":"request","rates":[{"credits":5}]}},
	{"id":"acme/unpriced","title":"Unpriced","kind":"video","default_for_kind":true,"task":"text-to-video","source":"https://docs.kie.ai",
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true}],"price":{}},
	{"id":"acme/gone","title":"Gone","kind":"video","task":"text-to-video","source":"https://docs.kie.ai","status":"retired","reason":"it is gone",
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true}],"price":{}},
	{"id":"bytedance/seedance-2","title":"Seedance 2","kind":"video","task":"image-to-video","source":"https://docs.kie.ai",
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true},{"name":"images","type":"array","items":"string","media":"image"}],
		"price":{"per":"request","rates":[{"credits":30}]}}
]}`

func TestRulesBetweenInputs(t *testing.T) {
	models, err := catalog.Parse(strings.NewReader(rules))
	if err != nil {
		t.Fatal(err)
	}
	cfg := fast()
	cfg.Catalog = models
	const link = "https://e.test/a.png"
	for _, test := range []struct {
		name, model string
		input       map[string]any
		code        int
		text        string
	}{
		{"one of the sets", "acme/rules", map[string]any{"prompt": "x"}, 200, ""},
		{"the other set", "acme/rules", map[string]any{"image_url": link}, 200, ""},
		{"no set", "acme/rules", map[string]any{"size": "1K"}, 500, "prompt"},
		{"a value beyond the schema", "acme/rules", map[string]any{"prompt": "x", "size": "8K"}, 200, ""},
		{"a value beyond both", "acme/rules", map[string]any{"prompt": "x", "size": "9K"}, 422, "size"},
		{"a number beyond the range", "acme/rules", map[string]any{"prompt": "x", "seconds": 99}, 200, ""},
		{"a number beyond both", "acme/rules", map[string]any{"prompt": "x", "seconds": 98}, 422, "seconds"},
		{"another type", "acme/rules", map[string]any{"prompt": "x", "seconds": "6"}, 200, ""},
		{"a third type", "acme/rules", map[string]any{"prompt": "x", "seconds": true}, 422, "seconds"},
		{"not together", "acme/rules", map[string]any{"first": link, "image_url": link}, 422, "together"},
		{"not alone", "acme/rules", map[string]any{"prompt": "x", "last": link}, 500, "first"},
		{"both frames", "acme/rules", map[string]any{"prompt": "x", "last": link, "first": link}, 200, ""},
		{"a link in an object", "acme/rules", map[string]any{"prompt": "x", "parts": []any{map[string]any{"image_urls": []any{link}, "name": "http://is.fine"}}}, 200, ""},
		{"a dead link in an object", "acme/rules", map[string]any{"prompt": "x", "parts": []any{map[string]any{"image_urls": []any{"http://e.test/a.png"}}}}, 500, "Server exception"},
		{"no price", "acme/unpriced", map[string]any{"prompt": "x"}, 200, ""},
		{"a retired model", "acme/gone", map[string]any{"prompt": "x"}, 422, "not supported"},
		{"assets", "bytedance/seedance-2", map[string]any{"prompt": "x", "images": []any{"asset://a1", link}}, 200, ""},
		{"an asset without an id", "bytedance/seedance-2", map[string]any{"prompt": "x", "images": []any{"asset://"}}, 422, "images"},
		{"an asset elsewhere", "acme/rules", map[string]any{"image_url": "asset://a1"}, 422, "image_url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, cfg, func(c caller) {
				c.call(http.MethodPost, createPath, order(t, test.model, test.input, "")).want(c, test.code, test.text)
				if spent := kietest.DefaultCredits - c.Balance(); (spent > 0) != (test.code == 200) {
					t.Errorf("spent %s", spent)
				}
			})
		})
	}
}

// TestEarlierTasks proves that a follow-up of the unified API wants a finished
// task of the same account.
func TestEarlierTasks(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubbleWith(t, cfg, &receiver{}, func(c caller) {
		follow := func(id, audio string) answer {
			return c.call(http.MethodPost, createPath, order(t, "ai-music-api/convert-to-wav-format", map[string]any{"task_id": id, "audio_id": audio}, ""))
		}
		follow("nobody", "x").want(c, 422, "does not exist")
		running := c.createFor("ai-music-api/generate", map[string]any{"prompt": "x", "custom_mode": false, "instrumental": false, "model": "V5"}, "")
		follow(running, running+"-0").want(c, 422, "not finished")
		c.finished(running)
		follow(running, running+"-0").want(c, 200, "")
		req := c.request(http.MethodPost, createPath, order(t, "ai-music-api/convert-to-wav-format", map[string]any{"task_id": running, "audio_id": "x"}, ""))
		req.Header.Set("Authorization", "Bearer two")
		if a, err := c.try(req); err != nil || a.Code != 422 {
			t.Errorf("another account got code %d, %v", a.Code, err)
		}
	})
}

func TestResultObjects(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		for model, want := range map[string]string{
			"ai-music-api/generate-lyrics":       `"lyricsData":[{"text":"[Verse 1]`,
			"ai-music-api/boost-music-style":     `"text":"a waltz, warm`,
			"ai-music-api/validation-phrase":     `"isReady":true`,
			"omnihuman-1-5/human-identification": `"maskUrls":["`,
		} {
			id := c.createFor(model, map[string]any{
				"prompt": "a waltz", "content": "a waltz", "voice_url": "https://e.test/v.mp3", "image_url": "https://e.test/i.png",
				"vocal_start_s": 0, "vocal_end_s": 10,
			}, "")
			r := c.finished(id)
			if r.State != kietest.StateSuccess || r.ResultJSON == nil || !strings.HasPrefix(*r.ResultJSON, `{"resultObject":{`) || !strings.Contains(*r.ResultJSON, want) {
				t.Errorf("%s gave %s %v", model, r.State, *r.ResultJSON)
			}
		}
		mask := c.Tasks()
		status, err := c.client().Status(c.Context(), kie.Ref{Endpoint: kie.Jobs, TaskID: mask[0].ID})
		if err != nil || len(status.Outputs) == 0 {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

// FuzzOlderBodies sends arbitrary bodies to every older endpoint: the answer is
// an envelope, and a task is made exactly when it says so.
func FuzzOlderBodies(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":"x"}`, `{"prompt":"x","callBackUrl":"http://127.0.0.1:1/"}`, `null`, `{"taskId":7,"prompt":{}}`, `{"audioId":"-"}`,
		`{"prompt":"x","customMode":true,"instrumental":true,"model":"V5","style":"s","title":"t","callBackUrl":"http://127.0.0.1:1/"}`,
		`{"prompt":"x","duration":1e300,"quality":"720p"}`, `{"uploadUrlList":["https://a.test",[]]}`, "\xff", `{"model":[]}`,
	} {
		f.Add(seed)
	}
	models, err := catalog.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		cfg := fast()
		cfg.Catalog = models
		bubble(t, cfg, func(c caller) {
			for i, info := range olderEndpoints() {
				if i%15 == 14 {
					pass(time.Minute)
				}
				before := len(c.Tasks())
				a := c.call(http.MethodPost, info.Create, body)
				if made := a.Code == http.StatusOK; a.Code == 0 || made != (len(c.Tasks()) == before+1) {
					t.Errorf("%s: code %d with %d tasks", info.Endpoint, a.Code, len(c.Tasks())-before)
				}
			}
			pass(time.Minute)
			for _, task := range c.Tasks() {
				if task.State != kietest.StateSuccess {
					t.Errorf("task ended as %s", task.State)
				}
			}
		})
	})
}

// A file that is paid for by the second costs its seconds, as far as they are known.
func TestPriceOfLengths(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		before := c.Balance()
		c.call(http.MethodPost, "/api/v1/jobs/createTask", `{"model":"topaz/video-upscale","input":{"video_url":"https://e.test/in.mp4"}}`).want(c, 200, "success")
		if paid := before - c.Balance(); paid != 8_000 {
			t.Errorf("a second costs %s", paid)
		}
	})
}

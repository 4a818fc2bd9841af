package kietest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/kie"
	"kiebot/kie/kietest"
)

const sunoHook = "http://bot.test/hooks/kie/suno/token"

// olderOrder is a right order for each of the older endpoints. Where it goes
// on from another task, parent names that one's endpoint.
type olderOrder struct {
	endpoint kie.Endpoint
	model    string
	parent   kie.Endpoint
	track    bool // it wants a track of the parent
	input    map[string]any
	outputs  int
	kind     kie.Kind
	running  string // what the record says before the end
	success  string // and afterwards
	fail     string // and after a failure with failCode 501
}

func olderOrders() []olderOrder {
	const (
		r0, r1, r3 = `"successFlag":0`, `"successFlag":1`, `"successFlag":3`
		pending    = `"status":"PENDING"`
		sang, sour = `"status":"SUCCESS"`, `"status":"GENERATE_AUDIO_FAILED"`
		in, snd    = "https://e.test/in.mp4", "https://e.test/in.mp3"
	)
	song := func(e kie.Endpoint, model string, input map[string]any) olderOrder {
		return olderOrder{endpoint: e, model: model, input: input, outputs: 2, kind: kie.KindAudio, running: pending, success: sang, fail: sour}
	}
	custom := func(more string, value any) map[string]any {
		return map[string]any{"prompt": "la", "customMode": false, "instrumental": false, more: value}
	}
	orders := []olderOrder{
		{endpoint: kie.Veo, model: "veo3_fast", input: map[string]any{"prompt": "a cat", "aspect_ratio": "9:16"}, outputs: 1, kind: kie.KindVideo, running: r0, success: r1, fail: r3},
		{endpoint: kie.VeoExtend, model: "fast", parent: kie.Veo, input: map[string]any{"prompt": "on"}, outputs: 1, kind: kie.KindVideo, running: r0, success: `"fullResultUrls":["`, fail: r3},
		{endpoint: kie.Veo4K, parent: kie.Veo, input: map[string]any{"index": 0}, outputs: 1, kind: kie.KindVideo, running: r0, success: `"mediaIds":["`, fail: r3},
		{endpoint: kie.Runway, input: map[string]any{"prompt": "a cat", "duration": 5, "quality": "720p", "aspectRatio": "16:9"}, outputs: 1, kind: kie.KindVideo, running: `"state":"wait"`, success: `"videoInfo":{"videoId"`, fail: `"state":"fail"`},
		{endpoint: kie.RunwayExtend, parent: kie.Runway, input: map[string]any{"prompt": "on", "quality": "720p"}, outputs: 1, kind: kie.KindVideo, running: `"state":"wait"`, success: `"state":"success"`, fail: `"failCode":501`},
		{endpoint: kie.Aleph, input: map[string]any{"prompt": "snow", "videoUrl": in}, outputs: 1, kind: kie.KindVideo, running: r0, success: `"resultVideoUrl":"`, fail: r3},
		{endpoint: kie.Image4o, input: map[string]any{"prompt": "a cat", "size": "1:1"}, outputs: 1, kind: kie.KindImage, running: `"status":"GENERATING"`, success: `"progress":"1.00"`, fail: `"status":"GENERATE_FAILED"`},
		{endpoint: kie.FluxKontext, model: "flux-kontext-max", input: map[string]any{"prompt": "a cat", "outputFormat": "png"}, outputs: 1, kind: kie.KindImage, running: r0, success: `"originImageUrl":"`, fail: r3},
		song(kie.Suno, "V5", custom("style", "folk")),
		song(kie.SunoUploadCover, "V5", custom("uploadUrl", snd)),
		song(kie.SunoUploadExtend, "V5", map[string]any{"uploadUrl": snd, "defaultParamFlag": true, "continueAt": 10, "prompt": "la"}),
		song(kie.SunoAddInstrumental, "V5", map[string]any{"uploadUrl": snd, "title": "t", "negativeTags": "n", "tags": "folk"}),
		song(kie.SunoAddVocals, "V5", map[string]any{"uploadUrl": snd, "prompt": "la", "title": "t", "negativeTags": "n", "style": "folk"}),
		song(kie.SunoMashup, "V5", custom("uploadUrlList", []string{snd, snd})),
		song(kie.SunoSounds, "V5", map[string]any{"prompt": "rain", "soundTempo": 90}),
		{endpoint: kie.SunoLyrics, input: map[string]any{"prompt": "the sea"}, outputs: 2, kind: kie.KindText, running: pending, success: `"data":[{"text":"[Verse 1]`, fail: `"status":"GENERATE_LYRICS_FAILED"`},
		{endpoint: kie.SunoWAV, parent: kie.Suno, track: true, outputs: 1, kind: kie.KindAudio, running: `"successFlag":"PENDING"`, success: `"audioWavUrl":"`, fail: `"successFlag":"GENERATE_WAV_FAILED"`},
		{endpoint: kie.SunoVocalRemoval, parent: kie.Suno, track: true, input: map[string]any{"type": "split_stem"}, outputs: 6, kind: kie.KindAudio, running: `"successFlag":"PENDING"`, success: `"drumsUrl":"`, fail: `"successFlag":"GENERATE_VOCAL_FAILED"`},
		{endpoint: kie.SunoMIDI, parent: kie.SunoVocalRemoval, outputs: 1, kind: kie.KindText, running: r0, success: `"midiData":{"state":"complete"`, fail: r3},
		{endpoint: kie.SunoMP4, parent: kie.Suno, track: true, input: map[string]any{"author": "me"}, outputs: 1, kind: kie.KindVideo, running: `"successFlag":"PENDING"`, success: `"videoUrl":"`, fail: `"successFlag":"GENERATE_MP4_FAILED"`},
		{endpoint: kie.SunoCover, parent: kie.Suno, outputs: 2, kind: kie.KindImage, running: r0, success: `"images":["`, fail: r3},
		{endpoint: kie.Midjourney, input: map[string]any{"taskType": "mj_txt2img", "prompt": "a cat"}, outputs: 4, kind: kie.KindImage, running: r0, success: `"resultInfoJson":{"resultUrls":[{"resultUrl":"`, fail: r3},
		{endpoint: kie.MidjourneyUpscale, parent: kie.Midjourney, input: map[string]any{"imageIndex": 1}, outputs: 1, kind: kie.KindImage, running: r0, success: r1, fail: r3},
		{endpoint: kie.MidjourneyVary, parent: kie.Midjourney, input: map[string]any{"imageIndex": 1}, outputs: 4, kind: kie.KindImage, running: r0, success: r1, fail: r3},
		{endpoint: kie.MidjourneyVideo, parent: kie.Midjourney, input: map[string]any{"prompt": "on"}, outputs: 1, kind: kie.KindVideo, running: r0, success: r1, fail: r3},
		{endpoint: kie.LumaModify, input: map[string]any{"prompt": "snow", "videoUrl": in}, outputs: 1, kind: kie.KindVideo, running: r0, success: r1, fail: r3},
	}
	extend := song(kie.SunoExtend, "V5", map[string]any{"defaultParamFlag": true, "prompt": "la", "continueAt": 5})
	extend.parent, extend.track = kie.Suno, true
	section := song(kie.SunoReplaceSection, "", map[string]any{"prompt": "la", "tags": "folk", "title": "t", "fullLyrics": "la la", "infillStartS": 1, "infillEndS": 8.5})
	section.parent, section.track = kie.Suno, true
	return append(orders, extend, section)
}

func findOrder(t testing.TB, e kie.Endpoint) olderOrder {
	t.Helper()
	orders := olderOrders()
	i := slices.IndexFunc(orders, func(o olderOrder) bool { return o.endpoint == e })
	if i < 0 {
		t.Fatalf("no order for the endpoint %s", e)
	}
	return orders[i]
}

// request completes an order with a finished parent, which it makes.
func (c caller) orderFor(o olderOrder) kie.CreateRequest {
	c.Helper()
	r := kie.CreateRequest{Endpoint: o.endpoint, Model: o.model, Input: map[string]any{}, CallbackURL: sunoHook, AllowRetired: true}
	for name, value := range o.input {
		r.Input[name] = value
	}
	if o.parent != "" {
		ref, status := c.run(findOrder(c, o.parent))
		if o.endpoint != kie.SunoExtend {
			r.Input["taskId"] = ref.TaskID
		}
		if o.track {
			r.Input["audioId"] = status.Outputs[1].ID
		}
	}
	return r
}

// run makes a task and waits for its end.
func (c caller) run(o olderOrder) (kie.Ref, kie.Status) {
	c.Helper()
	client := c.client()
	ref, err := client.Create(c.Context(), c.orderFor(o))
	if err != nil {
		c.Fatalf("%s: %v", o.endpoint, err)
	}
	status, err := client.Wait(c.Context(), ref)
	if err != nil {
		c.Fatalf("%s: %v", o.endpoint, err)
	}
	return ref, status
}

// raw reads a record as it comes.
func (c caller) raw(ref kie.Ref) string {
	c.Helper()
	info, _ := ref.Endpoint.Info()
	return string(c.call(http.MethodGet, info.Record+"?taskId="+ref.TaskID, "").want(c, 200, "success").Data)
}

// olderEndpoints are those beside the unified API that make tasks.
func olderEndpoints() []kie.EndpointInfo {
	return slices.DeleteFunc(kie.Endpoints()[1:], kie.EndpointInfo.AtOnce)
}

// TestEveryEndpoint runs each endpoint that the client has from the order to
// the files.
func TestEveryEndpoint(t *testing.T) {
	for _, info := range olderEndpoints() {
		t.Run(string(info.Endpoint), func(t *testing.T) {
			o := findOrder(t, info.Endpoint)
			bubbleWith(t, fast(), &receiver{}, func(c caller) {
				request := c.orderFor(o)
				before := c.Balance()
				ref, err := c.client().Create(c.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				pass(time.Second) // until the record is known
				if got := c.raw(ref); !strings.Contains(got, o.running) {
					t.Errorf("running record %s lacks %s", got, o.running)
				}
				status, err := c.client().Wait(c.Context(), ref)
				if err != nil || status.State != kie.Success || len(status.Outputs) != o.outputs {
					t.Fatalf("status %+v, %v; want %d outputs", status, err, o.outputs)
				}
				if got := c.raw(ref); !strings.Contains(got, o.success) {
					t.Errorf("final record %s lacks %s", got, o.success)
				}
				c.checkOutputs(status, o.kind)
				tasks := c.Tasks()
				last := tasks[len(tasks)-1]
				if last.ID != ref.TaskID || last.Endpoint != string(o.endpoint) || before-c.Balance() != last.Credits {
					t.Errorf("task %+v, paid %s", last, before-c.Balance())
				}
				if len(c.IgnoredInputs()) != 0 {
					t.Errorf("ignored %v", c.IgnoredInputs())
				}
			})
		})
	}
}

// checkOutputs fetches all that a task has made.
func (c caller) checkOutputs(status kie.Status, kind kie.Kind) {
	c.Helper()
	for _, out := range status.Outputs {
		if out.Kind != kind || kind == kie.KindText != (out.URL == "") {
			c.Errorf("output %+v is no %s", out, kind)
		}
		for _, url := range []string{out.URL, out.CoverURL, out.StreamURL} {
			if url == "" {
				continue
			}
			if a := c.fetch(url); a.status != http.StatusOK || len(a.body) == 0 {
				c.Errorf("GET %s gave status %d", url, a.status)
			}
		}
	}
}

func TestFailuresOfOlderEndpoints(t *testing.T) {
	for _, o := range olderOrders() {
		t.Run(string(o.endpoint), func(t *testing.T) {
			bubbleWith(t, fast(), &receiver{}, func(c caller) {
				request := c.orderFor(o)
				before := c.Balance()
				c.NextCreate(kietest.Fail("501", "no luck"))
				ref, err := c.client().Create(c.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				status, err := c.client().Wait(c.Context(), ref)
				if err != nil || status.State != kie.Fail || status.Failure.Code != "501" || status.Failure.Message != "no luck" {
					t.Fatalf("status %+v, %v", status, err)
				}
				if got := c.raw(ref); !strings.Contains(got, o.fail) {
					t.Errorf("record %s lacks %s", got, o.fail)
				}
				if c.Balance() != before {
					t.Errorf("a failure cost %s", before-c.Balance())
				}
			})
		})
	}
}

// TestCallbacksOfOlderEndpoints proves that the callback of each endpoint
// tells the same as its record.
func TestCallbacksOfOlderEndpoints(t *testing.T) {
	for _, o := range olderOrders() {
		for _, fails := range []bool{false, true} {
			t.Run(string(o.endpoint)+map[bool]string{true: " fails"}[fails], func(t *testing.T) {
				r := &receiver{}
				bubbleWith(t, fast(), r, func(c caller) {
					request := c.orderFor(o)
					if fails {
						c.NextCreate(kietest.Fail("400", "refused"))
					}
					ref, err := c.client().Create(c.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					status, err := c.client().Wait(c.Context(), ref)
					if err != nil {
						t.Fatal(err)
					}
					pass(time.Second)
					got := r.deliveries()
					last, err := kie.ParseCallback(got[len(got)-1].body)
					if err != nil || last.TaskID != ref.TaskID || !last.Final() {
						t.Fatalf("callback %s: %+v, %v", got[len(got)-1].body, last, err)
					}
					if fails && (last.Stage != kie.StageError || last.Code != 400 || last.Message != "refused") {
						t.Errorf("callback %+v", last)
					}
					if !fails && (last.Stage != kie.StageComplete || last.Code != 200 || last.Status == nil || len(last.Status.Outputs) == 0 || last.Status.Outputs[0].URL != status.Outputs[0].URL) {
						t.Errorf("callback %s says %+v, the record has %+v", got[len(got)-1].body, last.Status, status.Outputs)
					}
				})
			})
		}
	}
}

func TestOlderRefusals(t *testing.T) {
	const hook = `"callBackUrl":"http://bot.test/x"`
	tests := []struct {
		name, path, body string
		code             int
		text             string
	}{
		{"no JSON", "veo/generate", `{`, 400, "JSON"},
		{"list", "veo/generate", `[]`, 400, "JSON"},
		{"no prompt", "veo/generate", `{}`, 500, "prompt"},
		{"unknown model", "veo/generate", `{"prompt":"x","model":"veo2"}`, 422, "not supported"},
		{"retired model", "generate", `{"prompt":"x","customMode":false,"instrumental":false,"model":"V3_5",` + hook + `}`, 422, "not supported"},
		{"references for veo3", "veo/generate", `{"prompt":"x","model":"veo3","generationType":"REFERENCE_2_VIDEO","imageUrls":["https://e.test/1.png"]}`, 422, "REFERENCE_2_VIDEO"},
		{"frames without images", "veo/generate", `{"prompt":"x","generationType":"FIRST_AND_LAST_FRAMES_2_VIDEO"}`, 422, "imageUrls"},
		{"no callback", "generate", `{"prompt":"x","customMode":false,"instrumental":false,"model":"V5"}`, 422, "callBackUrl"},
		{"callback that is no text", "generate", `{"prompt":"x","callBackUrl":7}`, 422, "callBackUrl"},
		{"callback that is no link", "veo/generate", `{"prompt":"x","callBackUrl":"x"}`, 422, "callBackUrl"},
		{"luma without callback", "modify/generate", `{"prompt":"x","videoUrl":"https://e.test/a.mp4"}`, 422, "callBackUrl"},
		{"prompt of a simple song too long", "generate", `{"prompt":"` + strings.Repeat("x", 501) + `","customMode":false,"instrumental":false,"model":"V5",` + hook + `}`, 413, "too long"},
		{"custom without style", "generate", `{"prompt":"x","customMode":true,"instrumental":false,"model":"V5","title":"t",` + hook + `}`, 422, "style"},
		{"ten seconds in 1080p", "runway/generate", `{"prompt":"x","duration":10,"quality":"1080p","aspectRatio":"16:9"}`, 422, "1080p"},
		{"four seconds", "runway/generate", `{"prompt":"x","duration":7,"quality":"720p","aspectRatio":"16:9"}`, 422, "duration"},
		{"mask for two images", "gpt4o-image/generate", `{"prompt":"x","size":"1:1","filesUrl":["https://e.test/a.png","https://e.test/b.png"],"maskUrl":"https://e.test/m.png"}`, 422, "maskUrl"},
		{"nothing to draw", "gpt4o-image/generate", `{"size":"1:1"}`, 500, "prompt"},
		{"unsafe edit", "flux/kontext/generate", `{"prompt":"x","inputImage":"https://e.test/m.png","safetyTolerance":5}`, 422, "safetyTolerance"},
		{"one song to mash", "generate/mashup", `{"prompt":"x","customMode":false,"instrumental":false,"model":"V5","uploadUrlList":["https://e.test/a.mp3"],` + hook + `}`, 422, "uploadUrlList"},
		{"no such parent", "veo/extend", `{"taskId":"nobody","prompt":"x"}`, 422, "does not exist"},
		{"no such track", "generate/extend", `{"audioId":"nobody-0","defaultParamFlag":true,"prompt":"x","model":"V5",` + hook + `}`, 422, "does not exist"},
		{"short section", "generate/replace-section", `{"taskId":"a","audioId":"a-0","prompt":"x","tags":"x","title":"x","fullLyrics":"x","infillStartS":1,"infillEndS":5,` + hook + `}`, 422, "between 6 and 60"},
		{"no persona name", "generate/generate-persona", `{"taskId":"a","audioId":"a-0"}`, 500, "name"},
		{"persona of nothing", "generate/generate-persona", `{"taskId":"a","audioId":"a-0","name":"n","description":"d"}`, 422, "does not exist"},
		{"style without words", "style/generate", `{}`, 500, "content"},
		{"style of a list", "style/generate", `[]`, 400, "JSON"},
		{"4o file of nobody", "gpt4o-image/download-url", `{"taskId":"x","url":"https://e.test/a.png"}`, 422, "not a file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.call(http.MethodPost, "/api/v1/"+test.path, test.body).want(c, test.code, test.text)
				if len(c.Tasks()) != 0 || c.Balance() != kietest.DefaultCredits {
					t.Errorf("a refused call left %d tasks and a balance of %s", len(c.Tasks()), c.Balance())
				}
			})
		})
	}
}

// TestRecordsAreApart proves that a record call knows the tasks of its own
// family only.
func TestRecordsAreApart(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		id := c.create("a cat")
		ref, _ := c.run(findOrder(t, kie.Veo))
		for _, path := range []string{"veo/record-info", "runway/record-detail", "flux/kontext/record-info", "lyrics/record-info"} {
			c.call(http.MethodGet, "/api/v1/"+path+"?taskId="+id, "").want(c, 422, "does not exist")
			c.call(http.MethodGet, "/api/v1/"+path, "").want(c, 400, "taskId")
		}
		if a := c.call(http.MethodGet, "/api/v1/generate/record-info?taskId="+id, "").want(c, 200, ""); string(a.Data) != "null" {
			t.Errorf("Suno's record of an unknown task is %s", a.Data)
		}
		c.call(http.MethodGet, recordPath+ref.TaskID, "").want(c, 422, "recordInfo is null")
	})
}

func TestSongPassesThroughItsStages(t *testing.T) {
	r := &receiver{}
	bubbleWith(t, fast(), r, func(c caller) {
		ref, err := c.client().Create(c.Context(), c.orderFor(findOrder(t, kie.Suno)))
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for range 45 {
			pass(250 * time.Millisecond)
			var record struct {
				Status   string
				Response *struct {
					SunoData []struct{ AudioURL, StreamAudioURL, ImageURL string }
				}
			}
			info, _ := ref.Endpoint.Info()
			c.call(http.MethodGet, info.Record+"?taskId="+ref.TaskID, "").want(c, 200, "").decode(t, &record)
			if record.Status == "" || len(seen) > 0 && seen[len(seen)-1] == record.Status {
				continue
			}
			seen = append(seen, record.Status)
			if record.Response == nil {
				continue
			}
			files := 0
			for _, track := range record.Response.SunoData {
				for _, url := range []string{track.StreamAudioURL, track.ImageURL} {
					if a := c.fetch(url); a.status != http.StatusOK {
						t.Errorf("%s: GET %s gave status %d", record.Status, url, a.status)
					}
				}
				if track.AudioURL != "" {
					files++
				}
			}
			if want := map[string]int{"TEXT_SUCCESS": 0, "FIRST_SUCCESS": 1, "SUCCESS": 2}[record.Status]; files != want {
				t.Errorf("%s has %d files, want %d", record.Status, files, want)
			}
			first := c.fetch(c.URL() + "/files/" + ref.TaskID + "/0.mp3").status
			if there := record.Status != "TEXT_SUCCESS"; there != (first == http.StatusOK) {
				t.Errorf("at %s the first track has status %d", record.Status, first)
			}
		}
		if want := []string{"PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"}; !slices.Equal(seen, want) {
			t.Errorf("statuses %v, want %v", seen, want)
		}
		checkStages(t, r, "text", "first", "complete")
	})
}

// stagesOf returns the types of the callbacks that arrived, in order.
func stagesOf(t *testing.T, r *receiver) []string {
	t.Helper()
	var got []string
	for _, d := range r.deliveries() {
		var body struct {
			Data struct{ CallbackType string }
		}
		if err := json.Unmarshal(d.body, &body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body.Data.CallbackType)
	}
	return got
}

// checkStages fails unless these callbacks arrived, in this order.
func checkStages(t *testing.T, r *receiver, want ...string) {
	t.Helper()
	if got := stagesOf(t, r); !slices.Equal(got, want) {
		t.Errorf("callbacks %v, want %v", got, want)
	}
}

func TestFaultsOfStages(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault kietest.Fault
		want  []string
	}{
		{"reordered", kietest.CallbackReordered(), []string{"complete", "first", "text"}},
		{"early", kietest.CallbackEarly(), []string{"text", "first", "complete"}},
		{"late", kietest.CallbackLate(20 * time.Second), nil},
		{"failed", kietest.Fail("501", "no"), []string{"error"}},
		{"stuck", kietest.Stick(), nil},
		{"held", kietest.HoldTask(), []string{"text", "first"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &receiver{}
			bubbleWith(t, fast(), r, func(c caller) {
				c.NextCreate(test.fault)
				request := c.orderFor(findOrder(t, kie.Suno))
				ref, err := c.client().Create(c.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				pass(15 * time.Second)
				got := stagesOf(t, r)
				if test.name == "early" { // they leave all at once
					slices.Sort(got)
					slices.Sort(test.want)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("callbacks %v, want %v", got, test.want)
				}
				if c.Release(ref.TaskID) || test.want == nil {
					pass(25 * time.Second)
					checkStages(t, r, "text", "first", "complete")
				}
			})
		})
	}
}

// TestUnheardCallbacks proves that a callback URL that cannot be reached
// shows in the record, and that the result can be read all the same.
func TestUnheardCallbacks(t *testing.T) {
	for endpoint, want := range map[kie.Endpoint]string{kie.Suno: `"status":"CALLBACK_EXCEPTION"`, kie.LumaModify: `"successFlag":4`, kie.Veo: `"successFlag":1`} {
		t.Run(string(endpoint), func(t *testing.T) {
			bubbleWith(t, fast(), &receiver{status: []int{500}}, func(c caller) {
				ref, _ := c.run(findOrder(t, endpoint))
				pass(time.Minute)
				status, err := c.client().Status(c.Context(), ref)
				if got := c.raw(ref); err != nil || status.State != kie.Success || len(status.Outputs) == 0 || !strings.Contains(got, want) {
					t.Errorf("record %s, status %+v, %v; want %s", got, status, err, want)
				}
			})
		})
	}
}

func TestForgedCallbackOfASong(t *testing.T) {
	r := &receiver{}
	bubbleWith(t, fast(), r, func(c caller) {
		c.NextCreate(kietest.CallbackForgedSignature())
		c.run(findOrder(t, kie.Suno))
		forged, err := kie.ParseCallback(r.deliveries()[0].body)
		if err != nil || forged.Stage != kie.StageComplete || len(forged.Status.Outputs) != 2 {
			t.Fatalf("forged callback %+v, %v", forged, err)
		}
		if a := c.fetch(forged.Status.Outputs[0].URL); a.status != http.StatusNotFound {
			t.Errorf("the invented track has status %d", a.status)
		}
	})
}

func TestEmptyResultOfOlderEndpoints(t *testing.T) {
	bubbleWith(t, fast(), &receiver{}, func(c caller) {
		for _, endpoint := range []kie.Endpoint{kie.Veo, kie.Suno, kie.Runway, kie.SunoLyrics, kie.Image4o} {
			o := findOrder(t, endpoint)
			c.NextCreate(kietest.EmptyResult(1))
			if _, status := c.run(o); len(status.Outputs) != o.outputs {
				t.Errorf("%s gave %+v", endpoint, status)
			}
		}
	})
}

func TestCreateWhenKnowsOlderEndpoints(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		stop := c.CreateWhen(func(model string, input map[string]any) bool {
			return model == "veo" && input["prompt"] == "a cat"
		}, kietest.Answer(455, "later"))
		c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"a cat"}`).want(c, 455, "later")
		c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"a dog"}`).want(c, 200, "")
		c.call(http.MethodPost, "/api/v1/veo/generate", `{`).want(c, 400, "")
		c.create("a cat")
		stop()
		c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"a cat"}`).want(c, 200, "")
	})
}

// TestOneLimitForAllCreations proves that the older endpoints share the limit
// of the unified one.
func TestOneLimitForAllCreations(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		for range 10 {
			c.create("a cat")
			c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"a cat"}`).want(c, 200, "")
		}
		c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"a cat"}`).want(c, 429, "frequency")
		c.call(http.MethodPost, createPath, createBody).want(c, 429, "frequency")
		if c.MaxCreatesInWindow() != 22 {
			t.Errorf("%d creations counted", c.MaxCreatesInWindow())
		}
	})
}

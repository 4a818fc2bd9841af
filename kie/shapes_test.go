package kie

import "time"

// shape is one endpoint as its page in Kie's documentation shows it: what is
// sent, and every answer that it can give.
type shape struct {
	endpoint Endpoint
	model    string
	input    map[string]any
	body     string              // what goes over the wire, with callBackUrl https://bot.test/1
	running  string              // a record before the final state
	partial  []Output            // what it offers already
	success  string              // a record in the end
	outputs  []Output            // what it holds
	fail     map[string]*Failure // records of failures
	callback string              // data of the final callback
	called   []Output            // its outputs
	stage    Stage               // its stage
}

const callbackURL = "https://bot.test/1"

func clip(url, cover string) []Output { return []Output{{URL: url, Kind: KindVideo, CoverURL: cover}} }

func image(url string) []Output { return []Output{{URL: url, Kind: KindImage}} }

// flagRunning and flagFails are the records that endpoints with a numeric
// successFlag share.
const flagRunning = `{"taskId":"t1","paramJson":"{}","successFlag":0,"response":null,"completeTime":null,"createTime":1755500000000,"errorCode":null,"errorMessage":""}`

func flagFails() map[string]*Failure {
	return map[string]*Failure{
		`{"taskId":"t1","successFlag":2,"errorCode":400,"errorMessage":"refused"}`: {"400", "refused"},
		`{"taskId":"t1","successFlag":"3","errorCode":"501","errorMessage":null}`:  {"501", ""},
	}
}

// wordFails are those of endpoints whose successFlag is a word.
func wordFails() map[string]*Failure {
	return map[string]*Failure{
		`{"taskId":"t1","successFlag":"CREATE_TASK_FAILED","errorCode":null,"errorMessage":null}`:             {"CREATE_TASK_FAILED", ""},
		`{"taskId":"t1","successFlag":"GENERATE_WAV_FAILED","errorCode":500,"errorMessage":"internal error"}`: {"500", "internal error"},
	}
}

const wordRunning = `{"taskId":"t1","successFlag":"PENDING","response":null,"errorCode":null}`

func shapes() []shape {
	all := []shape{
		{
			endpoint: Jobs, model: "google/imagen4", input: map[string]any{"prompt": "a cat"},
			body:    `{"model":"google/imagen4","input":{"prompt":"a cat"},"callBackUrl":"https://bot.test/1"}`,
			running: `{"taskId":"t1","model":"google/imagen4","state":"queuing","resultJson":"","failCode":null,"createTime":1790000000000}`,
			success: `{"taskId":"t1","model":"google/imagen4","state":"success","resultJson":"{\"resultUrls\":[\"https://h/1.png\"]}"}`,
			outputs: image("https://h/1.png"),
			fail: map[string]*Failure{
				`{"taskId":"t1","state":"fail","resultJson":null,"failCode":422,"failMsg":"no"}`: {"422", "no"},
			},
			callback: `{"taskId":"t1","model":"google/imagen4","state":"success","resultJson":"{\"resultUrls\":[\"https://h/1.png\"]}","creditsConsumed":8}`,
			called:   image("https://h/1.png"), stage: StageComplete,
		},
		{
			endpoint: Veo, model: "veo3_fast", input: map[string]any{"prompt": "a cat", "aspect_ratio": "16:9", "imageUrls": []string{"https://h/1.png"}},
			body:    `{"model":"veo3_fast","prompt":"a cat","aspect_ratio":"16:9","imageUrls":["https://h/1.png"],"callBackUrl":"https://bot.test/1"}`,
			running: flagRunning,
			success: `{"taskId":"t1","successFlag":1,"response":{"taskId":"t1","resultUrls":"[\"https://h/v\"]","originUrls":["https://h/o.mp4"],"resolution":"1080p"},"fallbackFlag":false}`,
			outputs: clip("https://h/v", ""), fail: flagFails(),
			callback: `{"taskId":"t1","info":{"resultUrls":"[\"https://h/v.mp4\"]","originUrls":["https://h/o.mp4"],"resolution":"720p"},"promptJson":"{}","fallbackFlag":false}`,
			called:   clip("https://h/v.mp4", ""), stage: StageComplete,
		},
		{
			endpoint: VeoExtend, model: "fast", input: map[string]any{"taskId": "t0", "prompt": "on"},
			body:    `{"model":"fast","taskId":"t0","prompt":"on","callBackUrl":"https://bot.test/1"}`,
			running: flagRunning,
			success: `{"taskId":"t1","successFlag":1,"response":{"taskId":"t1","resultUrls":["https://h/part.mp4"],"fullResultUrls":["https://h/whole.mp4"]}}`,
			outputs: clip("https://h/whole.mp4", ""), fail: flagFails(),
			callback: `{"taskId":"t1","info":{"resultUrls":["https://h/part.mp4"]}}`, called: clip("https://h/part.mp4", ""), stage: StageComplete,
		},
		{
			endpoint: Veo4K, input: map[string]any{"taskId": "t0", "index": 0},
			body:    `{"taskId":"t0","index":0,"callBackUrl":"https://bot.test/1"}`,
			running: flagRunning,
			success: `{"taskId":"t1","successFlag":1,"response":{"resultUrls":["https://h/v.mp4"],"imageUrls":["https://h/c.png"],"mediaIds":["m"]}}`,
			outputs: clip("https://h/v.mp4", "https://h/c.png"), fail: flagFails(),
			callback: `{"task_id":"t1","result_urls":["https://h/v.mp4"],"media_ids":["m"],"image_urls":["https://h/c.png"]}`,
			called:   clip("https://h/v.mp4", "https://h/c.png"), stage: StageComplete,
		},
		{
			endpoint: Runway, input: map[string]any{"prompt": "a cat", "duration": 5, "quality": "720p"},
			body:    `{"prompt":"a cat","duration":5,"quality":"720p","callBackUrl":"https://bot.test/1"}`,
			running: `{"taskId":"t1","state":"queueing","generateParam":{"prompt":"a cat","imageUrl":"https://h/in.png"},"expireFlag":0}`,
			success: `{"taskId":"t1","parentTaskId":"","state":"success","generateTime":"2023-08-15 14:30:45","videoInfo":{"videoId":"v","taskId":"t1","videoUrl":"https://h/v.mp4","imageUrl":"https://h/c.png"},"expireFlag":0}`,
			outputs: clip("https://h/v.mp4", "https://h/c.png"),
			fail: map[string]*Failure{
				`{"taskId":"t1","state":"fail","videoInfo":null,"failCode":400,"failMsg":"refused"}`: {"400", "refused"},
			},
			callback: `{"task_id":"t1","video_id":"v","video_url":"https://h/v.mp4","image_url":"https://h/c.png"}`,
			called:   clip("https://h/v.mp4", "https://h/c.png"), stage: StageComplete,
		},
		{
			endpoint: Aleph, input: map[string]any{"prompt": "snow", "videoUrl": "https://h/in.mp4"},
			body:    `{"prompt":"snow","videoUrl":"https://h/in.mp4","callBackUrl":"https://bot.test/1"}`,
			running: `{"taskId":"t1","successFlag":0,"response":null,"errorCode":0,"errorMessage":""}`,
			success: `{"taskId":"t1","successFlag":1,"response":{"taskId":"t1","resultVideoUrl":"https://h/v","resultImageUrl":"https://h/c.png"},"errorCode":0,"errorMessage":"","createTime":"2023-08-15T14:25:00Z"}`,
			outputs: clip("https://h/v", "https://h/c.png"),
			fail: map[string]*Failure{
				`{"taskId":"t1","successFlag":0,"errorCode":500,"errorMessage":"upstream"}`: {"500", "upstream"},
				`{"taskId":"t1","successFlag":3,"errorCode":500,"errorMessage":"upstream"}`: {"500", "upstream"},
				`{"taskId":"t1","successFlag":9}`:                                           {},
			},
			callback: `{"taskId":"t1","result_video_url":"https://h/v.mp4","result_image_url":"https://h/c.png"}`,
			called:   clip("https://h/v.mp4", "https://h/c.png"), stage: StageComplete,
		},
		{
			endpoint: Image4o, input: map[string]any{"prompt": "a cat", "size": "1:1", "nVariants": 1},
			body:    `{"prompt":"a cat","size":"1:1","nVariants":1,"callBackUrl":"https://bot.test/1"}`,
			running: `{"taskId":"t1","status":"GENERATING","successFlag":0,"progress":"0.50","response":null}`,
			success: `{"taskId":"t1","status":"SUCCESS","successFlag":1,"progress":"1.00","response":{"result_urls":["https://h/1"]}}`,
			outputs: image("https://h/1"),
			fail: map[string]*Failure{
				`{"taskId":"t1","status":"GENERATE_FAILED","successFlag":2,"errorCode":400,"errorMessage":"refused"}`: {"400", "refused"},
				`{"taskId":"t1","status":"CREATE_TASK_FAILED","successFlag":3}`:                                       {"CREATE_TASK_FAILED", ""},
				`{"taskId":"t1","successFlag":2,"errorCode":"451"}`:                                                   {"451", ""},
			},
			callback: `{"taskId":"t1","info":{"result_urls":["https://h/1.png"]}}`, called: image("https://h/1.png"), stage: StageComplete,
		},
		{
			endpoint: FluxKontext, model: "flux-kontext-max", input: map[string]any{"prompt": "a cat"},
			body:    `{"model":"flux-kontext-max","prompt":"a cat","callBackUrl":"https://bot.test/1"}`,
			running: flagRunning,
			success: `{"taskId":"t1","successFlag":1,"response":{"originImageUrl":"https://h/soon-gone","resultImageUrl":"https://h/1"}}`,
			outputs: image("https://h/1"), fail: flagFails(),
			callback: `{"taskId":"t1","info":{"originImageUrl":"https://h/soon-gone.png","resultImageUrl":"https://h/1.png"}}`,
			called:   image("https://h/1.png"), stage: StageComplete,
		},
	}
	for _, s := range all {
		if s.endpoint == Runway {
			s.endpoint, s.input = RunwayExtend, map[string]any{"taskId": "t0", "prompt": "on", "quality": "720p"}
			s.body = `{"taskId":"t0","prompt":"on","quality":"720p","callBackUrl":"https://bot.test/1"}`
			all = append(all, s)
		}
	}
	all = append(all, songShapes()...)
	all = append(all, toolShapes()...)
	return append(all, retiredShapes()...)
}

// songShapes are the endpoints that share Suno's record of two tracks.
func songShapes() []shape {
	track := Output{
		URL: "https://h/a.mp3", Kind: KindAudio, ID: "a1", Title: "Night", Lyrics: "[Verse] la", CoverURL: "https://h/a.jpeg",
		StreamURL: "https://h/a-stream", Duration: 198440 * time.Millisecond,
	}
	streamed := track
	streamed.URL, streamed.Duration = "https://h/a-stream", 0
	common := shape{
		running: `{"taskId":"t1","status":"TEXT_SUCCESS","response":{"sunoData":[{"id":"a1","audioUrl":"","streamAudioUrl":"https://h/a-stream","imageUrl":"https://h/a.jpeg","prompt":"[Verse] la","title":"Night","duration":null}]}}`,
		partial: []Output{streamed},
		success: `{"taskId":"t1","parentMusicId":"","param":"{}","response":{"taskId":"t1","sunoData":[{"id":"a1","audioUrl":"https://h/a.mp3","streamAudioUrl":"https://h/a-stream","imageUrl":"https://h/a.jpeg","prompt":"[Verse] la","modelName":"chirp-v4","title":"Night","tags":"folk","createTime":"2025-01-01 00:00:00","duration":198.44}]},"status":"SUCCESS","type":"GENERATE","operationType":"generate","errorCode":null,"errorMessage":null}`,
		outputs: []Output{track},
		fail: map[string]*Failure{
			`{"taskId":"t1","status":"SENSITIVE_WORD_ERROR","errorCode":null}`:                                 {"SENSITIVE_WORD_ERROR", ""},
			`{"taskId":"t1","status":"GENERATE_AUDIO_FAILED","errorCode":413,"errorMessage":"matches a work"}`: {"413", "matches a work"},
			`{"taskId":"t1","status":"CREATE_TASK_FAILED","errorCode":408,"errorMessage":"<html>busy</html>"}`: {"408", "an HTML page"},
		},
		callback: `{"callbackType":"complete","task_id":"t1","data":[{"id":"a1","audio_url":"https://h/a.mp3","source_audio_url":"https://h/src.mp3","stream_audio_url":"https://h/a-stream","image_url":"https://h/a.jpeg","prompt":"[Verse] la","model_name":"chirp-v4","title":"Night","duration":198.44}]}`,
		called:   []Output{track}, stage: StageComplete,
	}
	var all []shape
	for _, e := range []Endpoint{Suno, SunoExtend, SunoUploadCover, SunoUploadExtend, SunoAddInstrumental, SunoAddVocals, SunoMashup, SunoSounds} {
		s := common
		s.endpoint, s.model, s.input = e, "V5", map[string]any{"prompt": "a song"}
		s.body = `{"model":"V5","prompt":"a song","callBackUrl":"https://bot.test/1"}`
		all = append(all, s)
	}
	section := common
	section.endpoint, section.input = SunoReplaceSection, map[string]any{"taskId": "t0", "infillStartS": 10.5}
	section.body = `{"taskId":"t0","infillStartS":10.5,"callBackUrl":"https://bot.test/1"}`
	// The result exists though its callback could not be delivered.
	section.success = `{"taskId":"t1","status":"CALLBACK_EXCEPTION","response":{"sunoData":[{"id":"a1","audioUrl":"https://h/a.mp3","streamAudioUrl":"https://h/a-stream","imageUrl":"https://h/a.jpeg","prompt":"[Verse] la","title":"Night","duration":"198.44"}]}}`
	return append(all, section)
}

// toolShapes are Suno's other endpoints.
func toolShapes() []shape {
	audio := func(url, title string) Output { return Output{URL: url, Kind: KindAudio, Title: title} }
	track := map[string]any{"taskId": "t0", "audioId": "a1"}
	const body = `{"taskId":"t0","audioId":"a1","callBackUrl":"https://bot.test/1"}`
	return []shape{
		{
			endpoint: SunoLyrics, input: map[string]any{"prompt": "the sea"}, body: `{"prompt":"the sea","callBackUrl":"https://bot.test/1"}`,
			running: `{"taskId":"t1","status":"PENDING","response":null}`,
			success: `{"taskId":"t1","status":"SUCCESS","response":{"taskId":"t1","data":[{"text":"[Verse]\nwaves","title":"Sea","status":"complete","errorMessage":""},{"text":"","title":"","status":"failed"}]}}`,
			outputs: []Output{{Kind: KindText, Text: "[Verse]\nwaves", Title: "Sea"}},
			fail: map[string]*Failure{
				`{"taskId":"t1","status":"GENERATE_LYRICS_FAILED","errorCode":400,"errorMessage":"no"}`: {"400", "no"},
			},
			callback: `{"callbackType":"complete","task_id":"t1","data":[{"text":"[Verse]\nwaves","title":"Sea","status":"complete","error_message":""}]}`,
			called:   []Output{{Kind: KindText, Text: "[Verse]\nwaves", Title: "Sea"}}, stage: StageComplete,
		},
		{
			endpoint: SunoWAV, input: track, body: body, running: wordRunning, fail: wordFails(),
			success:  `{"taskId":"t1","successFlag":"SUCCESS","response":{"audioWavUrl":"https://h/a"}}`,
			outputs:  []Output{audio("https://h/a", "")},
			callback: `{"audioWavUrl":"https://h/a.wav","task_id":"t1"}`, called: []Output{audio("https://h/a.wav", "")}, stage: StageComplete,
		},
		{
			endpoint: SunoVocalRemoval, input: track, body: body, running: wordRunning, fail: wordFails(),
			success:  `{"taskId":"t1","successFlag":"SUCCESS","response":{"originUrl":null,"vocalUrl":"https://h/v.mp3","backingVocalsUrl":"https://h/b.mp3","instrumentalUrl":null,"drumsUrl":"https://h/d.mp3","originData":[{"id":"x","audio_url":"https://h/v.mp3"}]}}`,
			outputs:  []Output{audio("https://h/v.mp3", "vocal"), audio("https://h/b.mp3", "backing vocals"), audio("https://h/d.mp3", "drums")},
			callback: `{"task_id":"t1","vocal_removal_info":{"origin_url":"","origin_data":[{"extract":{"id":"e","audio_url":"https://h/e.mp3","stem_type_group_name":"Lead Vocal","duration":2},"remove":{"id":"r","audio_url":"https://h/r.mp3"}},{"id":"o","audio_url":"https://h/o.mp3","stem_type_group_name":"Drums"},7]}}`,
			called: []Output{
				{URL: "https://h/e.mp3", Kind: KindAudio, ID: "e", Title: "Lead Vocal", Duration: 2 * time.Second},
				{URL: "https://h/r.mp3", Kind: KindAudio, ID: "r"},
				{URL: "https://h/o.mp3", Kind: KindAudio, ID: "o", Title: "Drums"},
			},
			stage: StageComplete,
		},
		{
			endpoint: SunoMIDI, input: track, body: body, running: flagRunning, fail: flagFails(),
			success:  `{"taskId":"t1","successFlag":1,"midiData":{"state":"complete","instruments":[{"name":"Drums","notes":[]}]}}`,
			outputs:  []Output{{Kind: KindText, Text: `{"state":"complete","instruments":[{"name":"Drums","notes":[]}]}`}},
			callback: `{"task_id":"t1","state":"complete","instruments":[{"name":"Drums","notes":[]}]}`,
			called:   []Output{{Kind: KindText, Text: `[{"name":"Drums","notes":[]}]`}}, stage: StageComplete,
		},
		{
			endpoint: SunoMP4, input: track, body: body, running: wordRunning, fail: wordFails(),
			success: `{"taskId":"t1","successFlag":"SUCCESS","response":{"videoUrl":"https://h/v.mp4"}}`, outputs: clip("https://h/v.mp4", ""),
			callback: `{"task_id":"t1","video_url":"https://h/v.mp4"}`, called: clip("https://h/v.mp4", ""), stage: StageComplete,
		},
		{
			endpoint: SunoCover, input: map[string]any{"taskId": "t0"}, body: `{"taskId":"t0","callBackUrl":"https://bot.test/1"}`,
			running: flagRunning, fail: flagFails(),
			success:  `{"taskId":"t1","parentTaskId":"t0","successFlag":1,"response":{"images":["https://h/1","https://h/2"]}}`,
			outputs:  append(image("https://h/1"), image("https://h/2")...),
			callback: `{"taskId":"t1","images":["https://h/1.png"]}`, called: image("https://h/1.png"), stage: StageComplete,
		},
	}
}

// retiredShapes are those of 2025.
func retiredShapes() []shape {
	var all []shape
	for _, e := range []Endpoint{Midjourney, MidjourneyUpscale, MidjourneyVary, MidjourneyVideo} {
		info, _ := e.Info()
		all = append(all, shape{
			endpoint: e, input: map[string]any{"taskType": "mj_txt2img", "prompt": "a cat"},
			body:    `{"taskType":"mj_txt2img","prompt":"a cat","callBackUrl":"https://bot.test/1"}`,
			running: flagRunning, fail: flagFails(),
			success:  `{"taskId":"t1","successFlag":1,"resultInfoJson":{"resultUrls":[{"resultUrl":"https://h/1"},{"resultUrl":"https://h/2"}]}}`,
			outputs:  []Output{{URL: "https://h/1", Kind: info.Makes}, {URL: "https://h/2", Kind: info.Makes}},
			callback: `{"taskId":"t1","promptJson":"{}","resultUrls":["https://h/1.png"]}`, called: image("https://h/1.png"), stage: StageComplete,
		})
	}
	return append(all, shape{
		endpoint: LumaModify, input: map[string]any{"prompt": "snow", "videoUrl": "https://h/in.mp4"},
		body:    `{"prompt":"snow","videoUrl":"https://h/in.mp4","callBackUrl":"https://bot.test/1"}`,
		running: flagRunning, fail: flagFails(),
		// The callback failed, the video did not.
		success:  `{"taskId":"t1","successFlag":4,"response":{"resultUrls":["https://h/v.mp4"]}}`,
		outputs:  clip("https://h/v.mp4", ""),
		callback: `{"taskId":"t1","promptJson":"{}","resultUrls":["https://h/v.mp4"]}`, called: clip("https://h/v.mp4", ""), stage: StageComplete,
	})
}

package kietest_test

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func TestVeo1080p(t *testing.T) {
	bubbleWith(t, fast(), &receiver{}, func(c caller) {
		ref, _ := c.run(findOrder(t, kie.Veo))
		path := "/api/v1/veo/get-1080p-video?taskId=" + ref.TaskID
		c.call(http.MethodGet, path+"&index=3", "").want(c, 422, "index")
		c.call(http.MethodGet, path+"&index=0", "").want(c, 400, "processing")
		pass(7 * time.Second)
		c.call(http.MethodGet, path, "").want(c, 400, "processing")
		if a := c.fetch(c.URL() + "/files/" + ref.TaskID + "/1080p.mp4"); a.status != http.StatusNotFound {
			t.Errorf("the video is there too early: status %d", a.status)
		}
		pass(time.Second)
		link, err := c.client().Veo1080p(c.Context(), ref.TaskID, 0)
		if a := c.fetch(link); err != nil || a.status != http.StatusOK {
			t.Errorf("link %q has status %d, %v", link, a.status, err)
		}
		c.call(http.MethodPost, "/api/v1/veo/extend", `{"prompt":"on","taskId":"`+ref.TaskID+`"}`).want(c, 400, "1080P")
		c.call(http.MethodGet, "/api/v1/veo/get-1080p-video", "").want(c, 400, "taskId")
		c.call(http.MethodGet, "/api/v1/veo/get-1080p-video?taskId="+c.create("a cat"), "").want(c, 422, "does not exist")
		c.NextCreate(kietest.HoldTask())
		held := c.call(http.MethodPost, "/api/v1/veo/generate", `{"prompt":"x"}`).want(c, 200, "")
		var made struct{ TaskID string }
		held.decode(t, &made)
		c.call(http.MethodGet, "/api/v1/veo/get-1080p-video?taskId="+made.TaskID, "").want(c, 422, "not finished")
		c.call(http.MethodPost, "/api/v1/veo/extend", `{"prompt":"on","taskId":"`+made.TaskID+`"}`).want(c, 422, "not finished")
		c.Release(made.TaskID)
	})
}

// TestOnceOnly proves what can be made of a task only once, and that a failure
// does not count.
func TestOnceOnly(t *testing.T) {
	for _, test := range []struct {
		endpoint kie.Endpoint
		code     int
	}{{kie.SunoWAV, 409}, {kie.SunoCover, 409}, {kie.Veo4K, 422}} {
		t.Run(string(test.endpoint), func(t *testing.T) {
			bubbleWith(t, fast(), &receiver{}, func(c caller) {
				client, request := c.client(), c.orderFor(findOrder(t, test.endpoint))
				c.NextCreate(kietest.Fail("500", "no"))
				failed, err := client.Create(c.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if status, err := client.Wait(c.Context(), failed); err != nil || status.State != kie.Fail {
					t.Fatalf("status %+v, %v", status, err)
				}
				ref, err := client.Create(c.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				tasks := len(c.Tasks())
				info, _ := test.endpoint.Info()
				body := `{"index":0,"callBackUrl":"` + sunoHook + `","taskId":"` + request.Input["taskId"].(string) + `"`
				if audio, ok := request.Input["audioId"].(string); ok {
					body += `,"audioId":"` + audio + `"`
				}
				a := c.call(http.MethodPost, info.Create, body+"}").want(c, test.code, "already")
				if !strings.Contains(string(a.Data), ref.TaskID) || len(c.Tasks()) != tasks {
					t.Errorf("answer %s with %d tasks", a.Data, len(c.Tasks()))
				}
			})
		})
	}
}

func TestSunoCallsThatAnswerAtOnce(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubbleWith(t, cfg, &receiver{}, func(c caller) {
		client := c.client()
		ref, status := c.run(findOrder(t, kie.Suno))
		before := c.Balance()
		persona := kie.PersonaRequest{TaskID: ref.TaskID, AudioID: status.Outputs[0].ID, Name: "n", Description: "d"}
		id, err := client.SunoPersona(c.Context(), persona)
		if err != nil || id == "" {
			t.Fatalf("persona %q, %v", id, err)
		}
		if _, err := client.SunoPersona(c.Context(), persona); kie.KindOf(err) != kie.ErrRefused {
			t.Errorf("a second persona gave %v", err)
		}
		persona.AudioID = ref.TaskID + "-9"
		if _, err := client.SunoPersona(c.Context(), persona); kie.KindOf(err) != kie.ErrInvalid {
			t.Errorf("an unknown track gave %v", err)
		}
		words, err := client.SunoTimedLyrics(c.Context(), ref.TaskID, status.Outputs[0].ID)
		if err != nil || len(words) != 1 || words[0].Word != "la " || !words[0].Matched {
			t.Errorf("words %+v, %v", words, err)
		}
		style, err := client.SunoBoostStyle(c.Context(), "pop")
		if err != nil || !strings.HasPrefix(style, "pop,") {
			t.Errorf("style %q, %v", style, err)
		}
		if paid := before - c.Balance(); paid != 900 {
			t.Errorf("paid %s", paid)
		}
		c.Next(kietest.CallDirect, kietest.After(kietest.Drop()))
		if _, err := client.SunoBoostStyle(c.Context(), "pop"); kie.KindOf(err) != kie.ErrUnknownOutcome || before-c.Balance() != 1300 {
			t.Errorf("a lost reply gave %v and cost %s", err, before-c.Balance())
		}
		c.SetBalance(100)
		if _, err := client.SunoBoostStyle(c.Context(), "pop"); kie.KindOf(err) != kie.ErrCredits {
			t.Errorf("without credits it gave %v", err)
		}
		req := c.request(http.MethodPost, "/api/v1/generate/get-timestamped-lyrics", `{"taskId":"`+ref.TaskID+`","audioId":"`+status.Outputs[0].ID+`"}`)
		req.Header.Set("Authorization", "Bearer two")
		if a, err := c.try(req); err != nil || a.Code != 422 {
			t.Errorf("another account got code %d, %v", a.Code, err)
		}
	})
}

// TestOmniCallsAnswerAtOnce: what they make has an id that gemini-omni-video
// takes, and no task.
func TestOmniCallsAnswerAtOnce(t *testing.T) {
	bubbleWith(t, fast(), &receiver{}, func(c caller) {
		client := c.client()
		prepare := func(endpoint kie.Endpoint, input map[string]any) (kie.Status, error) {
			ref, err := client.Create(c.Context(), kie.CreateRequest{Endpoint: endpoint, Input: input, CallbackURL: hook})
			if err != nil {
				return kie.Status{}, err
			}
			return client.Status(c.Context(), ref)
		}
		voice, err := prepare(kie.OmniAudio, map[string]any{"audio_id": "preset", "name": "Ada"})
		if err != nil || voice.State != kie.Success || !strings.HasPrefix(voice.Outputs[0].ID, "voice-") {
			t.Fatalf("voice %+v, %v", voice, err)
		}
		other, err := prepare(kie.OmniAudio, map[string]any{"audio_id": "preset", "name": "Ada"})
		if err != nil || other.Outputs[0].ID == voice.Outputs[0].ID {
			t.Errorf("a second voice is the first: %+v, %v", other, err)
		}
		character, err := prepare(kie.OmniCharacter, map[string]any{
			"descriptions": "a cat", "image_urls": []string{"https://e.test/in.png"}, "audio_ids": []string{voice.Outputs[0].ID}, "mood": "bright",
		})
		if err != nil || !strings.HasPrefix(character.Outputs[0].ID, "character-") {
			t.Errorf("character %+v, %v", character, err)
		}
		if _, err := prepare(kie.OmniCharacter, map[string]any{"descriptions": "a cat"}); kie.KindOf(err) != kie.ErrInvalid && kie.KindOf(err) != kie.ErrRefused {
			t.Errorf("without a picture: %v", err)
		}
		if ignored := c.IgnoredInputs(); len(ignored) != 1 || ignored[0].Name != "mood" {
			t.Errorf("ignored %v", ignored)
		}
		c.Next(kietest.CallDirect, kietest.After(kietest.Drop()))
		if _, err := prepare(kie.OmniAudio, map[string]any{"audio_id": "preset", "name": "Ada"}); kie.KindOf(err) != kie.ErrUnknownOutcome {
			t.Errorf("a lost reply gave %v", err)
		}
		if tasks := c.Tasks(); len(tasks) != 0 {
			t.Errorf("tasks %v", tasks)
		}
	})
}

func TestPicturesOfOlderEndpointsExpire(t *testing.T) {
	bubbleWith(t, fast(), &receiver{}, func(c caller) {
		ref, status := c.run(findOrder(t, kie.FluxKontext))
		result := status.Outputs[0].URL
		origin := strings.Replace(result, "/0.png", "/origin.png", 1)
		if a := c.fetch(origin); a.status != http.StatusOK || !strings.Contains(c.raw(ref), origin) {
			t.Errorf("the original %s has status %d", origin, a.status)
		}
		pass(10 * time.Minute)
		if a, b := c.fetch(origin), c.fetch(result); a.status != http.StatusNotFound || b.status != http.StatusOK {
			t.Errorf("after ten minutes the statuses are %d and %d", a.status, b.status)
		}
		drawn, picture := c.run(findOrder(t, kie.Image4o))
		link, err := c.client().Image4oDownloadURL(c.Context(), drawn.TaskID, picture.Outputs[0].URL)
		if err != nil || c.fetch(link).status != http.StatusOK {
			t.Errorf("link %q, %v", link, err)
		}
		if _, err := c.client().Image4oDownloadURL(c.Context(), ref.TaskID, result); kie.KindOf(err) != kie.ErrInvalid {
			t.Errorf("a picture of another endpoint gave %v", err)
		}
		pass(20 * time.Minute)
		if a := c.fetch(link); a.status != http.StatusNotFound {
			t.Errorf("after 20 minutes the link has status %d", a.status)
		}
		video, _ := c.run(findOrder(t, kie.Runway))
		pass(14 * 24 * time.Hour)
		if got := c.raw(video); !strings.Contains(got, `"expireFlag":1`) {
			t.Errorf("after two weeks the record is %s", got)
		}
	})
}

func TestWaveFilesPlay(t *testing.T) {
	bubbleWith(t, fast(), &receiver{}, func(c caller) {
		_, status := c.run(findOrder(t, kie.SunoWAV))
		file := c.fetch(status.Outputs[0].URL)
		if file.header.Get("Content-Type") != "audio/wav" || !bytes.HasPrefix(file.body, []byte("RIFF")) {
			t.Fatalf("file of type %s", file.header.Get("Content-Type"))
		}
		p := inspect(c.T, "a.wav", file.body)
		if p.Streams[0].Codec != "pcm_s16le" || p.Format.Duration != "2.000000" || !strings.Contains(p.Format.Tags.Comment, "seed") {
			t.Errorf("sound is %+v", p)
		}
	})
}

// TestResetConnections proves that half an answer comes and then an error.
func TestResetConnections(t *testing.T) {
	for name, start := range map[string]func(kietest.Config) *kietest.Server{"loopback": kietest.NewServer, "memory": kietest.NewMemoryServer} {
		t.Run(name, func(t *testing.T) {
			cfg := fast()
			cfg.Durations, cfg.RecordDelay = kietest.Durations{Image: time.Nanosecond}, -1
			srv := start(cfg)
			defer srv.Close()
			c := caller{t, srv}
			c.Next(kietest.CallCredit, kietest.Reset())
			a, err := c.try(c.request(http.MethodGet, creditPath, ""))
			if err == nil || a.status != http.StatusOK {
				t.Errorf("HTTP %d, %v", a.status, err)
			}
			c.NextCreate(kietest.Reset())
			if ref, err := c.client().Create(t.Context(), cat()); kie.KindOf(err) != kie.ErrUnknownOutcome || len(c.Tasks()) != 1 {
				t.Errorf("Create gave %v, %v and %d tasks", ref, err, len(c.Tasks()))
			}
			link := c.Tasks()[0].URLs[0]
			whole := c.fetch(link)
			c.Next(kietest.CallFile, kietest.Reset())
			half, err := c.tryFetch(link)
			if err == nil || len(half.body) >= len(whole.body) {
				t.Errorf("%d of %d bytes, %v", len(half.body), len(whole.body), err)
			}
			if again := c.fetch(link); !bytes.Equal(again.body, whole.body) {
				t.Error("the file is another one afterwards")
			}
		})
	}
}

// TestResetIsOne proves that the peer sees a TCP reset, not an end.
func TestResetIsOne(t *testing.T) {
	srv := kietest.NewServer(fast())
	defer srv.Close()
	srv.Next(kietest.CallCredit, kietest.Reset())
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET " + creditPath + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + srv.Key() + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	for buffer := make([]byte, 4096); err == nil; {
		_, err = conn.Read(buffer)
	}
	if !strings.Contains(err.Error(), "reset by peer") {
		t.Errorf("reading ended with %v", err)
	}
}

func TestLateCallback(t *testing.T) {
	r := &receiver{}
	bubbleWith(t, fast(), r, func(c caller) {
		c.NextCreate(kietest.CallbackLate(time.Hour), kietest.CallbackReordered())
		c.createFor(picture, map[string]any{"prompt": "a cat"}, hook)
		pass(time.Hour)
		if n := len(r.deliveries()); n != 0 {
			t.Errorf("%d callbacks came too early", n)
		}
		pass(6 * time.Second)
		if n := len(r.deliveries()); n != 1 {
			t.Errorf("%d callbacks, want 1", n)
		}
	})
}

func TestModelDurations(t *testing.T) {
	cfg := fast()
	cfg.ModelDurations = map[string]time.Duration{picture: time.Hour, "suno-lyrics": 2 * time.Hour}
	bubbleWith(t, cfg, &receiver{}, func(c caller) {
		slow := c.create("a cat")
		words, err := c.client().Create(c.Context(), c.orderFor(findOrder(t, kie.SunoLyrics)))
		if err != nil {
			t.Fatal(err)
		}
		quick := c.createFor("google/imagen4-fast", map[string]any{"prompt": "a cat"}, "")
		pass(44 * time.Minute)
		if a, b := c.record(slow).State, c.record(quick).State; a != kietest.StateGenerating || b != kietest.StateSuccess {
			t.Errorf("states are %s and %s", a, b)
		}
		pass(32 * time.Minute)
		if got := c.record(slow).State; got != kietest.StateSuccess {
			t.Errorf("after 76 minutes the state is %s", got)
		}
		if status, err := c.client().Status(c.Context(), words); err != nil || status.State.Final() {
			t.Errorf("lyrics after 76 minutes: %+v, %v", status, err)
		}
	})
}

// TestSameSeedSameAnswers proves that chance comes from the seed alone, at the
// older endpoints too.
func TestSameSeedSameAnswers(t *testing.T) {
	tell := func(seed uint64) (told string) {
		cfg := fast()
		cfg.Seed = seed
		bubbleWith(t, cfg, &receiver{}, func(c caller) {
			for _, e := range []kie.Endpoint{kie.Suno, kie.Veo, kie.Midjourney, kie.SunoMIDI} {
				ref, _ := c.run(findOrder(t, e))
				told += c.raw(ref)
			}
			told += c.put("x", "p", "").DownloadURL
		})
		return told
	}
	one, again, other := tell(1), tell(1), tell(2)
	if one != again || one == other {
		t.Error("the seed does not decide")
	}
}

// TestEveryModel runs every model that can be used from an order made of its
// entry to its result.
func TestEveryModel(t *testing.T) {
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	ran, current := 0, 0
	cfg := fast()
	cfg.Credits = 1 << 50
	for _, m := range models.All() {
		if !m.Status.Runs() {
			continue
		}
		if ran++; m.Status == catalog.Current {
			current++
		}
		bubbleWith(t, cfg, &receiver{}, func(c caller) {
			request := kie.CreateRequest{Endpoint: kie.Endpoint(m.Endpoint), Model: m.ModelValue, Input: c.inputFor(m), CallbackURL: hook}
			client := c.client()
			ref, err := client.Create(c.Context(), request)
			if err != nil {
				t.Errorf("%s with %v: %v", m.ID, request.Input, err)
				return
			}
			status, err := client.Wait(c.Context(), ref)
			if err != nil || status.State != kie.Success || len(status.Outputs) == 0 {
				t.Errorf("%s: %+v, %v", m.ID, status, err)
				return
			}
			want := map[catalog.Output]kie.Kind{catalog.OutputImage: kie.KindImage, catalog.OutputVideo: kie.KindVideo,
				catalog.OutputAudio: kie.KindAudio, catalog.OutputText: kie.KindText, catalog.OutputJSON: kie.KindText}[m.Output]
			if got := status.Outputs[0].Kind; got != want {
				t.Errorf("%s gave %s, want %s", m.ID, got, want)
			}
			if ignored := c.IgnoredInputs(); len(ignored) != 0 {
				t.Errorf("%s ignored %v", m.ID, ignored)
			}
		})
	}
	// Kie's catalogue of October 2026 has 181 models of images, videos and sound.
	if ran < 190 || current != 181 {
		t.Errorf("%d models ran, %d of them current", ran, current)
	}
}

// inputFor makes an input that satisfies a model's entry.
func (c caller) inputFor(m catalog.Model) map[string]any {
	c.Helper()
	wanted := map[string]bool{}
	if len(m.RequireOneOf) > 0 {
		for _, name := range m.RequireOneOf[0] {
			wanted[name] = true
		}
	}
	input := m.Complete(nil)
	for _, in := range m.Inputs {
		if (in.Required || wanted[in.Name]) && input[in.Name] == nil {
			input[in.Name] = c.valueFor(m, in)
		}
	}
	return input
}

func (c caller) valueFor(m catalog.Model, in catalog.Input) any {
	c.Helper()
	value := any("a cat")
	switch {
	case in.Option == catalog.EarlierTask || in.Name == "audio_id" && strings.HasPrefix(m.ID, "ai-music-api/"):
		parent := "veo3_fast"
		if m.Kind == catalog.Music {
			parent = "suno-V5"
		}
		for _, t := range c.Tasks() {
			if t.Model == parent {
				return t.ID + strings.Repeat("-0", strings.Count(in.Name, "audio_id"))
			}
		}
		endpoint := map[string]kie.Endpoint{"veo3_fast": kie.Veo, "suno-V5": kie.Suno}[parent]
		ref, _ := c.run(findOrder(c, endpoint))
		return ref.TaskID + strings.Repeat("-0", strings.Count(in.Name, "audio_id"))
	case len(in.Enum) > 0:
		value = in.Enum[0]
	case in.Type == catalog.Boolean:
		return false
	case in.Type == catalog.Integer, in.Type == catalog.Number:
		if in.Min != nil {
			return *in.Min
		}
		return 1
	case in.Media != "":
		value = "https://e.test/in." + map[string]string{"image": "png", "video": "mp4", "audio": "mp3"}[in.Media]
	}
	if in.Type != catalog.Array {
		return value
	}
	if in.Items == "object" {
		value = map[string]any{"text": value}
	}
	list := make([]any, max(in.MinItems, 1))
	for i := range list {
		list[i] = value
	}
	return list
}

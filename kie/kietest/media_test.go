package kietest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// make runs one task to its end and returns its record.
func (c caller) make(model string, input map[string]any) record {
	c.Helper()
	r := c.finished(c.createFor(model, input, ""))
	if r.Response == nil {
		c.Fatalf("%s gave no result: %+v", model, r)
	}
	return r
}

func TestPicturesHaveTheSizeAskedFor(t *testing.T) {
	tests := []struct {
		model         string
		input         map[string]any
		width, height int
		format        string
	}{
		{picture, map[string]any{}, 1024, 1024, "png"},
		{picture, map[string]any{"aspect_ratio": "16:9"}, 1024, 576, "png"},
		{picture, map[string]any{"aspect_ratio": "3:4"}, 768, 1024, "png"},
		{picture, map[string]any{"aspect_ratio": "auto"}, 1024, 1024, "png"},
		{"nano-banana-2", map[string]any{"aspect_ratio": "1:8", "resolution": "1K"}, 128, 1024, "png"},
		{"nano-banana-2", map[string]any{"aspect_ratio": "4:1", "resolution": "2K", "output_format": "jpg"}, 2048, 512, "jpeg"},
		{"nano-banana-2", map[string]any{"aspect_ratio": "8:1", "resolution": "4K", "output_format": "jpg"}, 4096, 512, "jpeg"},
		{"bytedance/seedream", map[string]any{"image_size": "square"}, 512, 512, "png"},
		{"bytedance/seedream", map[string]any{"image_size": "square_hd"}, 1024, 1024, "png"},
		{"bytedance/seedream", map[string]any{"image_size": "portrait_4_3"}, 768, 1024, "png"},
		{"bytedance/seedream", map[string]any{"image_size": "landscape_16_9"}, 1024, 576, "png"},
		{"google/nano-banana", map[string]any{"image_size": "21:9", "output_format": "jpeg"}, 1024, 438, "jpeg"},
	}
	cfg := fast()
	cfg.Shrink = 1
	for _, test := range tests {
		bubble(t, cfg, func(c caller) {
			test.input["prompt"] = "a cat"
			a := c.fetch(c.make(test.model, test.input).Response.ResultURLs[0])
			cfg, format, err := image.DecodeConfig(bytes.NewReader(a.body))
			if err != nil || cfg.Width != test.width || cfg.Height != test.height || format != test.format {
				t.Errorf("%s %v: %d×%d %s, %v; want %d×%d %s", test.model, test.input, cfg.Width, cfg.Height, format, err, test.width, test.height, test.format)
			}
			if got := a.header.Get("Content-Type"); got != "image/"+test.format {
				t.Errorf("Content-Type %s for %s", got, test.format)
			}
		})
	}
}

func TestPicturesDifferByPromptAndSeed(t *testing.T) {
	draw := func(prompt, seed string) (pixels image.Image, sum [32]byte) {
		bubble(t, fast(), func(c caller) {
			body := c.fetch(c.make(picture, map[string]any{"prompt": prompt, "seed": seed}).Response.ResultURLs[0]).body
			img, _, err := image.Decode(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			pixels, sum = img, sha256.Sum256(body)
		})
		return pixels, sum
	}
	cat, first := draw("a cat", "7")
	if _, again := draw("a cat", "7"); again != first {
		t.Error("equal prompts and seeds give different bytes")
	}
	for name, other := range map[string][2]string{"seed": {"a cat", "8"}, "prompt": {"a dog", "7"}} {
		img, _ := draw(other[0], other[1])
		if share := difference(cat, img); share < 0.2 {
			t.Errorf("another %s changes only %.0f %% of the pixels visibly", name, share*100)
		}
	}
}

// difference is the share of sampled pixels that differ to the eye.
func difference(a, b image.Image) float64 {
	differ, all := 0, 0
	for y := 0; y < a.Bounds().Dy(); y += 8 {
		for x := 0; x < a.Bounds().Dx(); x += 8 {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			far := func(p, q uint32) bool { return max(p, q)-min(p, q) > 12<<8 }
			if all++; far(ar, br) || far(ag, bg) || far(ab, bb) {
				differ++
			}
		}
	}
	return float64(differ) / float64(all)
}

func TestServerSeedDecidesPicturesWithoutOne(t *testing.T) {
	draw := func(seed uint64) (sum [sha256.Size]byte) {
		cfg := fast()
		cfg.Seed = seed
		bubble(t, cfg, func(c caller) {
			sum = sha256.Sum256(c.fetch(c.make(picture, map[string]any{"prompt": "a cat"}).Response.ResultURLs[0]).body)
		})
		return sum
	}
	one, same, other := draw(1), draw(1), draw(2)
	if one != same || one == other {
		t.Error("pictures do not follow Config.Seed")
	}
}

func TestCountInputsMakeSoManyPictures(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		urls := c.make("bytedance/seedream-v4-text-to-image", map[string]any{"prompt": "a cat", "max_images": 3}).Response.ResultURLs
		sums := map[[32]byte]bool{}
		for _, url := range urls {
			sums[sha256.Sum256(c.fetch(url).body)] = true
		}
		if len(urls) != 3 || len(sums) != 3 {
			t.Errorf("%d links to %d different pictures, want 3", len(urls), len(sums))
		}
		if got := c.Tasks()[0].URLs; len(got) != 3 || got[2] != urls[2] {
			t.Errorf("Tasks shows %v", got)
		}
	})
}

func TestFileHeaders(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		url := c.make(picture, map[string]any{"prompt": "a cat"}).Response.ResultURLs[0]
		whole := c.fetch(url)
		tag := whole.header.Get("ETag")
		if n, err := strconv.Atoi(whole.header.Get("Content-Length")); err != nil || n != len(whole.body) || tag == "" {
			t.Errorf("headers are %v", whole.header)
		}
		part := c.fetch(url, "Range", "bytes=10-19")
		if part.status != http.StatusPartialContent || !bytes.Equal(part.body, whole.body[10:20]) {
			t.Errorf("range gave status %d and %d bytes", part.status, len(part.body))
		}
		if same := c.fetch(url, "If-None-Match", tag); same.status != http.StatusNotModified {
			t.Errorf("If-None-Match gave status %d", same.status)
		}
		req := c.request(http.MethodHead, "", "")
		req.URL.Path = strings.TrimPrefix(url, c.URL())
		if head, err := c.try(req); err != nil || head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("ETag") != tag {
			t.Errorf("HEAD gave %+v, %v", head, err)
		}
		if post := c.call(http.MethodPost, strings.TrimPrefix(url, c.URL()), ""); post.status != http.StatusMethodNotAllowed {
			t.Errorf("POST gave status %d", post.status)
		}
	})
}

func TestFilesExistOnlyWhileTheyShould(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		id := c.create("a cat")
		url := c.URL() + "/files/" + id + "/0.png"
		status := func(url string, want int) {
			t.Helper()
			if a := c.fetch(url); a.status != want {
				t.Errorf("status of %s is %d, want %d", url, a.status, want)
			}
		}
		status(url, 404) // not made yet
		pass(6 * time.Second)
		status(url, 200)
		status(c.URL()+"/files/"+id+"/1.png", 404)
		status(c.URL()+"/files/nobody/0.png", 404)
		pass(14*24*time.Hour - 10*time.Second)
		status(url, 200)
		pass(10 * time.Second)
		status(url, 404)
	})
}

func TestDownloadURL(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubble(t, cfg, func(c caller) {
		id := c.create("a cat")
		url := c.URL() + "/files/" + id + "/0.png"
		ask := func(url string) answer {
			body, err := json.Marshal(map[string]string{"url": url})
			if err != nil {
				t.Fatal(err)
			}
			return c.call(http.MethodPost, downloadPath, string(body))
		}
		ask(url).want(c, 422, "not a file") // not made yet
		c.finished(id)
		var link string
		ask(url).want(c, 200, "success").decode(c, &link)
		original := c.fetch(url)
		if a := c.fetch(link); a.status != http.StatusOK || !bytes.Equal(a.body, original.body) {
			t.Errorf("link gave status %d", a.status)
		}
		for _, foreign := range []string{"", "https://example.com/a.png", "https://example.com/files/" + id + "/0.png", c.URL() + "/files/" + id + "/9.png"} {
			ask(foreign).want(c, 422, "not a file")
		}
		c.call(http.MethodPost, downloadPath, `[`).want(c, 400, "JSON")
		req := c.request(http.MethodPost, downloadPath, `{"url":"`+url+`"}`)
		req.Header.Set("Authorization", "Bearer two")
		if a, err := c.try(req); err != nil || a.Code != 422 {
			t.Errorf("another account got code %d, %v", a.Code, err)
		}
		pass(20 * time.Minute)
		if a := c.fetch(link); a.status != http.StatusNotFound {
			t.Errorf("after 20 minutes the link has status %d", a.status)
		}
		if a := c.fetch(url); a.status != http.StatusOK {
			t.Errorf("after 20 minutes the file itself has status %d", a.status)
		}
	})
}

// probe is what ffprobe says about a file.
type probe struct {
	Streams []struct {
		Codec         string `json:"codec_name"`
		PixFmt        string `json:"pix_fmt"`
		Width, Height int
	}
	Format struct {
		Duration string
		Tags     struct{ Title, Comment string }
	}
}

// inspect runs ffprobe on a file and, to prove that it plays, ffmpeg.
func inspect(t *testing.T, name string, body []byte) probe {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tool(t, "ffprobe"), "-v", "error", "-of", "json", "-show_format", "-show_streams", path).CombinedOutput()
	var p probe
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err != nil || len(p.Streams) == 0 {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), tool(t, "ffmpeg"), "-nostdin", "-v", "error", "-xerror", "-i", path, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("ffmpeg cannot play %s: %v: %s", name, err, out)
	}
	return p
}

func TestVideos(t *testing.T) {
	for _, test := range []struct {
		ratio         string
		width, height int
	}{{"16:9", 640, 360}, {"9:16", 360, 640}, {"1:1", 480, 480}} {
		t.Run(strings.Replace(test.ratio, ":", "x", 1), func(t *testing.T) {
			seen := map[[32]byte]bool{}
			for seed := range 6 { // all variants
				var body []byte
				bubble(t, fast(), func(c caller) {
					input := map[string]any{"prompt": "a cat, Кот", "aspect_ratio": test.ratio, "seed": seed}
					a := c.fetch(c.make("bytedance/v1-pro-text-to-video", input).Response.ResultURLs[0])
					if body = a.body; a.header.Get("Content-Type") != "video/mp4" {
						t.Errorf("Content-Type %s", a.header.Get("Content-Type"))
					}
				})
				seen[sha256.Sum256(body)] = true
				p := inspect(t, "clip.mp4", body)
				if v := p.Streams[0]; v.Codec != "h264" || v.PixFmt != "yuv420p" || v.Width != test.width || v.Height != test.height {
					t.Errorf("video is %+v", v)
				}
				want := fmt.Sprintf("model bytedance/v1-pro-text-to-video, seed %d", seed)
				if p.Format.Tags.Title != "a cat, Кот" || p.Format.Tags.Comment != want || !strings.HasPrefix(p.Format.Duration, "5.0") {
					t.Errorf("format is %+v", p.Format)
				}
				if moov, mdat := bytes.Index(body, []byte("moov")), bytes.Index(body, []byte("mdat")); moov < 0 || moov > mdat {
					t.Error("the header does not come first, so a browser must load all before it plays")
				}
			}
			if len(seen) != 6 {
				t.Errorf("6 seeds gave %d different files", len(seen))
			}
		})
	}
}

func TestSpeech(t *testing.T) {
	seen := map[[32]byte]bool{}
	for _, text := range []string{"hello", "Привет", "one", "two"} {
		var body []byte
		bubble(t, fast(), func(c caller) {
			a := c.fetch(c.make("elevenlabs/text-to-speech-turbo-2-5", map[string]any{"text": text}).Response.ResultURLs[0])
			if body = a.body; a.header.Get("Content-Type") != "audio/mpeg" {
				t.Errorf("Content-Type %s", a.header.Get("Content-Type"))
			}
		})
		seen[sha256.Sum256(body)] = true
		p := inspect(t, "clip.mp3", body)
		if p.Streams[0].Codec != "mp3" || p.Format.Tags.Title != text || !strings.HasPrefix(p.Format.Tags.Comment, "model elevenlabs/text-to-speech-turbo-2-5, seed ") || !strings.HasPrefix(p.Format.Duration, "3.0") {
			t.Errorf("speech is %+v", p)
		}
	}
	if len(seen) != 4 {
		t.Errorf("4 texts gave %d different files", len(seen))
	}
}

// otherShapes are models whose results are not just resultUrls.
const otherShapes = `{"models":[
	{"id":"ai-music-api/generate","title":"Suno","kind":"music","task":"text-to-music","source":"https://docs.kie.ai","default_for_kind":true,
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true},{"name":"title","type":"string"}],
		"price":{"per":"request","rates":[{"credits":12}]}},
	{"id":"bytedance/seedance-2","title":"Seedance 2","kind":"video","task":"text-to-video","source":"https://docs.kie.ai","default_for_kind":true,
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true},{"name":"return_last_frame","type":"boolean"}],
		"price":{"per":"request","rates":[{"credits":40}]}},
	{"id":"sora-2-text-to-video","title":"Sora 2","kind":"video","task":"text-to-video","source":"https://docs.kie.ai",
		"inputs":[{"name":"prompt","type":"string","option":"prompt","required":true}],
		"price":{"per":"request","rates":[{"credits":30}]}}
]}`

func TestOtherResultShapes(t *testing.T) {
	models, err := catalog.Parse(strings.NewReader(otherShapes))
	if err != nil {
		t.Fatal(err)
	}
	cfg := fast()
	cfg.Catalog = models
	bubble(t, cfg, func(c caller) {
		tracks := c.make("ai-music-api/generate", map[string]any{"prompt": "a waltz", "title": "Waltz"}).Response
		if len(tracks.Data) != 2 || len(tracks.ResultURLs) != 0 || tracks.Data[0].Title != "Waltz" || tracks.Data[0].ID == tracks.Data[1].ID || tracks.Data[0].Duration != 8 {
			t.Fatalf("tracks are %+v", tracks.Data)
		}
		if a, b := c.fetch(tracks.Data[0].Audio), c.fetch(tracks.Data[1].Audio); !bytes.HasPrefix(a.body, []byte("ID3")) || bytes.Equal(a.body, b.body) {
			t.Error("the two tracks are not two MP3s")
		}
		if cover, _, err := image.Decode(bytes.NewReader(c.fetch(tracks.Data[1].Image).body)); err != nil || cover.Bounds().Dx() != 512 {
			t.Errorf("cover: %v", err)
		}
		frames := c.make("bytedance/seedance-2", map[string]any{"prompt": "a cat", "return_last_frame": true}).Response
		if len(frames.ResultURLs) != 1 || len(frames.FirstFrameURL) != 1 || len(frames.LastFrameURL) != 1 {
			t.Fatalf("frames are %+v", frames)
		}
		if _, _, err := image.Decode(bytes.NewReader(c.fetch(frames.LastFrameURL[0]).body)); err != nil {
			t.Errorf("last frame: %v", err)
		}
		if none := c.make("bytedance/seedance-2", map[string]any{"prompt": "a cat"}).Response; none.LastFrameURL != nil {
			t.Error("frames came unasked")
		}
		if marked := c.make("sora-2-text-to-video", map[string]any{"prompt": "a cat"}).Response; len(marked.ResultWaterMarkURLs) != 1 || marked.ResultWaterMarkURLs[0] == marked.ResultURLs[0] {
			t.Errorf("watermarked links are %v", marked.ResultWaterMarkURLs)
		}
	})
}

func TestBaseURL(t *testing.T) {
	cfg := fast()
	cfg.BaseURL = "https://files.test/kie"
	cfg.RecordDelay = -1
	bubble(t, cfg, func(c caller) {
		url := c.make(picture, map[string]any{"prompt": "a cat"}).Response.ResultURLs[0]
		path, ok := strings.CutPrefix(url, "https://files.test/kie")
		if !ok {
			t.Fatalf("link is %s", url)
		}
		if a := c.fetch(c.URL() + path); a.status != http.StatusOK {
			t.Errorf("status %d", a.status)
		}
	})
}

// TestMountedHandler uses a server that listens nowhere in somebody's mux.
func TestMountedHandler(t *testing.T) {
	srv := kietest.New(kietest.Config{RecordDelay: -1, Durations: kietest.Durations{Image: time.Nanosecond}})
	defer srv.Close()
	base := newLoopback(t, srv.Handler())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(method, path, body string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+kietest.DefaultKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		a := answer{status: resp.StatusCode}
		if a.body, err = io.ReadAll(resp.Body); err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			err = json.Unmarshal(a.body, &a)
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var made struct{ TaskID string }
	send(http.MethodPost, createPath, createBody).decode(t, &made)
	var r record
	send(http.MethodGet, recordPath+made.TaskID, "").decode(t, &r)
	path, ok := strings.CutPrefix(r.Response.ResultURLs[0], base)
	if !ok {
		t.Fatalf("link is %s, want it under %s", r.Response.ResultURLs[0], base)
	}
	if a := send(http.MethodGet, path, ""); a.status != http.StatusOK {
		t.Errorf("status %d", a.status)
	}
	if srv.URL() != "" {
		t.Errorf("URL is %q for a server that listens nowhere", srv.URL())
	}
	if _, err := srv.DialContext(t.Context(), "tcp", "x:1"); err == nil {
		t.Error("DialContext reaches a server that listens nowhere")
	}
}

func TestStartTwiceAndAfterClose(t *testing.T) {
	srv := kietest.NewServer(fast())
	if err := srv.Start(); err == nil {
		t.Error("a second Start succeeded")
	}
	srv.Close()
	if err := srv.Start(); err == nil {
		t.Error("Start after Close succeeded")
	}
}

func TestRequestLogHoldsNoSecret(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		id := c.createFor(picture, map[string]any{"prompt": "private words"}, "http://127.0.0.1:1/hooks/secret-token")
		c.call(http.MethodGet, recordPath+id, "")
		log := c.Requests()
		if len(log) != 2 || log[0].Call != kietest.CallCreate || log[0].TaskID != id || log[0].Code != 200 || log[1].Code != 422 || log[1].Path != "/api/v1/jobs/recordInfo" {
			t.Errorf("log is %+v", log)
		}
		if text := fmt.Sprintf("%+v", log); strings.Contains(text, c.Key()) || strings.Contains(text, "private") || strings.Contains(text, "secret-token") {
			t.Errorf("log holds a secret: %s", text)
		}
	})
}

func TestShrink(t *testing.T) {
	cfg := fast() // shrinks by 8
	bubble(t, cfg, func(c caller) {
		url := c.make(picture, map[string]any{"prompt": "a cat", "aspect_ratio": "16:9"}).Response.ResultURLs[0]
		if got, _, err := image.DecodeConfig(bytes.NewReader(c.fetch(url).body)); err != nil || got.Width != 128 || got.Height != 72 {
			t.Errorf("picture is %d×%d, %v; want 128×72", got.Width, got.Height, err)
		}
	})
}

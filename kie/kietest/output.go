package kietest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"kiebot/kie/catalog"
)

// result is resultJson and response of a finished task: resultUrls for nearly
// every model, data for the unified music models.
type result struct {
	ResultURLs          []string `json:"resultUrls,omitempty"`
	ResultWaterMarkURLs []string `json:"resultWaterMarkUrls,omitempty"`
	FirstFrameURL       []string `json:"firstFrameUrl,omitempty"`
	LastFrameURL        []string `json:"lastFrameUrl,omitempty"`
	Data                []track  `json:"data,omitempty"`
	ResultObject        any      `json:"resultObject,omitempty"`

	// What only the older endpoints have; their dialects write it.
	cover, origin string // links
	lyrics        []lyric
	stems         []stem
	score         *score
}

// track is one piece of music in a result.
type track struct {
	ID             string   `json:"id"`
	AudioURL       string   `json:"audio_url"`
	SourceAudioURL string   `json:"source_audio_url,omitempty"`
	StreamAudioURL string   `json:"stream_audio_url"`
	ImageURL       string   `json:"image_url"`
	Prompt         string   `json:"prompt"`
	ModelName      string   `json:"model_name,omitempty"`
	Title          string   `json:"title"`
	Tags           string   `json:"tags,omitempty"`
	CreateTime     int64    `json:"createTime,omitempty"`
	Duration       *float64 `json:"duration"` // seconds
}

// text is resultJson: JSON inside a JSON string.
func (r *result) text() string { return string(encode(r)) }

// output is one result file of a task.
type output struct {
	name  string
	art   artwork
	stage stage         // when it is there
	made  time.Time     // when it was added to a finished task, else zero
	life  time.Duration // from then on
	asked int           // requests for it so far
}

// format is the type of a result file.
type format string

const (
	formatPNG  format = "png"
	formatJPEG format = "jpeg"
	formatMP4  format = "mp4"
	formatMP3  format = "mp3"
	formatWAV  format = "wav"
)

func (f format) contentType() string {
	switch f {
	case formatJPEG:
		return "image/jpeg"
	case formatMP4:
		return "video/mp4"
	case formatMP3:
		return "audio/mpeg"
	case formatWAV:
		return "audio/wav"
	}
	return "image/png"
}

// artwork is all that decides the bytes of a result file.
type artwork struct {
	format        format
	prompt        string
	model         string
	seed          uint64
	width, height int  // pixels; of a video only the shape counts
	speech        bool // of an MP3: a voice, not music
}

func (a artwork) render() ([]byte, error) {
	switch a.format {
	case formatMP4:
		return renderVideo(a)
	case formatMP3:
		return renderAudio(a)
	case formatWAV:
		return renderWave(a), nil
	}
	return renderPicture(a)
}

// tag is a strong entity tag: equal artworks have equal bytes.
func (a artwork) tag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", a))
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// produce decides what a successful task has made. The sides of pictures are
// divided by shrink.
func produce(t *task, shrink int) ([]output, *result) {
	p := production{task: t, shrink: shrink}
	t.at.makes(&p)
	return p.outputs, &p.result
}

// job makes what a model of the unified API makes.
func (p *production) job() {
	m := p.task.model
	switch {
	case m.Output == catalog.OutputText || m.Output == catalog.OutputJSON:
		p.object()
	case m.ID == "ai-music-api/convert-to-wav-format":
		p.wave()
	case m.ID == "ai-music-api/separate-vocals":
		p.stems()
		for _, s := range p.result.stems {
			p.result.ResultURLs = append(p.result.ResultURLs, s.url)
		}
	case m.ID == "ai-music-api/cover-generate":
		p.covers()
	case m.Output == catalog.OutputVideo:
		p.video()
	case m.Kind == catalog.Music && strings.HasPrefix(m.ID, "ai-music-api/"):
		p.tracks()
	case m.Output == catalog.OutputAudio:
		p.result.ResultURLs = []string{p.add("0.mp3", p.art(formatMP3, 0))}
	default:
		p.images()
	}
}

// production gathers the outputs of one task.
type production struct {
	task    *task
	shrink  int
	outputs []output
	result  result
}

func (p *production) add(name string, art artwork) (link string) {
	return p.addAt(stageComplete, name, art)
}

// addAt adds a file that is there before the task has ended.
func (p *production) addAt(at stage, name string, art artwork) (link string) {
	o := output{name: name, art: art, stage: at, life: fileLife}
	p.outputs = append(p.outputs, o)
	return p.task.link(o)
}

// art describes the n-th output.
func (p *production) art(f format, n int) artwork {
	width, height := frame(p.task.model, p.task.input)
	return artwork{
		format: f, prompt: promptOf(p.task.model, p.task.input), model: p.task.model.ID,
		seed: p.task.seed + uint64(n), width: max(width/p.shrink, 1), height: max(height/p.shrink, 1), speech: p.task.model.Kind == catalog.Speech,
	}
}

func (p *production) images() {
	f, extension := formatPNG, ".png"
	switch p.text("output_format", "outputFormat") {
	case "jpeg", "jpg":
		f, extension = formatJPEG, ".jpg"
	}
	for n := range p.count() {
		p.result.ResultURLs = append(p.result.ResultURLs, p.add(strconv.Itoa(n)+extension, p.art(f, n)))
	}
}

// count is how many pictures one task makes.
func (p *production) count() int {
	in, _ := p.task.model.ByOption(catalog.Count)
	value := p.task.input[in.Name]
	if value == nil {
		value = in.Default
	}
	n, _ := strconv.Atoi(fmt.Sprint(value))
	return min(max(n, 1), 10)
}

func (p *production) video() {
	p.result.ResultURLs = []string{p.add("0.mp4", p.art(formatMP4, 0))}
	if strings.HasPrefix(p.task.model.ID, "sora-2") {
		p.result.ResultWaterMarkURLs = []string{p.add("watermark.mp4", p.art(formatMP4, 0))}
	}
	if p.task.input["return_last_frame"] == true {
		p.result.FirstFrameURL = []string{p.add("first.png", p.art(formatPNG, 0))}
		p.result.LastFrameURL = []string{p.add("last.png", p.art(formatPNG, 1))}
	}
}

// clip makes a video with its picture, as the older endpoints do.
func (p *production) clip() {
	p.result.ResultURLs = []string{p.add("0.mp4", p.art(formatMP4, 0))}
	p.result.cover = p.add("cover.png", p.art(formatPNG, 0))
}

// kontext makes a picture and the original that is gone after ten minutes.
func (p *production) kontext() {
	p.images()
	p.result.origin = p.add("origin.png", p.art(formatPNG, 0))
	p.outputs[len(p.outputs)-1].life = originLife
}

// grid makes four pictures, or a video where one was asked for.
func (p *production) grid() {
	if strings.HasPrefix(p.text("taskType"), "mj_video") {
		p.clip()
		return
	}
	for n := range 4 {
		p.result.ResultURLs = append(p.result.ResultURLs, p.add(strconv.Itoa(n)+".png", p.art(formatPNG, n)))
	}
}

func (p *production) tracks() {
	title := p.text("title")
	for n := range 2 {
		number := strconv.Itoa(n)
		cover := p.art(formatPNG, n)
		cover.width, cover.height = 512, 512
		audio := p.add(number+".mp3", p.art(formatMP3, n))
		p.result.Data = append(p.result.Data, track{
			ID: p.task.id + "-" + number, AudioURL: audio, StreamAudioURL: audio,
			ImageURL: p.add(number+".png", cover), Prompt: cover.prompt, Title: title, Duration: new(float64(audioSeconds)),
		})
	}
}

// text returns the first of these inputs that is a text.
func (p *production) text(names ...string) string {
	for _, name := range names {
		if v, ok := p.task.input[name].(string); ok {
			return v
		}
	}
	return ""
}

// promptOf is the text that a person asked with, or else the model's id.
func promptOf(model catalog.Model, input map[string]any) string {
	in, _ := model.ByOption(catalog.Prompt)
	if text, ok := input[in.Name].(string); ok {
		return text
	}
	return model.ID
}

// frame is the size of a picture in pixels, from whatever inputs the model has
// for it.
func frame(model catalog.Model, input map[string]any) (width, height int) {
	ratio, long := 1.0, 1024
	if model.Kind == catalog.Video || model.Output == catalog.OutputVideo {
		ratio = 16.0 / 9
	}
	for _, in := range model.Inputs {
		value := input[in.Name]
		if value == nil {
			value = in.Default
		}
		text, _ := value.(string)
		switch in.Name {
		case "aspect_ratio", "aspectRatio", "ratio", "image_size", "size", "image_resolution", "resolution":
			if r, ok := parseRatio(text); ok {
				ratio = r
			}
			if l, ok := parseLongEdge(text); ok {
				long = l
			}
		}
	}
	if ratio >= 1 {
		return long, max(even(float64(long)/ratio), 64)
	}
	return max(even(float64(long)*ratio), 64), long
}

func even(v float64) int { return int(v/2+0.5) * 2 }

// parseRatio reads 16:9, portrait_4_3, square_hd, landscape and the like.
func parseRatio(text string) (float64, bool) {
	shape, sides, _ := strings.Cut(text, "_")
	switch shape {
	case "square":
		return 1, true
	case "portrait":
		r, ok := parseSides(strings.Replace(sides, "_", ":", 1))
		if !ok {
			return 9.0 / 16, true
		}
		return min(r, 1/r), true
	case "landscape":
		r, ok := parseSides(strings.Replace(sides, "_", ":", 1))
		if !ok {
			return 16.0 / 9, true
		}
		return max(r, 1/r), true
	}
	return parseSides(text)
}

func parseSides(text string) (float64, bool) {
	var w, h int
	if n, err := fmt.Sscanf(text, "%d:%d", &w, &h); n != 2 || err != nil || w <= 0 || h <= 0 {
		return 0, false
	}
	return float64(w) / float64(h), true
}

// parseLongEdge reads 1K, 1.5K, 2K, 4K and square (the small one).
func parseLongEdge(text string) (int, bool) {
	switch strings.ToUpper(text) {
	case "SQUARE":
		return 512, true
	case "1K":
		return 1024, true
	case "1.5K":
		return 1536, true
	case "2K":
		return 2048, true
	case "4K":
		return 4096, true
	}
	return 0, false
}

// cachedFiles is how many drawn files are kept.
const cachedFiles = 16

// fileCache keeps the files drawn last; every file can be drawn again.
type fileCache struct {
	mu    sync.Mutex
	files []*cachedFile // the oldest first
}

type cachedFile struct {
	name string
	draw func() ([]byte, error)
}

// get returns the file of that name, drawing it once even for callers at the
// same time. Nobody may change the bytes.
func (c *fileCache) get(name string, draw func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	var file *cachedFile
	for _, f := range c.files {
		if f.name == name {
			file = f
		}
	}
	if file == nil {
		file = &cachedFile{name: name, draw: sync.OnceValues(draw)}
		if len(c.files) == cachedFiles {
			c.files = append(c.files[:0], c.files[1:]...)
		}
		c.files = append(c.files, file)
	}
	c.mu.Unlock()
	return file.draw()
}

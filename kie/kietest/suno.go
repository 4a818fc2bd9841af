package kietest

import (
	"strconv"
	"time"
)

// songRecord is what Suno's record calls for songs and lyrics answer
// (docs.kie.ai "Get Music Task Details", "Get Lyrics Task Details").
type songRecord struct {
	TaskID        string  `json:"taskId"`
	ParentMusicID string  `json:"parentMusicId"`
	Param         string  `json:"param"`
	Response      any     `json:"response"`
	Status        any     `json:"status"`
	Type          string  `json:"type"`
	OperationType string  `json:"operationType"`
	ErrorCode     *int    `json:"errorCode"`
	ErrorMessage  *string `json:"errorMessage"`
}

func (t *task) songRecord(status any) *songRecord {
	return &songRecord{
		TaskID: t.id, ParentMusicID: t.parentID(), Param: t.param, Status: status, Type: "GENERATE",
		OperationType: t.at.name, ErrorCode: t.errorCode(), ErrorMessage: t.errorMessage(),
	}
}

// sunoTrack is a track as records have it; callbacks have it as track.
type sunoTrack struct {
	ID             string   `json:"id"`
	AudioURL       string   `json:"audioUrl"`
	StreamAudioURL string   `json:"streamAudioUrl"`
	ImageURL       string   `json:"imageUrl"`
	Prompt         string   `json:"prompt"`
	ModelName      string   `json:"modelName"`
	Title          string   `json:"title"`
	Tags           string   `json:"tags"`
	CreateTime     int64    `json:"createTime"`
	Duration       *float64 `json:"duration"` // seconds
}

// tracks returns what is known of the tracks at a stage.
func (t *task) tracks(at stage) []track {
	known := make([]track, len(t.result.Data))
	for i, track := range t.result.Data {
		if at == stageText || at == stageFirst && i > 0 {
			track.AudioURL, track.SourceAudioURL, track.Duration = "", "", nil
		}
		known[i] = track
	}
	return known
}

// songCall is the data of Suno's callbacks (docs.kie.ai "Music Generation
// Callbacks").
type songCall struct {
	CallbackType string `json:"callbackType"`
	TaskID       string `json:"task_id"`
	Data         any    `json:"data"`
}

func failedSong(t *task) any { return songCall{CallbackType: "error", TaskID: t.id} }

func sunoDialect() *dialect {
	d := base(func(t *task, _ time.Time, bare bool) any {
		r := t.songRecord(t.songStatus())
		if t.stage != stageNone && !bare {
			var response struct {
				TaskID   string      `json:"taskId"`
				SunoData []sunoTrack `json:"sunoData"`
			}
			response.TaskID = t.id
			for _, k := range t.tracks(t.stage) {
				response.SunoData = append(response.SunoData, sunoTrack{
					k.ID, k.AudioURL, k.StreamAudioURL, k.ImageURL, k.Prompt, k.ModelName, k.Title, k.Tags, k.CreateTime, k.Duration,
				})
			}
			r.Response = response
		}
		return r
	}, func(t *task, at stage) any {
		return songCall{[...]string{stageText: "text", stageFirst: "first", stageComplete: "complete"}[at], t.id, t.tracks(at)}
	})
	d.refused, d.staged = failedSong, true
	d.unknown = success(nil) // the service answers so
	return d
}

// songStatus spells the state of a song.
func (t *task) songStatus() any {
	if t.final == "" {
		return [...]string{stageNone: "PENDING", stageText: "TEXT_SUCCESS", stageFirst: "FIRST_SUCCESS"}[t.stage]
	}
	w := spelled("AUDIO")
	w.refused = "SENSITIVE_WORD_ERROR"
	if t.faults.failCode == "422" {
		w.refused = "CREATE_TASK_FAILED"
	}
	return w.of(t)
}

// lyric is one proposal.
type lyric struct {
	Text         string `json:"text"`
	Title        string `json:"title"`
	Status       string `json:"status"`
	ErrorMessage string `json:"errorMessage"`
}

func lyricsDialect() *dialect {
	d := base(func(t *task, _ time.Time, bare bool) any {
		r := t.songRecord(spelled("LYRICS").of(t))
		if t.final == StateSuccess && !bare {
			r.Response = struct {
				TaskID string  `json:"taskId"`
				Data   []lyric `json:"data"`
			}{t.id, t.result.lyrics}
		}
		return r
	}, func(t *task, _ stage) any { return songCall{"complete", t.id, t.result.lyrics} })
	d.refused = failedSong
	return d
}

func wavDialect() *dialect {
	return base(flagged(spelled("WAV"), func(r *oldRecord, t *task) {
		r.Response = struct {
			URL string `json:"audioWavUrl"`
		}{t.result.ResultURLs[0]}
	}), func(t *task, _ stage) any {
		return struct {
			URL    string `json:"audioWavUrl"`
			TaskID string `json:"task_id"`
		}{t.result.ResultURLs[0], t.id}
	}).snake()
}

func mp4Dialect() *dialect {
	return base(flagged(spelled("MP4"), func(r *oldRecord, t *task) {
		r.Response = struct {
			URL string `json:"videoUrl"`
		}{t.result.ResultURLs[0]}
	}), func(t *task, _ stage) any {
		return struct {
			TaskID string `json:"task_id"`
			URL    string `json:"video_url"`
		}{t.id, t.result.ResultURLs[0]}
	}).snake()
}

// stemsDialect: docs.kie.ai "Vocal & Instrument Separation". The names of the
// fields are those of the stems.
func stemsDialect() *dialect {
	return base(flagged(spelled("VOCAL"), func(r *oldRecord, t *task) {
		response := map[string]*string{"originUrl": nil}
		for _, s := range t.result.stems {
			response[s.name+"Url"] = &s.url
		}
		r.Response = response
	}), func(t *task, _ stage) any {
		info := map[string]string{"origin_url": ""}
		for _, s := range t.result.stems {
			info[s.snake+"_url"] = s.url
		}
		return struct {
			TaskID string            `json:"task_id"`
			Info   map[string]string `json:"vocal_removal_info"`
		}{t.id, info}
	}).snake()
}

// score is the result of a conversion to MIDI.
type score struct {
	State       string       `json:"state"`
	Instruments []instrument `json:"instruments"`
}

type instrument struct {
	Name  string `json:"name"`
	Notes []note `json:"notes"`
}

type note struct {
	Pitch    int     `json:"pitch"`
	Start    float64 `json:"start"` // seconds
	End      float64 `json:"end"`
	Velocity float64 `json:"velocity"`
}

func midiDialect() *dialect {
	return base(flagged(numbers(), func(r *oldRecord, t *task) { r.MidiData = t.result.score }),
		func(t *task, _ stage) any {
			return struct {
				TaskID string `json:"task_id"`
				score
			}{t.id, *t.result.score}
		}).snake()
}

func coverDialect() *dialect {
	type images struct {
		TaskID string   `json:"taskId,omitempty"`
		Images []string `json:"images"`
	}
	return base(flagged(numbers(), func(r *oldRecord, t *task) { r.Response = images{"", t.result.ResultURLs} }),
		func(t *task, _ stage) any { return images{t.id, t.result.ResultURLs} })
}

// stem is one voice of a separated track.
type stem struct{ name, snake, url string }

// song makes two tracks, each with a stream that is there before its file.
func (p *production) song() {
	p.tracks()
	for n := range p.result.Data {
		k := &p.result.Data[n]
		stream := p.art(formatMP3, n)
		k.StreamAudioURL = p.addAt(stageText, strconv.Itoa(n)+"-stream.mp3", stream)
		k.SourceAudioURL = k.AudioURL
		k.ModelName, k.Tags, k.CreateTime = p.modelName(), p.text("style", "tags"), p.task.plan.created.UnixMilli()
		p.outputs[2*n].stage, p.outputs[2*n+1].stage = stageComplete, stageText
		if n == 0 {
			p.outputs[0].stage = stageFirst
		}
	}
}

func (p *production) modelName() string {
	if name := p.text("model"); name != "" {
		return name
	}
	return p.task.model.ID
}

func (p *production) lyrics() {
	words := promptOf(p.task.model, p.task.input)
	for n := range 2 {
		verse := "[Verse " + strconv.Itoa(n+1) + "]\n" + words + "\n[Chorus]\n" + words
		p.result.lyrics = append(p.result.lyrics, lyric{Text: verse, Title: words, Status: "complete"})
	}
}

func (p *production) wave() {
	p.result.ResultURLs = []string{p.add("0.wav", p.art(formatWAV, 0))}
}

func (p *production) stems() {
	names := []stem{{name: "vocal", snake: "vocal"}, {name: "instrumental", snake: "instrumental"}}
	if p.text("type") == "split_stem" {
		names = []stem{
			{name: "vocal", snake: "vocal"}, {name: "backingVocals", snake: "backing_vocals"}, {name: "drums", snake: "drums"},
			{name: "bass", snake: "bass"}, {name: "guitar", snake: "guitar"}, {name: "piano", snake: "piano"},
		}
	}
	for n, s := range names {
		s.url = p.add(s.snake+".mp3", p.art(formatMP3, n))
		p.result.stems = append(p.result.stems, s)
	}
}

func (p *production) notes() {
	tune := instrument{Name: "Piano"}
	for n := range 4 {
		pitch := 60 + int((p.task.seed+uint64(n)*5)%12)
		tune.Notes = append(tune.Notes, note{Pitch: pitch, Start: float64(n) / 2, End: float64(n+1) / 2, Velocity: 0.75})
	}
	p.result.score = &score{State: "complete", Instruments: []instrument{tune}}
}

func (p *production) covers() {
	for n := range 2 {
		art := p.art(formatPNG, n)
		art.width, art.height = 512, 512
		p.result.ResultURLs = append(p.result.ResultURLs, p.add(strconv.Itoa(n)+".png", art))
	}
}

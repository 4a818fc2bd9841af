package kie

import (
	"bytes"
	"encoding/json"
	"net/url"
	"path"
	"strings"
)

// maxDepth bounds how far results are looked for in objects and lists. The
// deepest known shape, data.result_urls[0], needs four levels.
const maxDepth = 6

// decodeOutputs reads the result of a task, in every shape that docs.kie.ai
// shows for resultJson, response and callbacks:
//
//	{"resultUrls": [...]}                       nearly all models
//	{"resultUrls": [...], "lastFrameUrl": ...}  Seedance 2 with stills
//	{"resultObject": {...}}                     transcripts, lyrics, detections
//	{"data": [{"audio_url": ...}]}              Suno tracks; {"sunoData": [...]} in older records
//	{"data": {"result_urls": [...]}}            Veo in 1080p and 4K
//	{"info": {"resultUrls": [...]}}             callbacks of Veo, 4o image, Flux Kontext
//	{"videoInfo": {"videoUrl": ...}}            Runway; {"video_url": ...} in its callbacks
//	{"resultVideoUrl": ...}                     Aleph; {"resultImageUrl": ...} Flux Kontext
//	{"data": [{"text": ..., "title": ...}]}     Suno lyrics
//	{"vocalUrl": ..., "drumsUrl": ...}          Suno stems, in callbacks below "vocal_removal_info"
//	{"midiData": {...}}, {"images": [...]}      Suno notes and cover pictures
//	{"resultInfoJson": {"resultUrls": [{"resultUrl": ...}]}}  Midjourney
//
// each also as JSON text, in camelCase or snake_case, and with a bare URL in
// place of a list.
func decodeOutputs(raw json.RawMessage) []Output { return outputsIn(raw, maxDepth) }

// outputsIn reads one value of any shape, going at most depth levels into it.
func outputsIn(raw json.RawMessage, depth int) []Output {
	raw = bytes.TrimSpace(unwrap(raw))
	if len(raw) == 0 || depth == 0 {
		return nil
	}
	switch raw[0] {
	case '{':
		if o, ok := parseObject(raw); ok {
			return outputsOf(o, depth)
		}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return nil
		}
		var found []Output
		for _, item := range list {
			found = append(found, outputsIn(item, depth-1)...)
		}
		return found
	case '"':
		if address := webAddress(text(raw)); address != "" {
			return []Output{{URL: address, Kind: kindOf(address, KindFile)}}
		}
	}
	return nil
}

// outputsOf reads an object of results.
func outputsOf(o object, depth int) []Output {
	for _, read := range [...]func(object) (Output, bool){trackOf, clipOf, lyricsOf} {
		if output, ok := read(o); ok {
			return []Output{output}
		}
	}
	found := stemsOf(o)
	for _, name := range [...]string{
		"fullResultUrls", "resultUrls", "resultUrl", "resultImageUrl", "audioWavUrl", "images",
		// These are the same files in a lesser form.
		"originUrls", "originImageUrl", "resultWaterMarkUrls",
	} {
		if len(found) > 0 {
			break
		}
		found = outputsIn(o.field(name), depth-1)
	}
	addCovers(found, outputsIn(o.field("imageUrls"), depth-1))
	found = append(found, stills(o.field("firstFrameUrl"), "first frame", depth)...)
	found = append(found, stills(o.field("lastFrameUrl"), "last frame", depth)...)
	for _, name := range [...]string{"data", "sunoData", "info", "videoInfo", "vocalRemovalInfo", "resultInfoJson"} {
		found = append(found, outputsIn(o.field(name), depth-1)...)
	}
	if len(found) == 0 {
		found = originStems(o, depth)
	}
	return append(found, texts(o, depth)...)
}

// texts reads the results that are no files.
func texts(o object, depth int) []Output {
	raw := o.field("resultObject")
	if result, ok := parseObject(raw); ok {
		if lyrics := outputsIn(result.field("lyricsData"), depth-1); len(lyrics) > 0 {
			return lyrics
		}
	}
	result := compact(raw)
	if result == "" {
		result = compact(o.field("midiData"))
	}
	if result == "" && o.field("instruments") != nil {
		// A callback has the notes in the open.
		result = compact(o.field("instruments"))
	}
	if result == "" {
		return nil
	}
	return []Output{{Kind: KindText, Text: result}}
}

// addCovers gives each video its picture, as Veo in 4K lists them.
func addCovers(videos, pictures []Output) {
	for n := range min(len(videos), len(pictures)) {
		if videos[n].Kind != KindImage {
			videos[n].CoverURL = pictures[n].URL
		}
	}
}

// stills reads the pictures that accompany a video.
func stills(raw json.RawMessage, title string, depth int) []Output {
	found := outputsIn(raw, depth-1)
	for i := range found {
		found[i].Title = title
		found[i].Kind = kindOf(found[i].URL, KindImage)
	}
	return found
}

// trackOf reads one Suno track.
func trackOf(o object) (Output, bool) {
	for _, name := range [...]string{"audioUrl", "sourceAudioUrl", "streamAudioUrl", "sourceStreamAudioUrl"} {
		if address := webAddress(o.text(name)); address != "" {
			return Output{
				URL:       address,
				Kind:      kindOf(address, KindAudio),
				ID:        oneLine(o.text("id")),
				Title:     oneLine(o.text("title", "stemTypeGroupName")),
				Lyrics:    o.text("prompt"),
				CoverURL:  webAddress(o.text("imageUrl", "sourceImageUrl")),
				StreamURL: webAddress(o.text("streamAudioUrl", "sourceStreamAudioUrl")),
				Duration:  decodeSeconds(o.field("duration")),
			}, true
		}
	}
	return Output{}, false
}

// clipOf reads one video with its picture: Runway, Aleph, Suno's music video.
func clipOf(o object) (Output, bool) {
	address := webAddress(o.text("videoUrl", "resultVideoUrl"))
	if address == "" {
		return Output{}, false
	}
	return Output{
		URL: address, Kind: kindOf(address, KindVideo),
		CoverURL: webAddress(o.text("imageUrl", "resultImageUrl")),
	}, true
}

// lyricsOf reads one of Suno's proposals for lyrics. A proposal that failed
// has no text.
func lyricsOf(o object) (Output, bool) {
	words := strings.TrimSpace(o.text("text"))
	return Output{Kind: KindText, Text: words, Title: oneLine(o.text("title"))}, words != ""
}

// stemsOf reads the tracks into which Suno separates a song.
func stemsOf(o object) []Output {
	var found []Output
	for _, stem := range [...]string{
		"vocal", "backingVocals", "instrumental", "drums", "bass", "guitar", "piano", "keyboard",
		"percussion", "strings", "synth", "fx", "brass", "woodwinds",
	} {
		if address := webAddress(o.text(stem + "Url")); address != "" {
			title := strings.ReplaceAll(snake(stem), "_", " ")
			found = append(found, Output{URL: address, Kind: kindOf(address, KindAudio), Title: title})
		}
	}
	return found
}

// originStems reads the list that holds the same stems by id, for replies that
// have only this.
func originStems(o object, depth int) []Output {
	var list []json.RawMessage
	if json.Unmarshal(unwrap(o.field("originData")), &list) != nil {
		return nil
	}
	var found []Output
	for _, raw := range list {
		found = append(found, outputsIn(raw, depth-1)...)
		pair, ok := parseObject(raw)
		if !ok {
			continue
		}
		for _, name := range [...]string{"extract", "remove"} {
			found = append(found, outputsIn(pair.field(name), depth-1)...)
		}
	}
	return found
}

// compact returns a non-empty object or list without needless blanks, "" for
// anything else. The object may come as JSON text.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, unwrap(raw)) != nil {
		return ""
	}
	switch s := strings.ToValidUTF8(b.String(), "\ufffd"); {
	case s == "{}", s == "[]", s == "":
		return ""
	case s[0] == '{', s[0] == '[':
		return s
	case s[0] == '"':
		return strings.TrimSpace(text(b.Bytes()))
	}
	return ""
}

// webAddress returns s without surrounding blanks when it is an absolute http
// or https URL, else "".
func webAddress(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return s
}

// kindOf guesses from the extension of the URL's path, falling back to what
// the shape of the reply suggests.
func kindOf(address string, fallback Kind) Kind {
	u, err := url.Parse(address)
	if err != nil {
		return fallback
	}
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".svg", ".heic", ".tif", ".tiff":
		return KindImage
	case ".mp4", ".mov", ".webm", ".mkv", ".m4v", ".avi":
		return KindVideo
	case ".mp3", ".wav", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".flac":
		return KindAudio
	}
	return fallback
}

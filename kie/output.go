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

// decodeOutputs reads the result of a finished task, in every shape that
// docs.kie.ai shows for resultJson and response:
//
//	{"resultUrls": [...]}                       nearly all models
//	{"resultUrls": [...], "lastFrameUrl": ...}  Seedance 2 with stills
//	{"resultObject": {...}}                     transcripts, lyrics, detections
//	{"data": [{"audio_url": ...}]}              Suno tracks
//	{"data": {"result_urls": [...]}}            Veo in 1080p and 4K
//
// each also as JSON text, and with a bare URL in place of a list.
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
	if track, ok := trackOf(o); ok {
		return []Output{track}
	}
	var found []Output
	for _, name := range []string{"resultUrls", "resultUrl", "originUrls", "resultWaterMarkUrls"} {
		// The later ones are the same files in a lesser form.
		if found = outputsIn(o.field(name), depth-1); len(found) > 0 {
			break
		}
	}
	found = append(found, stills(o.field("firstFrameUrl"), "first frame", depth)...)
	found = append(found, stills(o.field("lastFrameUrl"), "last frame", depth)...)
	found = append(found, outputsIn(o.field("data"), depth-1)...)
	if result := compact(o.field("resultObject")); result != "" {
		found = append(found, Output{Kind: KindText, Text: result})
	}
	return found
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
	for _, name := range []string{"audioUrl", "sourceAudioUrl", "streamAudioUrl"} {
		if address := webAddress(o.text(name)); address != "" {
			return Output{
				URL:      address,
				Kind:     kindOf(address, KindAudio),
				Title:    oneLine(o.text("title")),
				CoverURL: webAddress(o.text("imageUrl")),
				Duration: decodeSeconds(o.field("duration")),
			}, true
		}
	}
	return Output{}, false
}

// compact returns a non-empty object or list without needless blanks, "" for
// anything else. The object may come as JSON text.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, unwrap(raw)) != nil {
		return ""
	}
	switch s := b.String(); {
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

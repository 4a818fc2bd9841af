package kietest

import (
	"strings"

	"kiebot/kie/catalog"
)

// object makes the result of a model of the unified API that makes no file:
// resultObject (docs.kie.ai, the pages of the models).
func (p *production) object() {
	m := p.task.model
	words := promptOf(m, p.task.input)
	switch name := m.ID[strings.LastIndexByte(m.ID, '/')+1:]; name {
	case "generate-lyrics":
		p.lyrics()
		p.result.ResultObject = struct {
			LyricsData []lyric `json:"lyricsData"`
		}{p.result.lyrics}
	case "timeStamped-lyrics":
		if parent := p.task.parent; parent != nil {
			words = promptOf(parent.model, parent.input)
		}
		p.result.ResultObject = struct {
			Words []timedWord `json:"alignedWords"`
		}{timed(words)}
	case "generate-midi-from-audio":
		p.notes()
		p.result.ResultObject = p.result.score
	case "boost-music-style":
		p.result.ResultObject = textObject{boosted(p.text("content"))}
	case "generate-persona", "create-voice", "check-voice", "validation-phrase", "regenerate-phrase":
		p.result.ResultObject = struct {
			ID    string `json:"id"`
			Name  string `json:"name"`
			Ready bool   `json:"isReady"`
		}{p.task.id + "-0", p.text("name", "voice_name"), true}
	case "segment-map", "human-identification", "subject-detection":
		p.result.ResultObject = struct {
			Status   int      `json:"status"`
			MaskURLs []string `json:"maskUrls"`
		}{1, []string{p.mask()}}
	default:
		p.result.ResultObject = textObject{words}
	}
}

type textObject struct {
	Text string `json:"text"`
}

// mask makes a picture that is gone after an hour.
func (p *production) mask() string {
	link := p.add("mask.png", p.art(formatPNG, 0))
	p.outputs[len(p.outputs)-1].life = maskLife
	return link
}

// isAsset recognises what the Seedance models take in place of a link.
func isAsset(link string) bool { return strings.HasPrefix(link, "asset://") && link != "asset://" }

// takesAssets reports whether a model does.
func takesAssets(m catalog.Model) bool { return strings.HasPrefix(m.ID, "bytedance/seedance-2") }

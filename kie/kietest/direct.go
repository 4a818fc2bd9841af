package kietest

import (
	"encoding/json"
	"net/http"
	"strings"

	"kiebot/kie/catalog"
)

// direct is a call that answers at once, without a task.
type direct struct {
	path   string
	row    endpoint // what it takes and costs, where the catalogue has no entry
	answer func(madeID string, input map[string]any, parent *task) any
}

// directs returns the calls that answer at once (docs.kie.ai "Generate
// Persona", "Get Timestamped Lyrics", "Boost Music Style", and the pages of
// gemini-omni-audio and gemini-omni-character).
func directs() []*direct {
	track := []catalog.Input{need(text("taskId")), need(text("audioId"))}
	content := need(text("content"))
	return []*direct{
		{path: "/api/v1/generate/generate-persona", answer: persona, row: endpoint{
			name: "suno-persona", parent: pathSuno, once: http.StatusConflict,
			inputs: append(track[:2:2], need(text("name")), need(text("description")), fraction("vocalStart"), fraction("vocalEnd"), text("style")),
		}},
		{path: "/api/v1/generate/get-timestamped-lyrics", answer: timedLyrics, row: endpoint{
			name: "suno-timed-lyrics", parent: pathSuno, credits: 500, inputs: track,
		}},
		{path: "/api/v1/style/generate", answer: boostStyle, row: endpoint{
			name: "suno-style", credits: 400, inputs: []catalog.Input{content},
		}},
		{path: "/api/v1/omni/audio/create", answer: omniAudio, row: endpoint{name: "omni-audio"}},
		{path: "/api/v1/omni/character/create", answer: omniCharacter, row: endpoint{name: "omni-character"}},
	}
}

// direct makes the handler of a call that answers at once.
func (s *Server) direct(d *direct) func(*exchange) reply {
	return func(x *exchange) reply {
		var input map[string]any
		if json.Unmarshal(x.body, &input) != nil || input == nil {
			return refusal(http.StatusBadRequest, textBadBody)
		}
		model, known := s.modelFor(&d.row, &order{input: input})
		if !known {
			return refusal(http.StatusUnprocessableEntity, textNoModel)
		}
		ignored, refused := checkInput(model, input)
		if refused != nil {
			return *refused
		}
		price, err := s.price(&d.row, model, input)
		if err != nil {
			return refusal(http.StatusInternalServerError, textServerError)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.advance(s.cfg.Now())
		if refused := s.checkLinks(x, model, input); refused != nil {
			return *refused
		}
		parent, claim, refused := s.findParent(x, &d.row, model, input)
		if refused != nil {
			return *refused
		}
		if x.account.balance < price {
			return refusal(http.StatusPaymentRequired, textNoCredits)
		}
		x.account.balance -= price
		s.ignore(model, ignored)
		if claim != "" {
			parent.claimed(claim, parent.id)
		}
		if parent != nil {
			x.id = parent.id
		}
		s.created++
		id, _ := s.identity(s.created)
		return success(d.answer(id, input, parent))
	}
}

func persona(_ string, input map[string]any, parent *task) any {
	name, _ := input["name"].(string)
	description, _ := input["description"].(string)
	audio, _ := input["audioId"].(string)
	return struct {
		PersonaID   string `json:"personaId"`
		Name        string `json:"name"`
		Description string `json:"description"`
	}{"persona-" + audio, name, description}
}

// timedWord is when a word is sung, in seconds.
type timedWord struct {
	Word    string  `json:"word"`
	Success bool    `json:"success"`
	StartS  float64 `json:"startS"`
	EndS    float64 `json:"endS"`
	Palign  int     `json:"palign"`
}

// timed spreads the words of a text over a track.
func timed(words string) []timedWord {
	list := []timedWord{}
	for i, word := range strings.Fields(words) {
		start := min(float64(i)/2, audioSeconds)
		list = append(list, timedWord{Word: word + " ", Success: true, StartS: start, EndS: start + 0.5})
	}
	return list
}

func timedLyrics(_ string, _ map[string]any, parent *task) any {
	words := promptOf(parent.model, parent.input)
	if parent.input["instrumental"] == true {
		words = ""
	}
	return struct {
		Words  []timedWord `json:"alignedWords"`
		Wave   []float64   `json:"waveformData"`
		Stream bool        `json:"isStreamed"`
	}{Words: timed(words), Wave: []float64{0, 0.5, 1, 0.5}}
}

func boostStyle(_ string, input map[string]any, _ *task) any {
	content, _ := input["content"].(string)
	return struct {
		TaskID          string          `json:"taskId"`
		Param           string          `json:"param"`
		Result          string          `json:"result"`
		CreditsConsumed catalog.Credits `json:"creditsConsumed"`
		SuccessFlag     string          `json:"successFlag"`
	}{Param: content, Result: boosted(content), CreditsConsumed: 400, SuccessFlag: "1"}
}

// boosted is a longer description of a style.
func boosted(content string) string {
	return content + ", warm and clear, with a steady beat and a full sound"
}

// omniAudio and omniCharacter answer with the id that gemini-omni-video takes
// in audio_ids and character_ids.
func omniAudio(madeID string, input map[string]any, _ *task) any {
	name, _ := input["name"].(string)
	return struct {
		AudioID string `json:"audioId"`
		Name    string `json:"name"`
	}{"voice-" + madeID, name}
}

func omniCharacter(madeID string, input map[string]any, _ *task) any {
	name, _ := input["character_name"].(string)
	return struct {
		CharacterID string `json:"characterId"`
		Name        string `json:"characterName"`
	}{"character-" + madeID, name}
}

package kie

import (
	"encoding/base64"
	"encoding/json"
)

// maxAnswer caps what an endpoint answers at once, since a Ref carries it. Real
// answers are an id and a few words.
const maxAnswer = 16 << 10

// AtOnce reports whether Create's answer is the result already: there is no
// task at Kie then, and the Ref carries the answer.
func (i EndpointInfo) AtOnce() bool { return i.Record == "" }

// refOf names what was created by the data of Kie's answer, and reports false
// when that says nothing.
func (i EndpointInfo) refOf(data json.RawMessage) (Ref, bool) {
	if i.AtOnce() {
		id := base64.RawURLEncoding.EncodeToString(data)
		return Ref{Endpoint: i.Endpoint, TaskID: id}, compact(data) != "" && len(data) <= maxAnswer
	}
	o, ok := parseObject(data)
	id := o.taskID()
	return Ref{Endpoint: i.Endpoint, TaskID: id}, ok && id != ""
}

// answered is the status of what was answered at once: a success whose one
// output is the answer. It reports false when refOf did not make the Ref.
func answered(ref Ref) (Status, bool) {
	data, err := base64.RawURLEncoding.DecodeString(ref.TaskID)
	answer := compact(data)
	if err != nil || answer == "" {
		return Status{}, false
	}
	s := Status{Ref: ref, State: Success, Outputs: []Output{{Kind: KindText, Text: answer}}, Raw: data}
	if o, ok := parseObject(data); ok {
		s.Outputs[0].ID = oneLine(o.text("id", "audioId", "characterId"))
		s.Credits = decodeCredits(o)
	} else {
		s.Outputs[0].ID = oneLine(answer) // nothing but an id
	}
	return s, true
}

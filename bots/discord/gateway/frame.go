package gateway

import (
	"bytes"
	"encoding/json"

	"github.com/bwmarrin/discordgo"
)

// The opcodes that a bot without voice and intents meets (Opcodes and Status
// Codes, Gateway Opcodes).
const (
	opDispatch  = 0
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
	opReconnect = 7
	opInvalid   = 9
	opHello     = 10
	opAck       = 11
)

// The events that are read.
const (
	eventReady       = "READY"
	eventResumed     = "RESUMED"
	eventInteraction = "INTERACTION_CREATE"
)

func wanted(e *discordgo.Event) bool {
	return e.Operation != opDispatch || e.Type == eventInteraction || e.Type == eventReady || e.Type == eventResumed
}

// parse reads a frame. RawData is a part of the frame, and is left out, without
// a look at it, for an event that nobody waits for.
func parse(frame []byte) (*discordgo.Event, error) {
	e := new(discordgo.Event)
	if data, ok := head(frame, e); ok {
		if !wanted(e) {
			return e, nil
		}
		if data, ok = lastMember(data); ok {
			e.RawData = data
			return e, nil
		}
	}
	e = new(discordgo.Event)
	if err := json.Unmarshal(frame, e); err != nil {
		return nil, errBroken // the error would cite the payload
	}
	return e, nil
}

// head reads a frame up to its data, as far as it is written as Discord does:
// the data behind everything else. It returns the rest of the frame.
func head(frame []byte, e *discordgo.Event) (rest []byte, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(frame))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return nil, false
	}
	for seen := 0; ; seen++ {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		switch name {
		case "t":
			err = dec.Decode(&e.Type)
		case "s":
			err = dec.Decode(&e.Sequence)
		case "op":
			err = dec.Decode(&e.Operation)
		case "d":
			return frame[dec.InputOffset():], seen == 3
		default:
			return nil, false
		}
		if err != nil {
			return nil, false
		}
	}
}

// lastMember is the value in the end of an object that follows its name.
func lastMember(rest []byte) ([]byte, bool) {
	value, ok := bytes.CutPrefix(bytes.TrimSpace(rest), []byte(":"))
	if !ok {
		return nil, false
	}
	value, ok = bytes.CutSuffix(value, []byte("}"))
	value = bytes.TrimSpace(value)
	return value, ok && json.Valid(value)
}

// sent is a payload of ours.
type sent struct {
	Op   int `json:"op"`
	Data any `json:"d"`
}

// identify begins a session. discordgo's has another form than version 10 of
// the API, and a presence that is none.
type identify struct {
	Token      string     `json:"token"`
	Properties properties `json:"properties"`
	Intents    int        `json:"intents"`
	Shard      [2]int     `json:"shard"`
}

type properties struct {
	OS      string `json:"os"`
	Browser string `json:"browser"`
	Device  string `json:"device"`
}

// resume goes on with a session.
type resume struct {
	Token   string `json:"token"`
	Session string `json:"session_id"`
	Seq     int64  `json:"seq"`
}

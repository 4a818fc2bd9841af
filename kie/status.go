package kie

import (
	"encoding/json"
	"strings"
	"time"
)

// State is where Kie stands with a task. Many models go straight from Waiting
// to Success.
type State string

// The states of docs.kie.ai "Get Task Details".
const (
	Waiting    State = "waiting"    // accepted, not started
	Queuing    State = "queuing"    // in a queue of the model's vendor
	Generating State = "generating" // being made
	Success    State = "success"    // final: the outputs are ready and were billed
	Fail       State = "fail"       // final: nothing was made, nothing is billed
)

// Final reports whether Kie will not change the state any more.
func (s State) Final() bool { return s == Success || s == Fail }

// UnmarshalText reads a state as Kie writes it. A state this package does not
// know counts as Generating: a new word of Kie's must not end a running task.
// The empty text stays empty.
func (s *State) UnmarshalText(text []byte) error {
	state := State(strings.ToLower(strings.TrimSpace(string(text))))
	switch state {
	case "", Waiting, Queuing, Generating, Success, Fail:
		*s = state
	default:
		*s = Generating
	}
	return nil
}

// Kind is what an output is.
type Kind string

// The kinds of outputs.
const (
	KindImage Kind = "image"
	KindVideo Kind = "video"
	KindAudio Kind = "audio"
	KindText  Kind = "text" // no file: see Output.Text
	KindFile  Kind = "file" // a file of unknown kind
)

// Output is one thing a task produced.
type Output struct {
	// URL is where the file can be fetched, without the API key; http or
	// https, host unchecked. Empty when Kind is KindText.
	URL string
	// Kind is guessed from the extension in the URL and from the reply's
	// shape. The file's content may say otherwise.
	Kind Kind
	// Text holds the result of models that make no file (transcripts, lyrics,
	// detections) as the JSON text of Kie's resultObject.
	Text string
	// Title is a track's name, or "first frame" or "last frame" for the
	// stills that some video models add. Often empty.
	Title string
	// CoverURL is the picture that belongs to a track. Often empty.
	CoverURL string
	// Duration is how long a track plays, zero when Kie does not say.
	Duration time.Duration
}

// Failure is Kie's reason for a failed task. Both fields can be empty.
type Failure struct {
	Code    string // such as "400" or "501"; not an HTTP status
	Message string // Kie's text in one line of at most 300 characters; can be Chinese
}

// Status is what Kie says about a task at one moment. The receiver owns it.
type Status struct {
	Ref   Ref
	Model string
	State State
	// Outputs is filled only in the state Success. It can be empty even then:
	// the result sometimes follows the state by seconds.
	Outputs []Output
	// Credits is what Kie charges, nil when it does not say. Until Success it
	// is a reservation, and a failed task costs nothing.
	Credits *Credits
	// Failure is set exactly in the state Fail.
	Failure *Failure
	// Created, Completed and Updated are by Kie's clock, zero when not
	// reported.
	Created, Completed, Updated time.Time
	// Raw is Kie's record as it came (the envelope's data).
	Raw json.RawMessage
}

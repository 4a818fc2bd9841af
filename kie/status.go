package kie

import (
	"encoding/json"
	"strings"
	"time"
)

// State is where Kie stands with a task. Many models go straight from Waiting
// to Success.
type State string

// The states of docs.kie.ai "Get Task Details". What older endpoints call
// otherwise (wait, queueing, TEXT_SUCCESS, 0, 1, 2, 3) is translated.
const (
	Waiting    State = "waiting"    // accepted, not started
	Queuing    State = "queuing"    // in a queue of the model's vendor
	Generating State = "generating" // being made
	Success    State = "success"    // final: the outputs are ready and were billed
	Fail       State = "fail"       // final: nothing was made, nothing is billed
)

// Final reports whether Kie will not change the state any more.
func (s State) Final() bool { return s == Success || s == Fail }

// UnmarshalText reads a state as any of Kie's endpoints writes it. A state this
// package does not know counts as Generating: a new word of Kie's must not end
// a running task. The empty text stays empty.
func (s *State) UnmarshalText(text []byte) error {
	*s = readState(string(text))
	return nil
}

// readState translates the words of all endpoints, which do not contradict one
// another:
//
//	jobs         state        waiting queuing generating success fail
//	runway       state        wait queueing generating success fail
//	4o-image     status       GENERATING SUCCESS CREATE_TASK_FAILED GENERATE_FAILED
//	suno         status       PENDING TEXT_SUCCESS FIRST_SUCCESS SUCCESS CREATE_TASK_FAILED
//	                          GENERATE_AUDIO_FAILED CALLBACK_EXCEPTION SENSITIVE_WORD_ERROR
//	suno-wav …   successFlag  PENDING SUCCESS …_FAILED CALLBACK_EXCEPTION
//	veo, flux …  successFlag  0 running, 1 success, 2 and 3 failed
//
// CALLBACK_EXCEPTION is a success: the result exists, only the caller's
// callback URL did not answer.
func readState(text string) State {
	word := strings.ToLower(strings.TrimSpace(text))
	switch word {
	case "":
		return ""
	case "waiting", "wait", "pending":
		return Waiting
	case "queuing", "queueing":
		return Queuing
	case "success", "complete", "callback_exception", "1":
		return Success
	case "fail", "failed", "2", "3":
		return Fail
	}
	if strings.HasSuffix(word, "_failed") || strings.HasSuffix(word, "_error") {
		return Fail
	}
	return Generating
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
	// Kind is guessed from the extension in the URL, else from the endpoint and
	// the reply's shape. The file's content may say otherwise.
	Kind Kind
	// Text holds the result of models that make no file: lyrics as plain text,
	// everything else (transcripts, detections, notes) as the JSON text of
	// Kie's object.
	Text string
	// ID is a track's id, which follow-ups such as [SunoExtend] want as
	// audioId, or that of what [OmniAudio] and [OmniCharacter] made. Empty for
	// everything else.
	ID string
	// Title is a track's name, a stem's ("vocal", "drums"), or "first frame" or
	// "last frame" for the stills that some video models add. Often empty.
	Title string
	// Lyrics are a track's words, or its description when it has none. Often
	// empty.
	Lyrics string
	// CoverURL is the picture that belongs to a track or a video. Often empty.
	CoverURL string
	// StreamURL plays a track while its file is being made. Often empty.
	StreamURL string
	// Duration is how long a track plays, zero when Kie does not say.
	Duration time.Duration
}

// Failure is Kie's reason for a failed task. Both fields can be empty.
type Failure struct {
	Code    string // such as "400", "501" or "SENSITIVE_WORD_ERROR"; not an HTTP status
	Message string // Kie's text in one line of at most 300 characters; can be Chinese
}

// Status is what Kie says about a task at one moment. The receiver owns it.
type Status struct {
	Ref Ref
	// Model is the model as requested from [Jobs]; other endpoints do not
	// report it.
	Model string
	State State
	// Outputs is filled only in the state Success. It can be empty even then:
	// the result sometimes follows the state by seconds.
	Outputs []Output
	// Partial is what can be used before the final state: the tracks of Suno,
	// which stream after half a minute. Empty in a final state.
	Partial []Output
	// Credits is what Kie charges, nil when it does not say; the older
	// endpoints mostly do not. Until Success it is a reservation, and a failed
	// task costs nothing.
	Credits *Credits
	// Failure is set exactly in the state Fail.
	Failure *Failure
	// Created, Completed and Updated are by Kie's clock, zero when not
	// reported.
	Created, Completed, Updated time.Time
	// Raw is Kie's record as it came (the envelope's data).
	Raw json.RawMessage
}

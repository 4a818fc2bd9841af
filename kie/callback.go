package kie

import (
	"strconv"
	"strings"
)

// Stage is how far a task is according to a callback.
type Stage string

// The stages. Only Suno's music has the first two.
const (
	StageText     Stage = "text"     // the lyrics are written
	StageFirst    Stage = "first"    // the first of two tracks is ready
	StageComplete Stage = "complete" // final: everything is ready
	StageError    Stage = "error"    // final: the task failed
)

// Callback is what Kie posts to a callback URL when a task reaches its final
// state, and when a song passes a stage (docs.kie.ai, the callback page or
// section of each model). It is a hint only, even when its signature is right:
// see [Verifier]. The same one can come more than once, and Kie wants HTTP 200
// within 15 seconds.
//
// Only the callbacks of [Jobs] say which endpoint the task belongs to: keep the
// [Ref] from [Client.Create], or put a name of your own into the callback URL.
type Callback struct {
	// TaskID is Kie's id, never empty.
	TaskID string
	// Stage is empty when the callback does not tell.
	Stage Stage
	// Code is 200 for success, another number for failure, 0 if missing.
	Code int
	// Message is Kie's text in one line of at most 300 characters.
	Message string
	// Status is what the callback says about the task, nil when it says
	// nothing. Its Ref is zero unless the task is one of [Jobs]. Read it again
	// with [Client.Status] before acting on it.
	Status *Status
}

// Final reports whether the callback announces a final state.
func (c Callback) Final() bool { return c.Stage == StageComplete || c.Stage == StageError }

// ParseCallback reads the body of a callback from any endpoint: {code, msg,
// data} with one of
//
//	{"taskId", "state", "resultJson", ...}            jobs: the record itself
//	{"taskId", "info": {"resultUrls"}}                veo, veo-4k, 4o-image, flux-kontext
//	{"task_id", "video_url", "image_url"}             runway, aleph, suno-mp4
//	{"task_id", "callbackType", "data": [...]}        suno, suno-lyrics
//	{"task_id", "vocal_removal_info": {...}}          suno-vocal-removal
//	{"taskId", "resultUrls": [...]}                   midjourney, luma-modify
//
// as data. The task id is taken from the top level (taskId) or from data
// (taskId or task_id), in this order; a body without one is an [ErrInvalid].
func ParseCallback(body []byte) (Callback, error) {
	o, id, err := readCallback(body)
	if err != nil {
		return Callback{}, err
	}
	callback := Callback{TaskID: id, Message: oneLine(o.text("msg", "message"))}
	callback.Code, _ = integer(o.field("code"))
	data, _ := parseObject(o.field("data"))
	callback.Status = callback.record(data)
	callback.Stage = callback.stage(data)
	if record := callback.Status; record == nil {
		callback.Status = callback.told(data)
	} else if callback.Stage == StageError && record.State != Fail {
		// Where code and state contradict each other, the code decides, as it
		// does in replies.
		callback.Status = callback.told(data)
		callback.Status.Ref, callback.Status.Model = record.Ref, record.Model
	}
	if callback.Status != nil {
		callback.Status.Raw = o.field("data")
	}
	return callback, nil
}

// record reads data that is a record of its own: those of Jobs.
func (c Callback) record(data object) *Status {
	word := data.text("state")
	if word == "" && data.text("successFlag") == "" {
		return nil
	}
	jobs, _ := Jobs.Info()
	status, ok := decodeObject(jobs, data)
	if !ok {
		return nil
	}
	switch State(strings.ToLower(word)) {
	case "", Waiting, Queuing, Generating, Success, Fail:
		status.Ref = Ref{Endpoint: Jobs, TaskID: c.TaskID}
	}
	return &status
}

// stage finds out what the callback announces.
func (c Callback) stage(data object) Stage {
	failed := c.Code != 0 && c.Code != 200
	switch word := Stage(strings.ToLower(data.text("callbackType"))); {
	case c.Status != nil && c.Status.State == Fail, failed, word == StageError:
		return StageError
	case word == StageText, word == StageFirst, word == StageComplete:
		return word
	case c.Status != nil && c.Status.State == Success, c.Status == nil && c.Code == 200:
		return StageComplete
	}
	return ""
}

// told makes a status of a callback without a record, nil when nothing in it
// would be worth one.
func (c Callback) told(data object) *Status {
	status := Status{State: Generating, Credits: decodeCredits(data)}
	outputs := EndpointInfo{}.outputs(data)
	switch c.Stage {
	case StageError:
		status.State = Fail
		status.Failure = &Failure{Message: c.Message}
		if c.Code != 0 {
			status.Failure.Code = strconv.Itoa(c.Code)
		}
	case StageComplete:
		if len(outputs) == 0 {
			return nil
		}
		status.State, status.Outputs = Success, outputs
	case StageText, StageFirst:
		status.Partial = outputs
	default:
		return nil
	}
	return &status
}

// readCallback finds the task id. Parsing and verifying share it: a body that
// names several tasks must not be verified for one and acted on for another.
func readCallback(body []byte) (object, string, error) {
	o, ok := parseObject(body)
	if !ok {
		return nil, "", &Error{Kind: ErrInvalid, Op: opCallback, Message: "the body is not a JSON object"}
	}
	id := o.taskID()
	if data, ok := parseObject(o.field("data")); ok && id == "" {
		id = data.taskID()
	}
	if id == "" {
		return nil, "", &Error{Kind: ErrInvalid, Op: opCallback, Message: "the body names no task"}
	}
	return o, id, nil
}

package kie

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// veoPause is how long to wait for a video in 1080p when Kie does not say:
// its page advises 20 to 30 seconds.
const veoPause = 30 * time.Second

// Veo1080p returns the link to a Veo video in 1080p: GET
// /api/v1/veo/get-1080p-video (docs.kie.ai/old-model/veo3-api, "Get 1080P
// Video"). taskID is that of a finished task; index counts its videos from 0.
// Kie needs one to three minutes from the first call on; until then the error
// is an [ErrTemporary] with RetryAfter set. [Veo4K] is created instead.
func (c *Client) Veo1080p(ctx context.Context, taskID string, index int) (string, error) {
	if taskID == "" || index < 0 {
		return "", &Error{Kind: ErrInvalid, Op: opVeo1080p, Message: "no task given"}
	}
	env, failure := c.query(ctx, call{
		op: opVeo1080p, method: http.MethodGet, path: "/api/v1/veo/get-1080p-video",
		query: url.Values{"taskId": {taskID}, "index": {strconv.Itoa(index)}},
	})
	if failure != nil {
		if e, ok := failure.(*Error); ok && e.Code == 400 {
			// "Still processing, come back in 1–2 minutes."
			e.Kind, e.RetryAfter = ErrTemporary, max(e.RetryAfter, veoPause)
		}
		return "", failure
	}
	for _, output := range decodeOutputs(env.data) {
		if output.URL != "" {
			return output.URL, nil
		}
	}
	return "", &Error{
		Kind: ErrTemporary, Op: opVeo1080p, Code: 200, HTTPStatus: http.StatusOK,
		Message: "Kie answered with no link", RetryAfter: veoPause,
	}
}

// PersonaRequest asks Suno to remember the voice and style of a track.
type PersonaRequest struct {
	// TaskID and AudioID name the track: the task's id and [Output].ID.
	TaskID, AudioID string
	// Name and Description are for people.
	Name, Description string
	// VocalStart and VocalEnd limit the part to learn from, in whole or
	// fractional seconds of the track, 10 to 30 seconds apart; both zero means
	// that Suno chooses.
	VocalStart, VocalEnd time.Duration
	// Style is the music's, empty means the track's.
	Style string
}

// SunoPersona makes a persona and returns its id, to be put into the input
// personaId of [Suno]: POST /api/v1/generate/generate-persona
// (docs.kie.ai/old-model/suno-api, "Generate Persona"). Kie answers at once.
// Like [Client.Create] it is sent once, and can end in [ErrUnknownOutcome]. A
// track can have one persona; a second is an [ErrRefused] with code 409.
func (c *Client) SunoPersona(ctx context.Context, r PersonaRequest) (string, error) {
	body := map[string]any{"taskId": r.TaskID, "audioId": r.AudioID, "name": r.Name, "description": r.Description}
	if r.VocalEnd > 0 {
		body["vocalStart"], body["vocalEnd"] = r.VocalStart.Seconds(), r.VocalEnd.Seconds()
	}
	if r.Style != "" {
		body["style"] = r.Style
	}
	o, err := c.sunoCall(ctx, opPersona, "/api/v1/generate/generate-persona", body)
	if err != nil {
		return "", err
	}
	if id := o.text("personaId"); id != "" {
		return id, nil
	}
	return "", unanswered(opPersona, "a persona without an id")
}

// TimedWord is a piece of a track's lyrics and when it is sung.
type TimedWord struct {
	Word       string        // with its blanks and line breaks
	Start, End time.Duration // from the beginning of the track
	Matched    bool          // whether Suno found it in the recording
}

// SunoTimedLyrics returns when each word of a track is sung: POST
// /api/v1/generate/get-timestamped-lyrics (docs.kie.ai/old-model/suno-api, "Get
// Timestamped Lyrics"). audioID is the track's [Output].ID. Kie answers at
// once; an instrumental has no words. As Kie bills the call, it is sent once
// and can end in [ErrUnknownOutcome].
func (c *Client) SunoTimedLyrics(ctx context.Context, taskID, audioID string) ([]TimedWord, error) {
	o, err := c.sunoCall(ctx, opTimedLyrics, "/api/v1/generate/get-timestamped-lyrics", map[string]any{"taskId": taskID, "audioId": audioID})
	if err != nil {
		return nil, err
	}
	return decodeTimedWords(o.field("alignedWords")), nil
}

// decodeTimedWords reads the words of a track.
func decodeTimedWords(raw json.RawMessage) []TimedWord {
	var list []json.RawMessage
	if json.Unmarshal(unwrap(raw), &list) != nil {
		return nil
	}
	var words []TimedWord
	for _, item := range list {
		o, ok := parseObject(item)
		if word := o.text("word"); ok && word != "" {
			words = append(words, TimedWord{
				Word: word, Start: decodeSeconds(o.field("startS")), End: decodeSeconds(o.field("endS")),
				Matched: readBool(o.field("success")),
			})
		}
	}
	return words
}

// SunoBoostStyle turns a few words about a style, such as "pop, mysterious",
// into a full description for the input style of [Suno]: POST
// /api/v1/style/generate (docs.kie.ai/old-model/suno-api, "Boost Music Style").
// Kie answers at once. As Kie bills the call, it is sent once and can end in
// [ErrUnknownOutcome].
func (c *Client) SunoBoostStyle(ctx context.Context, content string) (string, error) {
	o, err := c.sunoCall(ctx, opBoostStyle, "/api/v1/style/generate", map[string]any{"content": content})
	if err != nil {
		return "", err
	}
	if readState(o.text("successFlag")) == Fail {
		failure := decodeFailure(o)
		return "", &Error{Kind: ErrRefused, Op: opBoostStyle, Code: 200, HTTPStatus: http.StatusOK, Message: failure.Message}
	}
	if style := o.text("result"); style != "" {
		return style, nil
	}
	return "", unanswered(opBoostStyle, "no style")
}

// sunoCall sends one of Suno's calls that answer at once. Empty fields are
// refused before sending, as Kie requires all of them.
func (c *Client) sunoCall(ctx context.Context, op, path string, fields map[string]any) (object, error) {
	for name, value := range fields {
		if value == "" {
			return nil, &Error{Kind: ErrInvalid, Op: op, Message: "no " + name + " given"}
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, &Error{Kind: ErrInvalid, Op: op, Message: "the input cannot be written as JSON", Err: err}
	}
	env, failure := c.buy(ctx, call{op: op, method: http.MethodPost, path: path, body: body})
	if failure != nil {
		return nil, failure
	}
	o, ok := parseObject(env.data)
	if !ok {
		return nil, unanswered(op, "no result")
	}
	return o, nil
}

// unanswered is the error for a paid call that succeeded without what was
// asked for.
func unanswered(op, what string) error {
	return &Error{Kind: ErrUnknownOutcome, Op: op, Code: 200, HTTPStatus: http.StatusOK, Message: "Kie answered with " + what}
}

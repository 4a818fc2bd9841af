package kie

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// CreateRequest asks Kie to make something.
type CreateRequest struct {
	// Endpoint is where to ask; the zero value is [Jobs].
	Endpoint Endpoint
	// Model is the exact id, such as "google/imagen4" for [Jobs], "veo3_fast"
	// for [Veo], "V5" for [Suno]. Jobs needs one; endpoints that have only one
	// model take none.
	Model string
	// Input is the model's own inputs; nil means none. For the older endpoints
	// these are the fields of the body, in camelCase, as their page in Kie's
	// documentation names them. Kie ignores names it does not know without a
	// word. Create does not change the map.
	Input map[string]any
	// CallbackURL receives the final state by POST, and the stages before it
	// from [Suno]; empty means no callback. Kie's Suno endpoints refuse a
	// request without one; any address will do, since the result can be read
	// in any case. Endpoints that answer at once are sent none.
	CallbackURL string
	// AllowRetired sends the request even to an endpoint that Kie's
	// documentation does not have any more.
	AllowRetired bool
}

// createBody is the wire form for Jobs: docs.kie.ai, "Create Task".
type createBody struct {
	Model       string         `json:"model"`
	Input       map[string]any `json:"input"`
	CallBackURL string         `json:"callBackUrl,omitempty"`
}

// Create starts a task and returns its name: POST /api/v1/jobs/createTask
// (docs.kie.ai, "Create Task"), or the POST of an older endpoint, whose page
// [Endpoints] names. It blocks for one exchange, after waiting for
// Config.Creations, and never repeats it, because each one that reaches Kie can
// be billed: after [ErrUnknownOutcome] the task may exist, after every other
// error it does not.
func (c *Client) Create(ctx context.Context, r CreateRequest) (Ref, error) {
	info, body, failure := prepare(r)
	if failure != nil {
		return Ref{}, failure
	}
	env, failure := c.buy(ctx, call{op: opCreate, method: http.MethodPost, path: info.Create, body: body})
	if failure != nil && !(info.Endpoint == Veo4K && underWay(env)) {
		return Ref{}, failure
	}
	ref, ok := info.refOf(env.data)
	if !ok {
		return Ref{}, unanswered(opCreate, "neither a task's id nor a result")
	}
	return ref, nil
}

// prepare checks a request as far as the endpoint decides and writes its body.
func prepare(r CreateRequest) (EndpointInfo, []byte, *Error) {
	info, ok := r.Endpoint.Info()
	invalid := func(message string) (EndpointInfo, []byte, *Error) {
		return EndpointInfo{}, nil, &Error{Kind: ErrInvalid, Op: opCreate, Message: message}
	}
	switch {
	case !ok:
		return invalid("no such endpoint")
	case info.Retired && !r.AllowRetired:
		return invalid("Kie has retired " + string(info.Endpoint))
	case info.Endpoint == Jobs && r.Model == "":
		return invalid("no model given")
	case !info.Model && r.Model != "":
		return invalid(string(info.Endpoint) + " takes no model")
	}
	var body any
	if info.Endpoint == Jobs {
		jobs := createBody{Model: r.Model, Input: r.Input, CallBackURL: r.CallbackURL}
		if jobs.Input == nil {
			jobs.Input = map[string]any{}
		}
		body = jobs
	} else {
		if info.AtOnce() {
			r.CallbackURL = "" // there is nothing to call back about
		}
		fields := flatBody(r)
		if info.Callback && fields["callBackUrl"] == nil {
			return invalid(string(info.Endpoint) + " needs a callback URL; any will do, the result can be read in any case")
		}
		body = fields
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return EndpointInfo{}, nil, &Error{Kind: ErrInvalid, Op: opCreate, Message: "the input cannot be written as JSON", Err: err}
	}
	return info, encoded, nil
}

// flatBody puts model and callback beside the inputs, where the older
// endpoints have them.
func flatBody(r CreateRequest) map[string]any {
	body := maps.Clone(r.Input)
	if body == nil {
		body = map[string]any{}
	}
	if r.Model != "" {
		body["model"] = r.Model
	}
	if r.CallbackURL != "" {
		body["callBackUrl"] = r.CallbackURL
	}
	return body
}

// underWay recognises the answer to a second request for the same video in 4K:
// an error code whose data names the task that is being worked on or done
// (docs.kie.ai, "Get 4K Video").
func underWay(env envelope) bool {
	o, ok := parseObject(env.data)
	return ok && env.code == 422 && o.taskID() != ""
}

// taskID returns the task's id in the spellings of replies and callbacks.
func (o object) taskID() string { return strings.TrimSpace(o.text("taskId")) }

package kie

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ModelQuery narrows a list of models; the zero value asks for all.
type ModelQuery struct {
	// TaskTypes are Kie's own, such as "Text to Image"; a model with any of
	// them matches. Several models carry a wrong one.
	TaskTypes []string
	// Provider is the model's maker, such as "Google".
	Provider string
	// Text is looked for in names and descriptions.
	Text string
}

// Model is an entry of Kie's catalogue. Fields that Kie leaves out are empty.
type Model struct {
	ID          string   // as for CreateRequest.Model
	Slug        string   // the name in the address of the model's page
	Title       string   // for people
	Provider    string   // the maker
	TaskTypes   []string // such as "Text to Image"
	Description string
	Pricing     string // prose, in credits and dollars
}

// Models lists what Kie offers at this moment: GET /api/v1/models (Kie's
// published agent skill kie-models of September 2026, which is where these
// calls are documented). Like all discovery calls it waits for
// Config.Discovery.
func (c *Client) Models(ctx context.Context, q ModelQuery) ([]Model, error) {
	query := url.Values{}
	for name, value := range map[string]string{"taskType": strings.Join(q.TaskTypes, ","), "provider": q.Provider, "q": q.Text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	env, err := c.read(ctx, call{op: opModels, method: http.MethodGet, path: "/api/v1/models", query: query}, c.discovery)
	if err != nil {
		return nil, err
	}
	models, ok := decodeModels(env.data)
	if !ok {
		return nil, unusable(opModels, "something else than a list of models")
	}
	return models, nil
}

// decodeModels reads {total, models: [...]}, or the list alone. An entry
// without an id is left out.
func decodeModels(raw json.RawMessage) ([]Model, bool) {
	raw = unwrap(raw)
	if o, ok := parseObject(raw); ok {
		raw = unwrap(o["models"])
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return nil, false
	}
	models := make([]Model, 0, len(list))
	for _, item := range list {
		o, ok := parseObject(item)
		if id := strings.TrimSpace(o.text("model")); ok && id != "" {
			models = append(models, Model{
				ID: id, Slug: o.text("slug"), Title: o.text("title"), Provider: o.text("provider"),
				TaskTypes: decodeWords(o.field("taskType")), Description: o.text("description"), Pricing: o.text("pricingDesc"),
			})
		}
	}
	return models, true
}

// decodeWords reads a list of strings, or one string with commas.
func decodeWords(raw json.RawMessage) []string {
	raw = unwrap(raw)
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		var words []string
		for word := range strings.SplitSeq(text(raw), ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
		return words
	}
	var words []string
	for _, item := range items {
		if word := strings.TrimSpace(text(item)); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// ModelSchema returns one model's inputs as an OpenAPI 3.1 document: GET
// /api/v1/models/{model}/schema (skill kie-models). It is nil when Kie has none
// yet. References in it are local; keys may hold blanks. A model that Kie does
// not know gives [ErrNotFound].
func (c *Client) ModelSchema(ctx context.Context, model string) (json.RawMessage, error) {
	o, err := c.modelCall(ctx, opSchema, model, "/schema")
	if err != nil {
		return nil, err
	}
	return unwrap(o.field("openapi")), nil
}

// ModelPrice returns what a model costs, as prose that equals what Kie bills:
// GET /api/v1/models/{model}/price (skill kie-models). It is empty when Kie does
// not say. A model that Kie does not know gives [ErrNotFound].
func (c *Client) ModelPrice(ctx context.Context, model string) (string, error) {
	o, err := c.modelCall(ctx, opPrice, model, "/price")
	return o.text("pricingDesc"), err
}

// SuccessRate is how a model did in ten minutes.
type SuccessRate struct {
	Start, End time.Time
	// Success and Failure are Kie's figures for the share of tasks, as they
	// come; nil when there was no traffic.
	Success, Failure *float64
	// Normal is Kie's own verdict.
	Normal bool
}

// ModelSuccessRate returns how a model did over the last 24 hours, in steps of
// ten minutes: GET /api/v1/models/{model}/success-rate (skill kie-models). A
// model that Kie does not know gives [ErrNotFound].
func (c *Client) ModelSuccessRate(ctx context.Context, model string) ([]SuccessRate, error) {
	o, err := c.modelCall(ctx, opSuccessRate, model, "/success-rate")
	if err != nil {
		return nil, err
	}
	return decodeRates(o.field("points")), nil
}

// decodeRates reads the points of a success rate.
func decodeRates(raw json.RawMessage) []SuccessRate {
	var points []json.RawMessage
	if json.Unmarshal(unwrap(raw), &points) != nil {
		return nil
	}
	var rates []SuccessRate
	for _, point := range points {
		o, ok := parseObject(point)
		if !ok {
			continue
		}
		rates = append(rates, SuccessRate{
			Start: decodeTime(o.field("start")), End: decodeTime(o.field("end")),
			Success: decodeShare(o.field("successRate")), Failure: decodeShare(o.field("errorRate")),
			Normal: readBool(o.field("isNormal")),
		})
	}
	return rates
}

// decodeShare reads a number that may be missing.
func decodeShare(raw json.RawMessage) *float64 {
	n, ok := number(raw)
	if !ok {
		return nil
	}
	return &n
}

// readBool reads true, 1 and their texts as true.
func readBool(raw json.RawMessage) bool {
	word := strings.ToLower(strings.TrimSpace(text(raw)))
	return word == "true" || word == "1"
}

// modelCall asks for one aspect of one model.
func (c *Client) modelCall(ctx context.Context, op, model, aspect string) (object, error) {
	const prefix = "/api/v1/models/"
	id, ok := escapeModel(model)
	if !ok {
		return nil, &Error{Kind: ErrInvalid, Op: op, Message: "the model is not given as an id"}
	}
	env, err := c.read(ctx, call{op: op, method: http.MethodGet, path: prefix + "{model}" + aspect, url: prefix + id + aspect}, c.discovery)
	if err != nil {
		return nil, err
	}
	o, ok := parseObject(env.data)
	if !ok {
		return nil, unusable(op, "nothing about the model")
	}
	return o, nil
}

// escapeModel escapes the parts of an id but not the slash between them, since
// Kie does not know the escaped form.
func escapeModel(model string) (string, bool) {
	parts := strings.Split(model, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", false
		}
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/"), true
}

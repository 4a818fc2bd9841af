package kietest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kiebot/kie/catalog"
)

// lookSpan is the time in which an account may make one discovery call
// (Kie's published agent skill).
const lookSpan = time.Second

// listedModel is a model as the list of models has it (docs.kie.ai "List Models").
type listedModel struct {
	Model       string   `json:"model"`
	Slug        string   `json:"slug"`
	Title       string   `json:"title"`
	Provider    string   `json:"provider"`
	TaskType    []string `json:"taskType"`
	Description *string  `json:"description"`
	PricingDesc *string  `json:"pricingDesc"`
}

// models answers GET /api/v1/models.
func (s *Server) models(x *exchange) reply {
	query := x.r.URL.Query()
	var wanted []string
	for _, kind := range strings.Split(query.Get("taskType"), ",") {
		if kind = strings.TrimSpace(kind); kind != "" {
			wanted = append(wanted, kind)
		}
	}
	found := []listedModel{}
	for _, m := range s.cfg.Catalog.All() {
		if m.Status != catalog.Current {
			continue
		}
		entry := listing(m)
		if entry.suits(wanted, query.Get("provider"), query.Get("q")) {
			found = append(found, entry)
		}
	}
	return success(struct {
		Total  int           `json:"total"`
		Models []listedModel `json:"models"`
	}{len(found), found})
}

func listing(m catalog.Model) listedModel {
	vendor, _, _ := strings.Cut(strings.ReplaceAll(m.ID, "/", "-"), "-")
	entry := listedModel{
		Model: m.ID, Slug: strings.ReplaceAll(m.ID, "/", "-"), Title: m.Title, Provider: capital(vendor), PricingDesc: pricing(m),
	}
	tasks := m.Tasks
	if len(tasks) == 0 {
		tasks = []string{m.Task}
	}
	for _, task := range tasks {
		entry.TaskType = append(entry.TaskType, taskType(task))
	}
	return entry
}

// suits reports whether an entry passes the filters of the list.
func (l listedModel) suits(kinds []string, provider, text string) bool {
	same := func(kind string) bool {
		return slices.ContainsFunc(kinds, func(wanted string) bool { return strings.EqualFold(wanted, kind) })
	}
	hay := strings.ToLower(l.Model + "\n" + l.Title)
	return (len(kinds) == 0 || slices.ContainsFunc(l.TaskType, same)) &&
		(provider == "" || strings.EqualFold(provider, l.Provider)) && strings.Contains(hay, strings.ToLower(text))
}

// taskType turns text-to-image into Text to Image.
func taskType(task string) string {
	words := strings.Split(task, "-")
	for i, word := range words {
		if word != "to" {
			words[i] = capital(word)
		}
	}
	return strings.Join(words, " ")
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// pricing is the price in prose, null when the catalogue does not have one.
func pricing(m catalog.Model) *string {
	if len(m.Price.Rates) == 0 {
		return nil
	}
	if m.Price.Note != "" {
		return &m.Price.Note
	}
	text := "Free of charge."
	if per := m.Price.Per; per != catalog.Free {
		text = fmt.Sprintf("From %s credits per %s.", cheapest(m), cmp.Or(string(per), "request"))
	}
	return &text
}

func cheapest(m catalog.Model) catalog.Credits {
	least := m.Price.Rates[0].Credits
	for _, rate := range m.Price.Rates {
		least = min(least, rate.Credits)
	}
	return least
}

// aboutModel answers the calls about one model. Its id stands in the path with
// its slash as it is; the service does not know the escaped form.
func (s *Server) aboutModel(x *exchange) reply {
	id, aspect := x.r.PathValue("rest"), ""
	if cut := strings.LastIndexByte(id, '/'); cut >= 0 {
		id, aspect = id[:cut], id[cut+1:]
	}
	m, err := s.cfg.Catalog.Lookup(id)
	if err != nil || m.ID != id || m.Status != catalog.Current || strings.Contains(strings.ToUpper(x.r.URL.EscapedPath()), "%2F") {
		return refusal(http.StatusNotFound, textNoModel)
	}
	switch aspect {
	case "schema":
		return success(struct {
			Model   string          `json:"model"`
			OpenAPI json.RawMessage `json:"openapi"`
		}{m.ID, schema(m)})
	case "price":
		return success(struct {
			Model       string  `json:"model"`
			PricingDesc *string `json:"pricingDesc"`
		}{m.ID, pricing(m)})
	case "success-rate":
		return success(struct {
			Model  string `json:"model"`
			Points []rate `json:"points"`
		}{m.ID, s.rates(m)})
	}
	return refusal(http.StatusNotFound, "Not Found")
}

// rate is how a model did in ten minutes.
type rate struct {
	Start       int64    `json:"start"` // ms
	End         int64    `json:"end"`
	SuccessRate *float64 `json:"successRate"` // null without traffic
	ErrorRate   *float64 `json:"errorRate"`
	IsNormal    bool     `json:"isNormal"`
}

// rates counts the tasks that ended in the last 24 hours, in steps of ten
// minutes, the oldest first.
func (s *Server) rates(m catalog.Model) []rate {
	const step, steps = 10 * time.Minute, 144
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.advance(now)
	first := now.Truncate(step).Add(step - steps*step)
	var good, all [steps]int
	for _, t := range s.order {
		if t.final == "" || t.model.ID != m.ID || t.ended.Before(first) {
			continue
		}
		i := int(t.ended.Sub(first) / step)
		if all[i]++; t.final == StateSuccess {
			good[i]++
		}
	}
	points := make([]rate, steps)
	for i := range points {
		start := first.Add(step * time.Duration(i))
		points[i] = rate{Start: start.UnixMilli(), End: start.Add(step).UnixMilli(), IsNormal: true}
		if all[i] > 0 {
			share := float64(good[i]) / float64(all[i])
			points[i].SuccessRate, points[i].ErrorRate, points[i].IsNormal = &share, new(1-share), share >= 0.9
		}
	}
	return points
}

// property is a part of a JSON schema.
type property struct {
	Type        string              `json:"type,omitempty"`
	Description string              `json:"description,omitempty"`
	Format      string              `json:"format,omitempty"`
	Default     any                 `json:"default,omitempty"`
	Enum        []any               `json:"enum,omitempty"`
	Minimum     *float64            `json:"minimum,omitempty"`
	Maximum     *float64            `json:"maximum,omitempty"`
	MaxLength   int                 `json:"maxLength,omitempty"`
	MinItems    int                 `json:"minItems,omitempty"`
	MaxItems    int                 `json:"maxItems,omitempty"`
	Items       *property           `json:"items,omitempty"`
	Properties  map[string]property `json:"properties,omitempty"`
	Required    []string            `json:"required,omitempty"`
	Ref         string              `json:"$ref,omitempty"`
}

// schema describes a model as an OpenAPI 3.1 document; the input stands apart
// and is referred to, as in the documents of the service.
func schema(m catalog.Model) json.RawMessage {
	input := property{Type: "object", Properties: map[string]property{}}
	for _, in := range m.Inputs {
		input.Properties[in.Name] = schemaOf(in)
		if in.Required {
			input.Required = append(input.Required, in.Name)
		}
	}
	body := property{Type: "object", Required: []string{"model", "input"}, Properties: map[string]property{
		"model": {Type: "string", Enum: []any{m.ID}, Default: m.ID}, "callBackUrl": {Type: "string", Format: "uri"},
		"input": {Ref: "#/components/schemas/Model%20Input"},
	}}
	return json.RawMessage(fmt.Sprintf(
		`{"openapi":"3.1.0","info":{"title":%s,"version":"1.0.0"},"paths":{"/api/v1/jobs/createTask":{"post":{"requestBody":{"content":{"application/json":{"schema":%s}}}}}},"components":{"schemas":{"Model Input":%s}}}`,
		encode(m.Title), encode(body), encode(input)))
}

func schemaOf(in catalog.Input) property {
	p := property{
		Type: string(in.Type), Description: in.Description, Default: in.Default, Enum: in.Enum, Minimum: in.Min, Maximum: in.Max,
		MaxLength: in.MaxLength, MinItems: in.MinItems, MaxItems: in.MaxItems,
	}
	if in.Type == catalog.Array {
		p.Items = &property{Type: in.Items}
	}
	if in.Media != "" && in.Type == catalog.String {
		p.Format = "uri"
	}
	return p
}

package kietest

import (
	"cmp"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"kiebot/kie/catalog"
)

// Limits of the service (docs.kie.ai "Getting Started" and the agent skill
// that Kie publishes).
const (
	createLimit = 20
	createSpan  = 10 * time.Second
	readLimit   = 10 // for each task
	readSpan    = time.Second
)

// order is the body of createTask (docs.kie.ai "Create Task"), or that of an
// older endpoint in the same form.
type order struct {
	Model       string          `json:"model"`
	Input       json.RawMessage `json:"input"`
	CallBackURL string          `json:"callBackUrl,omitempty"`

	input map[string]any
	param string // the request as records show it
}

// create makes the call that creates tasks at an endpoint.
func (s *Server) create(e *endpoint) func(*exchange) reply {
	return func(x *exchange) reply {
		read := readOrder
		if e.name != catalog.Jobs {
			read = e.readFlat
		}
		o, refused := read(x.body)
		if refused != nil {
			return *refused
		}
		model, known := s.modelFor(e, &o)
		if !known {
			return refusal(http.StatusUnprocessableEntity, textNoModel)
		}
		ignored, refused := e.check(model, o.input)
		if refused != nil {
			return *refused
		}
		price, err := s.price(e, model, o.input)
		if err != nil {
			return refusal(http.StatusInternalServerError, textServerError)
		}
		return s.accept(x, e, o, model, ignored, price)
	}
}

// modelFor finds the model that an order is for. The service knows no aliases,
// and nothing of models that are gone.
func (s *Server) modelFor(e *endpoint, o *order) (catalog.Model, bool) {
	if e.name == catalog.Jobs {
		m, err := s.cfg.Catalog.Lookup(o.Model)
		return m, err == nil && m.ID == o.Model && m.Endpoint == catalog.Jobs && m.Status.Runs()
	}
	entries := s.older()[e.name]
	if len(entries) == 0 {
		return e.entry(), true
	}
	o.Model, _ = o.input["model"].(string)
	o.Model = cmp.Or(o.Model, e.model)
	for _, m := range entries {
		if m.ModelValue == "" {
			return m, true
		}
		if m.ModelValue == o.Model {
			return m, m.Status.Runs()
		}
	}
	return catalog.Model{}, false
}

// olderModels returns the models of the older endpoints by endpoint.
func olderModels(c *catalog.Catalog) map[string][]catalog.Model {
	models := map[string][]catalog.Model{}
	for _, m := range c.All() {
		if m.Endpoint != catalog.Jobs {
			models[m.Endpoint] = append(models[m.Endpoint], m)
		}
	}
	return models
}

// entry is an endpoint's own description as a model.
func (e *endpoint) entry() catalog.Model {
	return catalog.Model{ID: e.name, Endpoint: e.name, Kind: e.kind, Output: e.kind.Output(), Inputs: e.inputs}
}

// check judges the input by itself.
func (e *endpoint) check(model catalog.Model, input map[string]any) (ignored []string, refused *reply) {
	ignored, refused = checkInput(model, input)
	if e.name != catalog.Jobs {
		ignored = slices.DeleteFunc(ignored, func(name string) bool {
			return name == "callBackUrl" || name == "model" && model.ModelValue != ""
		})
	}
	if refused == nil && e.rule != nil {
		refused = e.rule(input)
	}
	return ignored, refused
}

// unknownPrice is taken where nobody says what a model costs.
const unknownPrice catalog.Credits = 1_000

// price is what a task costs. A file whose length is paid for counts as one
// second: links lead to files that are not there.
func (s *Server) price(e *endpoint, model catalog.Model, input map[string]any) (catalog.Credits, error) {
	if len(model.Price.Rates) == 0 && e.name != catalog.Jobs {
		return e.credits, nil
	}
	lengths := catalog.Lengths{}
	for _, file := range model.Unmeasured(input) {
		lengths[file] = 1
	}
	price, err := model.EstimateFor(input, lengths)
	if errors.Is(err, catalog.ErrNoPrice) {
		return unknownPrice, nil
	}
	return price, err
}

// accept makes the task of an order that is right as far as it can be judged
// by itself.
func (s *Server) accept(x *exchange, e *endpoint, o order, model catalog.Model, ignored []string, price catalog.Credits) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused := s.checkLinks(x, model, o.input); refused != nil {
		return *refused
	}
	parent, claim, refused := s.findParent(x, e, model, o.input)
	if refused != nil {
		return *refused
	}
	s.ignore(model, ignored)
	if x.account.balance < price {
		return refusal(http.StatusPaymentRequired, textNoCredits)
	}
	x.account.balance -= price
	t := s.newTask(x, o, model)
	t.at, t.credits = e, price
	t.adopt(parent, claim)
	x.id = t.id
	s.begin(t)
	if e.name != catalog.Jobs {
		return success(camelID{t.id})
	}
	return success(struct {
		TaskID   string `json:"taskId"`
		RecordID string `json:"recordId"`
	}{t.id, t.id})
}

// ignore notes inputs that a model does not have. The mutex is held.
func (s *Server) ignore(model catalog.Model, names []string) {
	for _, name := range names {
		s.ignored = append(s.ignored, IgnoredInput{Model: model.ID, Name: name})
	}
}

// readOrder decodes a createTask body as far as it can be judged without the
// model.
func readOrder(body []byte) (order, *reply) {
	var o order
	if err := json.Unmarshal(body, &o); err != nil {
		refused := refusal(http.StatusBadRequest, textBadBody)
		return o, &refused
	}
	if o.Model == "" {
		return o, invalid("model cannot be blank")
	}
	if !validCallback(o.CallBackURL) {
		return o, invalid(textBadCallback)
	}
	if err := json.Unmarshal(o.Input, &o.input); err != nil || o.input == nil {
		return o, invalid("input must be an object")
	}
	o.param = paramText(o)
	return o, nil
}

// readFlat decodes the body of an older endpoint, which has everything side by
// side.
func (e *endpoint) readFlat(body []byte) (order, *reply) {
	var o order
	if err := json.Unmarshal(body, &o.input); err != nil || o.input == nil {
		refused := refusal(http.StatusBadRequest, textBadBody)
		return o, &refused
	}
	hook, isText := o.input["callBackUrl"].(string)
	o.CallBackURL = hook
	switch {
	case o.input["callBackUrl"] != nil && !isText || !validCallback(hook):
		return o, invalid(textBadCallback)
	case e.hook && hook == "":
		return o, invalid("callBackUrl cannot be blank")
	}
	o.param = string(encode(o.input))
	return o, nil
}

func validCallback(raw string) bool {
	if raw == "" {
		return true
	}
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// newTask makes the task of an accepted order. The mutex is held.
func (s *Server) newTask(x *exchange, o order, model catalog.Model) *task {
	s.created++
	id, rng := s.identity(s.created)
	t := &task{
		id: id, account: x.account, model: model, input: o.input, param: o.param,
		callback: o.CallBackURL, base: s.linkBase(x.r), faults: x.task,
		seed: seedOf(model, o.input, rng), held: x.task.hold, stuck: x.task.stick,
	}
	t.plan = s.lay(s.cfg.Now(), s.mean(model), rng)
	if d := t.faults.unknownFor; d != nil {
		t.plan.visible = t.plan.created.Add(*d)
	}
	if t.faults.early {
		now := t.plan.created
		t.plan.queuing, t.plan.generating, t.plan.first, t.plan.done = now, now, now, now
	}
	return t
}

// begin makes a task known and lets its time run. The mutex is held.
func (s *Server) begin(t *task) {
	s.tasks[t.id] = t
	s.order = append(s.order, t)
	s.forge(t)
	s.planEnd(t)
	s.advance(s.cfg.Now())
}

// linkBase is what links to result files start with. The mutex is held.
func (s *Server) linkBase(r *http.Request) string {
	switch {
	case s.cfg.BaseURL != "":
		return s.cfg.BaseURL
	case s.url != "":
		return s.url
	}
	return "http://" + r.Host
}

// paramText is the request as recordInfo shows it: JSON text, in which the
// input is JSON text once more.
func paramText(o order) string {
	return string(encode(struct {
		CallBackURL string `json:"callBackUrl,omitempty"`
		Input       string `json:"input"`
		Model       string `json:"model"`
	}{o.CallBackURL, string(encode(o.Input)), o.Model}))
}

// seedOf returns the seed a request brings, or draws one.
func seedOf(model catalog.Model, input map[string]any, rng *rand.Rand) uint64 {
	drawn := rng.Uint64N(1 << 31)
	in, _ := model.ByOption(catalog.Seed)
	switch v := input[in.Name].(type) {
	case float64:
		if v >= 0 { // negative numbers ask for a random one
			return uint64(v)
		}
	case string:
		if n, err := strconv.ParseUint(v, 10, 64); err == nil {
			return n
		}
	}
	return drawn
}

// record is what recordInfo and callbacks say about a task (docs.kie.ai "Get
// Task Details").
type record struct {
	TaskID          string          `json:"taskId"`
	Model           string          `json:"model"`
	State           string          `json:"state"`
	SuccessFlag     int             `json:"successFlag"`
	Param           string          `json:"param"`
	ResultJSON      *string         `json:"resultJson"`         // empty while running, null on failure
	Response        *result         `json:"response,omitempty"` // the same as an object
	FailCode        *string         `json:"failCode"`
	FailMsg         *string         `json:"failMsg"`
	CostTime        *int64          `json:"costTime"` // seconds
	CreateTime      int64           `json:"createTime"`
	CompleteTime    *int64          `json:"completeTime"`
	UpdateTime      int64           `json:"updateTime"`
	CreditsConsumed catalog.Credits `json:"creditsConsumed"` // a reservation until success
	OperationType   string          `json:"operationType"`
	ParamJSON       string          `json:"paramJson"`
}

// recordInfo makes the call that reads the tasks of all endpoints with this
// record path.
func (s *Server) recordInfo(e *endpoint) func(*exchange) reply {
	return func(x *exchange) reply {
		id := x.r.URL.Query().Get("taskId")
		if id == "" {
			return refusal(http.StatusBadRequest, textNoTaskID)
		}
		x.id = id
		s.mu.Lock()
		defer s.mu.Unlock()
		now := s.cfg.Now()
		s.advance(now)
		t := s.tasks[id]
		if t == nil || t.account != x.account || t.at.record != e.record {
			return e.dialect.unknown
		}
		if !t.reads.allow(now, readLimit, readSpan) {
			return refusal(http.StatusTooManyRequests, textTooOften)
		}
		if now.Before(t.plan.visible) {
			return e.dialect.unknown
		}
		bare := t.final == StateSuccess && t.empty != 0
		if bare {
			t.empty = max(t.empty-1, -1)
		}
		return success(t.at.dialect.record(t, now, bare))
	}
}

// record describes the task at now. The server's mutex is held.
func (t *task) record(now time.Time) *record {
	r := &record{
		TaskID: t.id, Model: t.model.ID, State: t.state(now), Param: t.param,
		ResultJSON: new(""), CreateTime: t.plan.created.UnixMilli(), UpdateTime: now.UnixMilli(),
		CreditsConsumed: t.credits, OperationType: t.model.ID, ParamJSON: t.param,
	}
	if t.final == "" {
		return r
	}
	r.CostTime = new(int64(t.ended.Sub(t.plan.created).Round(time.Second) / time.Second))
	r.CompleteTime = new(t.ended.UnixMilli())
	r.UpdateTime = t.ended.UnixMilli()
	if t.final == StateFail {
		r.SuccessFlag, r.ResultJSON = 3, nil
		r.FailCode, r.FailMsg = new(t.faults.failCode), new(t.faults.failMsg)
		return r
	}
	r.SuccessFlag, r.Response = 1, t.result
	r.ResultJSON = new(t.result.text())
	return r
}

package kietest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
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

// order is the body of createTask (docs.kie.ai "Create Task").
type order struct {
	Model       string          `json:"model"`
	Input       json.RawMessage `json:"input"`
	CallBackURL string          `json:"callBackUrl,omitempty"`
}

func (s *Server) createTask(x *exchange) reply {
	o, input, refused := readOrder(x.body)
	if refused != nil {
		return *refused
	}
	model, err := s.cfg.Catalog.Lookup(o.Model)
	if err != nil || model.ID != o.Model { // the service knows no aliases
		return refusal(http.StatusUnprocessableEntity, "The model name you specified is not supported. Please verify the model name and try again.")
	}
	ignored, refused := checkInput(model, input)
	if refused != nil {
		return *refused
	}
	price, err := model.Estimate(input)
	if err != nil {
		return refusal(http.StatusInternalServerError, "Server exception, please try again later")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range ignored {
		s.ignored = append(s.ignored, IgnoredInput{Model: model.ID, Name: name})
	}
	if x.account.balance < price {
		return refusal(http.StatusPaymentRequired, textNoCredits)
	}
	x.account.balance -= price
	t := s.newTask(x, o, model, input)
	t.credits = price
	x.id = t.id
	s.begin(t)
	return success(struct {
		TaskID   string `json:"taskId"`
		RecordID string `json:"recordId"`
	}{t.id, t.id})
}

// readOrder decodes a createTask body as far as it can be judged without the
// model.
func readOrder(body []byte) (order, map[string]any, *reply) {
	var o order
	if err := json.Unmarshal(body, &o); err != nil {
		refused := refusal(http.StatusBadRequest, textBadBody)
		return o, nil, &refused
	}
	invalid := func(msg string) (order, map[string]any, *reply) {
		refused := refusal(http.StatusUnprocessableEntity, msg)
		return o, nil, &refused
	}
	if o.Model == "" {
		return invalid("model cannot be blank")
	}
	if !validCallback(o.CallBackURL) {
		return invalid("callBackUrl must be a http or https URL")
	}
	var input map[string]any
	if err := json.Unmarshal(o.Input, &input); err != nil || input == nil {
		return invalid("input must be an object")
	}
	return o, input, nil
}

func validCallback(raw string) bool {
	if raw == "" {
		return true
	}
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// newTask makes the task of an accepted order. The mutex is held.
func (s *Server) newTask(x *exchange, o order, model catalog.Model, input map[string]any) *task {
	s.created++
	id, rng := s.identity(s.created)
	t := &task{
		id: id, account: x.account, model: model, input: input, param: paramText(o),
		callback: o.CallBackURL, base: s.linkBase(x.r), faults: x.task,
		seed: seedOf(model, input, rng), held: x.task.hold, stuck: x.task.stick,
	}
	t.plan = s.lay(s.cfg.Now(), s.cfg.Durations.of(model.Kind), rng)
	if d := t.faults.unknownFor; d != nil {
		t.plan.visible = t.plan.created.Add(*d)
	}
	if t.faults.early {
		t.plan.queuing, t.plan.generating, t.plan.done = t.plan.created, t.plan.created, t.plan.created
	}
	return t
}

// begin makes a task known and lets its time run. The mutex is held.
func (s *Server) begin(t *task) {
	s.tasks[t.id] = t
	s.order = append(s.order, t)
	s.forge(t)
	s.plan(event{at: t.plan.done, task: t})
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

func (s *Server) recordInfo(x *exchange) reply {
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
	if t == nil || t.account != x.account {
		return refusal(http.StatusUnprocessableEntity, textNoRecord)
	}
	if !t.reads.allow(now, readLimit, readSpan) {
		return refusal(http.StatusTooManyRequests, textTooOften)
	}
	if now.Before(t.plan.visible) {
		return refusal(http.StatusUnprocessableEntity, textNoRecord)
	}
	r := t.record(now)
	if t.final == StateSuccess && t.empty != 0 {
		t.empty = max(t.empty-1, -1)
		r.ResultJSON, r.Response = new(""), nil
	}
	return success(r)
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

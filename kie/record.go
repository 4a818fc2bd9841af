package kie

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// decodeRecord reads the data of a record reply or of a callback in the
// vocabulary of info's endpoint: docs.kie.ai, "Get Task Details" and the
// "details" page of each older endpoint. It reports false when raw is no such
// record.
func decodeRecord(info EndpointInfo, ref Ref, raw json.RawMessage) (Status, bool) {
	o, ok := parseObject(raw)
	if !ok {
		return Status{}, false
	}
	s, ok := decodeObject(info, o)
	s.Ref, s.Raw = ref, raw
	return s, ok
}

// decodeObject is decodeRecord for an object, without Ref and Raw.
func decodeObject(info EndpointInfo, o object) (Status, bool) {
	state, ok := info.state(o)
	if !ok {
		return Status{}, false
	}
	s := Status{
		Model:     o.text("model"),
		State:     state,
		Credits:   decodeCredits(o),
		Created:   decodeTime(o.field("createTime", "generateTime")),
		Completed: decodeTime(o.field("completeTime")),
		Updated:   decodeTime(o.field("updateTime")),
	}
	if s.Model == "" && info.Endpoint == Jobs {
		s.Model = o.text("operationType")
	}
	switch s.State {
	case Success:
		s.Outputs = info.outputs(o)
	case Fail:
		s.Failure = decodeFailure(o)
	default:
		if info.Endpoint != Jobs {
			s.Partial = info.outputs(o)
		}
	}
	return s, true
}

// outputs reads a record's results and gives those of unknown kind the kind
// that the endpoint makes.
func (i EndpointInfo) outputs(o object) []Output {
	// response is resultJson already parsed, and newer; either may be missing.
	// Records of older endpoints and callbacks hold the results themselves.
	found := decodeOutputs(o.field("response"))
	if len(found) == 0 {
		found = decodeOutputs(o.field("resultJson"))
	}
	if len(found) == 0 {
		found = outputsOf(o, maxDepth)
	}
	for n := range found {
		if found[n].Kind == KindFile && i.Makes != KindText && i.Makes != "" {
			found[n].Kind = i.Makes
		}
	}
	return found
}

// decodeFailure reads the reason of a failed task. Suno gives it in the state
// itself at times.
func decodeFailure(o object) *Failure {
	f := Failure{Code: oneLine(o.text("failCode", "errorCode")), Message: oneLine(o.text("failMsg", "errorMessage"))}
	for _, field := range [...]string{"status", "successFlag"} {
		if word := o.text(field); (f.Code == "" || f.Code == "0") && strings.Contains(word, "_") {
			f.Code = oneLine(word)
		}
	}
	return &f
}

// decodeCredits reads what the task costs. Callbacks of 2025 called the field
// consumeCredits. Nonsense counts as not reported.
func decodeCredits(o object) *Credits {
	raw := o.field("creditsConsumed", "consumeCredits")
	if raw == nil {
		return nil
	}
	var c Credits
	if err := c.UnmarshalJSON(raw); err != nil || c < 0 {
		return nil
	}
	return &c
}

const (
	// maxMilli is the last instant of the year 9999; later ones cannot be
	// encoded as JSON by package time.
	maxMilli = 253402300799999
	// What lies between these is taken as seconds: the years 2001 to 5138.
	minSeconds, maxSeconds = 1e9, 1e11
)

// decodeTime reads milliseconds or seconds since 1970, or one of the texts
// that the samples of the older endpoints show; zero time for nothing or
// nonsense. A text without a zone is taken as UTC.
func decodeTime(raw json.RawMessage) time.Time {
	if n, ok := number(raw); ok {
		switch {
		case n <= 0 || n > maxMilli:
			return time.Time{}
		case n >= minSeconds && n < maxSeconds:
			n *= 1000
		}
		return time.UnixMilli(int64(n)).UTC()
	}
	value := strings.TrimSpace(text(raw))
	for _, layout := range [...]string{time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, value); err == nil && t.Year() > 0 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// decodeSeconds reads a length in seconds, zero for nothing or nonsense.
func decodeSeconds(raw json.RawMessage) time.Duration {
	n, ok := number(raw)
	if !ok || n <= 0 || n > math.MaxInt32 {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

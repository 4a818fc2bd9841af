package kie

import (
	"encoding/json"
	"math"
	"time"
)

// maxMilli is the last instant of the year 9999; later ones cannot be encoded
// as JSON by package time.
const maxMilli = 253402300799999

// decodeRecord reads the data of a recordInfo reply or of a callback: docs.kie.ai,
// "Get Task Details". It reports false when raw is no such record.
func decodeRecord(ref Ref, raw json.RawMessage) (Status, bool) {
	o, ok := parseObject(raw)
	if !ok || (o.field("state") == nil && o.field("successFlag") == nil) {
		return Status{}, false
	}
	s := Status{
		Ref:       ref,
		Model:     o.text("model", "operationType"),
		State:     decodeState(o),
		Credits:   decodeCredits(o),
		Created:   decodeMillis(o.field("createTime")),
		Completed: decodeMillis(o.field("completeTime")),
		Updated:   decodeMillis(o.field("updateTime")),
		Raw:       raw,
	}
	switch s.State {
	case Success:
		// response is resultJson already parsed, and newer; either may be
		// missing.
		s.Outputs = decodeOutputs(o.field("response"))
		if len(s.Outputs) == 0 {
			s.Outputs = decodeOutputs(o.field("resultJson"))
		}
	case Fail:
		s.Failure = &Failure{Code: oneLine(o.text("failCode")), Message: oneLine(o.text("failMsg"))}
	}
	return s, true
}

// decodeState reads the state, or the newer successFlag where only that is
// present: 0 running, 1 success, 2 and 3 failed.
func decodeState(o object) State {
	if word := o.text("state"); word != "" {
		var s State
		// UnmarshalText of a State accepts every text.
		_ = s.UnmarshalText([]byte(word))
		return s
	}
	switch flag, _ := integer(o.field("successFlag")); flag {
	case 1:
		return Success
	case 2, 3:
		return Fail
	}
	return Generating
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

// decodeMillis reads milliseconds since 1970, zero time for nothing or
// nonsense.
func decodeMillis(raw json.RawMessage) time.Time {
	n, ok := number(raw)
	if !ok || n <= 0 || n > maxMilli {
		return time.Time{}
	}
	return time.UnixMilli(int64(n)).UTC()
}

// decodeSeconds reads a length in seconds, zero for nothing or nonsense.
func decodeSeconds(raw json.RawMessage) time.Duration {
	n, ok := number(raw)
	if !ok || n <= 0 || n > math.MaxInt32 {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

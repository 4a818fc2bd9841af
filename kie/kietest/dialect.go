package kietest

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// dialect is how an endpoint speaks about its tasks.
type dialect struct {
	// record is what the record call answers. With bare, a success shows no
	// result. The server's mutex is held in all three.
	record func(t *task, now time.Time, bare bool) any
	// called is what a callback holds about a success at this stage.
	called func(t *task, at stage) any
	// refused is what a callback holds about a failure.
	refused func(t *task) any
	staged  bool  // callbacks also come for the text and the first track
	unknown reply // for a task that is not there
	done    string
	failed  string // of a callback; empty is the task's own failMsg
}

// stage is how much of a result there is.
type stage int

// The stages. All tasks but songs go straight to the last.
const (
	stageNone  stage = iota
	stageText        // the words of a song, its covers, and streams of its tracks
	stageFirst       // the first track
	stageComplete
)

const textNoOldRecord = "The record does not exist"

// base returns what most of the older endpoints have in common.
func base(record func(*task, time.Time, bool) any, called func(*task, stage) any) *dialect {
	return &dialect{
		record: record, called: called, refused: func(t *task) any { return camelID{t.id} },
		unknown: refusal(http.StatusUnprocessableEntity, textNoOldRecord), done: "All generated successfully.",
	}
}

// snake makes callbacks about failures say task_id.
func (d *dialect) snake() *dialect {
	d.refused = func(t *task) any { return snakeID{t.id} }
	return d
}

type camelID struct {
	TaskID string `json:"taskId"`
}

type snakeID struct {
	TaskID string `json:"task_id"`
}

func jobsDialect() *dialect {
	return &dialect{
		record: func(t *task, now time.Time, bare bool) any {
			r := t.record(now)
			if bare {
				r.ResultJSON, r.Response = new(""), nil
			}
			return r
		},
		called:  func(t *task, _ stage) any { return t.record(t.ended) },
		refused: func(t *task) any { return t.record(t.ended) },
		unknown: refusal(http.StatusUnprocessableEntity, textNoRecord),
		done:    "Playground task completed successfully.", failed: "Playground task failed.",
	}
}

// words is how a dialect spells a task's state.
type words struct{ running, success, refused, failed, unheard any }

// numbers are the words of most endpoints.
func numbers() words { return words{0, 1, 2, 3, 1} }

// spelled are the words of Suno's tools, where what is GENERATE_…_FAILED.
func spelled(what string) words {
	return words{"PENDING", "SUCCESS", "CREATE_TASK_FAILED", "GENERATE_" + what + "_FAILED", "CALLBACK_EXCEPTION"}
}

func (w words) of(t *task) any {
	switch {
	case t.final == "":
		return w.running
	case t.final == StateFail && t.wasRefused():
		return w.refused
	case t.final == StateFail:
		return w.failed
	case t.unheard:
		return w.unheard
	}
	return w.success
}

// wasRefused tells a task that was never begun from one that broke.
func (t *task) wasRefused() bool { return t.faults.failCode == "400" || t.faults.failCode == "422" }

// errorCode is the failCode as the older endpoints have it: a number, null
// without a failure.
func (t *task) errorCode() *int {
	if t.final != StateFail {
		return nil
	}
	code, err := strconv.Atoi(t.faults.failCode)
	if err != nil {
		code = http.StatusInternalServerError
	}
	return &code
}

func (t *task) errorMessage() *string {
	if t.final != StateFail {
		return nil
	}
	return &t.faults.failMsg
}

// oldRecord is what most of the older record calls answer.
type oldRecord struct {
	TaskID       string  `json:"taskId"`
	ParentTaskID string  `json:"parentTaskId,omitempty"`
	ParamJSON    string  `json:"paramJson"`
	CreateTime   int64   `json:"createTime"`
	CompleteTime *int64  `json:"completeTime"`
	SuccessFlag  any     `json:"successFlag"`
	Status       any     `json:"status,omitempty"`
	Progress     string  `json:"progress,omitempty"`
	Response     any     `json:"response"`
	MidiData     any     `json:"midiData,omitempty"`
	ResultInfo   any     `json:"resultInfoJson,omitempty"`
	ErrorCode    *int    `json:"errorCode"`
	ErrorMessage *string `json:"errorMessage"`
	FallbackFlag *bool   `json:"fallbackFlag,omitempty"`
}

// flagged answers in oldRecord; fill adds what is special about a success.
func flagged(w words, fill func(r *oldRecord, t *task)) func(*task, time.Time, bool) any {
	return func(t *task, _ time.Time, bare bool) any {
		r := &oldRecord{
			TaskID: t.id, ParentTaskID: t.parentID(), ParamJSON: t.param, CreateTime: t.plan.created.UnixMilli(), SuccessFlag: w.of(t),
			ErrorCode: t.errorCode(), ErrorMessage: t.errorMessage(),
		}
		if t.final != "" {
			r.CompleteTime = new(t.ended.UnixMilli())
		}
		if t.final == StateSuccess && !bare {
			fill(r, t)
		}
		return r
	}
}

// veoInfo is the result of Veo: in response of a record, in info of a callback.
type veoInfo struct {
	TaskID         string   `json:"taskId,omitempty"`
	ResultURLs     []string `json:"resultUrls"`
	OriginURLs     []string `json:"originUrls,omitempty"`
	FullResultURLs []string `json:"fullResultUrls,omitempty"`
	Resolution     string   `json:"resolution"`
}

func (t *task) veoInfo(id string) veoInfo {
	resolution := "720p"
	if text, ok := t.input["resolution"].(string); ok {
		resolution = text
	}
	return veoInfo{TaskID: id, ResultURLs: t.result.ResultURLs, Resolution: resolution}
}

// veoCall is the data of a Veo callback.
type veoCall struct {
	TaskID       string `json:"taskId"`
	Info         any    `json:"info"`
	PromptJSON   string `json:"promptJson"`
	FallbackFlag bool   `json:"fallbackFlag"`
}

func veoDialect() *dialect {
	return base(flagged(numbers(), func(r *oldRecord, t *task) {
		r.Response, r.FallbackFlag = t.veoInfo(t.id), new(false)
	}), func(t *task, _ stage) any {
		return veoCall{TaskID: t.id, Info: t.veoInfo(""), PromptJSON: t.param}
	})
}

// extendDialect differs in that the whole video comes beside the new part, and
// that its callbacks have the list as JSON text, as Veo's page shows it.
func extendDialect() *dialect {
	return base(flagged(numbers(), func(r *oldRecord, t *task) {
		info := t.veoInfo(t.id)
		info.FullResultURLs = info.ResultURLs
		r.Response, r.FallbackFlag = info, new(false)
	}), func(t *task, _ stage) any {
		return veoCall{TaskID: t.id, PromptJSON: t.param, Info: struct {
			ResultURLs string `json:"resultUrls"`
			Resolution string `json:"resolution"`
		}{string(encode(t.result.ResultURLs)), "720p"}}
	})
}

func enlargedDialect() *dialect {
	return base(flagged(numbers(), func(r *oldRecord, t *task) {
		r.Response = struct {
			TaskID     string   `json:"taskId"`
			ResultURLs []string `json:"resultUrls"`
			MediaIDs   []string `json:"mediaIds"`
			ImageURLs  []string `json:"imageUrls"`
		}{t.id, t.result.ResultURLs, []string{t.id + "-0"}, []string{t.result.cover}}
	}), func(t *task, _ stage) any {
		return struct {
			TaskID     string   `json:"task_id"`
			ResultURLs []string `json:"result_urls"`
			MediaIDs   []string `json:"media_ids"`
			ImageURLs  []string `json:"image_urls"`
		}{t.id, t.result.ResultURLs, []string{t.id + "-0"}, []string{t.result.cover}}
	}).snake()
}

// runwayRecord follows docs.kie.ai "Get AI Video Details".
type runwayRecord struct {
	TaskID        string  `json:"taskId"`
	ParentTaskID  string  `json:"parentTaskId"`
	GenerateParam string  `json:"generateParam"`
	State         string  `json:"state"`
	GenerateTime  string  `json:"generateTime"`
	VideoInfo     any     `json:"videoInfo"`
	FailCode      *int    `json:"failCode"`
	FailMsg       *string `json:"failMsg"`
	ExpireFlag    int     `json:"expireFlag"`
}

func runwayDialect() *dialect {
	return base(func(t *task, now time.Time, bare bool) any {
		spelling := map[string]string{StateWaiting: "wait", StateQueuing: "queueing"}
		state := t.state(now)
		r := &runwayRecord{
			TaskID: t.id, ParentTaskID: t.parentID(), GenerateParam: t.param, State: cmp.Or(spelling[state], state),
			GenerateTime: t.plan.created.UTC().Format(time.DateTime), FailCode: t.errorCode(), FailMsg: t.errorMessage(),
		}
		if t.final == StateSuccess && !bare {
			r.VideoInfo = struct {
				VideoID  string `json:"videoId"`
				TaskID   string `json:"taskId"`
				VideoURL string `json:"videoUrl"`
				ImageURL string `json:"imageUrl"`
			}{t.id + "-0", t.id, t.result.ResultURLs[0], t.result.cover}
		}
		if t.final == StateSuccess && now.Sub(t.ended) >= fileLife {
			r.ExpireFlag = 1
		}
		return r
	}, func(t *task, _ stage) any {
		return struct {
			TaskID   string `json:"task_id"`
			VideoID  string `json:"video_id"`
			VideoURL string `json:"video_url"`
			ImageURL string `json:"image_url"`
		}{t.id, t.id + "-0", t.result.ResultURLs[0], t.result.cover}
	}).snake()
}

// alephDialect has no word of its own for a failed creation.
func alephDialect() *dialect {
	return base(flagged(words{0, 1, 3, 3, 1}, func(r *oldRecord, t *task) {
		r.Response = struct {
			TaskID   string `json:"taskId"`
			VideoURL string `json:"resultVideoUrl"`
			ImageURL string `json:"resultImageUrl"`
		}{t.id, t.result.ResultURLs[0], t.result.cover}
	}), func(t *task, _ stage) any {
		return struct {
			TaskID   string `json:"taskId"`
			VideoURL string `json:"result_video_url"`
			ImageURL string `json:"result_image_url"`
		}{t.id, t.result.ResultURLs[0], t.result.cover}
	})
}

func image4oDialect() *dialect {
	status := words{"GENERATING", "SUCCESS", "CREATE_TASK_FAILED", "GENERATE_FAILED", "SUCCESS"}
	read := flagged(words{0, 1, 2, 2, 1}, func(r *oldRecord, t *task) {
		r.Response = urls{t.result.ResultURLs}
	})
	return base(func(t *task, now time.Time, bare bool) any {
		r := read(t, now, bare).(*oldRecord)
		r.Status, r.Progress = status.of(t), t.progress(now)
		return r
	}, func(t *task, _ stage) any {
		var info struct {
			ResultURLs []string `json:"result_urls"`
		}
		info.ResultURLs = t.result.ResultURLs
		return infoCall{t.id, info}
	})
}

// progress is how far a task is, from "0.00" to "1.00".
func (t *task) progress(now time.Time) string {
	done := 1.0
	if t.final == "" {
		whole := max(t.plan.done.Sub(t.plan.created), 1)
		done = min(float64(now.Sub(t.plan.created))/float64(whole), 0.99)
	}
	if t.stuck {
		done = 0
	}
	return strconv.FormatFloat(done, 'f', 2, 64)
}

type urls struct {
	ResultURLs []string `json:"resultUrls"`
}

// infoCall is the data of several callbacks.
type infoCall struct {
	TaskID string `json:"taskId"`
	Info   any    `json:"info"`
}

func fluxDialect() *dialect {
	type pair struct {
		Origin string `json:"originImageUrl"`
		Result string `json:"resultImageUrl"`
	}
	images := func(t *task) pair { return pair{t.result.origin, t.result.ResultURLs[0]} }
	return base(flagged(numbers(), func(r *oldRecord, t *task) { r.Response = images(t) }),
		func(t *task, _ stage) any { return infoCall{t.id, images(t)} })
}

// listCall is the data of Midjourney's and Luma's callbacks.
type listCall struct {
	TaskID     string   `json:"taskId"`
	PromptJSON string   `json:"promptJson"`
	ResultURLs []string `json:"resultUrls"`
}

func listed(t *task, _ stage) any { return listCall{t.id, t.param, t.result.ResultURLs} }

func midjourneyDialect() *dialect {
	type item struct {
		URL string `json:"resultUrl"`
	}
	return base(flagged(numbers(), func(r *oldRecord, t *task) {
		var info struct {
			ResultURLs []item `json:"resultUrls"`
		}
		for _, link := range t.result.ResultURLs {
			info.ResultURLs = append(info.ResultURLs, item{link})
		}
		r.ResultInfo = info
	}), listed)
}

func lumaDialect() *dialect {
	return base(flagged(words{0, 1, 2, 3, 4}, func(r *oldRecord, t *task) {
		r.Response = urls{t.result.ResultURLs}
	}), listed)
}

// parentID is the task that this one goes on from, if any.
func (t *task) parentID() string {
	if t.parent == nil {
		return ""
	}
	return t.parent.id
}

// codeOf is the code of a callback about a failure.
func (d *dialect) codeOf(t *task) int {
	if d.failed != "" {
		return http.StatusNotImplemented
	}
	return *t.errorCode()
}

// messageOf is its text.
func (d *dialect) messageOf(t *task) string {
	return cmp.Or(d.failed, strings.TrimSpace(t.faults.failMsg))
}

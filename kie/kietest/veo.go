package kietest

import (
	"net/http"
	"time"

	"kiebot/kie/catalog"
)

// upgradeTime is how long a video in 1080p takes at most from the first call
// on.
const upgradeTime = 90 * time.Second

// veo1080p answers code 400 until the video is there (docs.kie.ai "Get 1080P
// Video").
func (s *Server) veo1080p(x *exchange) reply {
	const name = "1080p.mp4"
	query := x.r.URL.Query()
	id, index := query.Get("taskId"), query.Get("index")
	if id == "" {
		return refusal(http.StatusBadRequest, textNoTaskID)
	}
	x.id = id
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.advance(now)
	t := s.tasks[id]
	switch {
	case t == nil || t.account != x.account || t.at.record != pathVeo:
		return refusal(http.StatusUnprocessableEntity, textNoOldRecord)
	case t.final != StateSuccess:
		return refusal(http.StatusUnprocessableEntity, "The task is not finished")
	case index != "" && index != "0":
		return refusal(http.StatusUnprocessableEntity, "index is out of range")
	case t.upgraded.IsZero():
		t.upgraded = now.Add(min(upgradeTime, s.cfg.Durations.of(catalog.Video)))
		p := production{task: t, shrink: s.cfg.Shrink}
		p.add(name, p.art(formatMP4, 0))
		p.outputs[0].made = t.upgraded
		t.outputs = append(t.outputs, p.outputs[0])
	}
	if now.Before(t.upgraded) {
		return refusal(http.StatusBadRequest, "The 1080P video is still processing. Please try again in 1-2 minutes.")
	}
	return success(struct {
		ResultURL string `json:"resultUrl"`
	}{t.link(output{name: name})})
}

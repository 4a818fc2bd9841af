package kietest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiebot/kie/catalog"
)

// textNoFetch is what the service says about a file that it cannot get.
const textNoFetch = "Failed to fetch the file. Please check whether its address limits access."

// checkLinks refuses an input file that the service could not get: one of its
// own that is gone with code 451, one whose host it would not find with the
// general code 500. What is behind https is taken on trust. The mutex is held.
func (s *Server) checkLinks(x *exchange, model catalog.Model, input map[string]any) *reply {
	for _, in := range model.Inputs {
		for _, link := range linksIn(input[in.Name], in.Media != "") {
			if refused := s.checkLink(x, link); refused != nil {
				return refused
			}
		}
	}
	return nil
}

// linksIn returns the links in a value. Within objects those are the texts
// whose key says so.
func linksIn(value any, media bool) []string {
	var links []string
	switch v := value.(type) {
	case string:
		if media && v != "" {
			links = append(links, v)
		}
	case []any:
		for _, item := range v {
			links = append(links, linksIn(item, media)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			links = append(links, linksIn(v[key], strings.Contains(key, "url"))...)
		}
	}
	return links
}

func (s *Server) checkLink(x *exchange, link string) *reply {
	if rest, own := strings.CutPrefix(link, s.linkBase(x.r)+"/"); own {
		if s.holds(rest, s.cfg.Now()) {
			return nil
		}
		refused := refusal(http.StatusUnavailableForLegalReasons, textNoFetch)
		return &refused
	}
	if strings.HasPrefix(link, "https://") || isAsset(link) {
		return nil
	}
	refused := refusal(http.StatusInternalServerError, textServerError)
	return &refused
}

// holds reports whether there is a file at this path of the server. The mutex
// is held.
func (s *Server) holds(path string, now time.Time) bool {
	u, err := url.Parse("/" + path)
	if err != nil {
		return false
	}
	if name, uploaded := strings.CutPrefix(u.Path, "/kieai/"); uploaded {
		return s.upload(name, now) != nil
	}
	rest, made := strings.CutPrefix(u.Path, "/files/")
	id, name, _ := strings.Cut(rest, "/")
	t := s.tasks[id]
	return made && t != nil && alive(u.Query().Get("expires"), now) && t.file(name, now) != nil && !t.faults.filesGone
}

// findParent returns the task that an order goes on from, and what it claims
// of it when that can be done once only. The mutex is held.
func (s *Server) findParent(x *exchange, e *endpoint, model catalog.Model, input map[string]any) (parent *task, claim string, refused *reply) {
	audio, _ := input["audioId"].(string)
	id := taskOf(model, input)
	if id == "" && e.parent == "" && e.dialect != nil && e.dialect.staged {
		id, _, _ = strings.Cut(audio, "-") // an extension names only the track
	}
	if id == "" {
		return nil, "", nil
	}
	t := s.tasks[id]
	switch {
	case t == nil || t.account != x.account || e.parent != "" && t.at.record != e.parent:
		return nil, "", invalid(textNoOldRecord)
	case t.final != StateSuccess:
		return nil, "", invalid("The task is not finished")
	case audio != "" && t.at.record == pathSuno && !t.hasTrack(audio):
		return nil, "", invalid("The audio does not exist")
	case e.name == "veo-extend" && !t.upgraded.IsZero():
		out := refusal(http.StatusBadRequest, "A video that was upgraded to 1080P cannot be extended")
		return nil, "", &out
	case e.once == 0:
		return t, "", nil
	}
	index, _ := input["index"].(float64)
	claim = fmt.Sprint(e.name, " ", audio, " ", index)
	if done := t.claims[claim]; done != "" {
		return nil, "", &reply{code: e.once, msg: "This was generated already", data: camelID{done}}
	}
	return t, claim, nil
}

// taskOf returns the id of an earlier task that the input names.
func taskOf(model catalog.Model, input map[string]any) string {
	for _, in := range model.Inputs {
		switch in.Name {
		case "taskId", "task_id", "origin_task_id":
			id, _ := input[in.Name].(string)
			return id
		}
	}
	return ""
}

func (t *task) hasTrack(id string) bool {
	for _, k := range t.result.Data {
		if k.ID == id {
			return true
		}
	}
	return false
}

// adopt makes t go on from parent, which may be nil.
func (t *task) adopt(parent *task, claim string) {
	t.parent, t.claim = parent, claim
	if claim != "" {
		parent.claimed(claim, t.id)
	}
}

func (t *task) claimed(claim, id string) {
	if t.claims == nil {
		t.claims = map[string]string{}
	}
	t.claims[claim] = id
}

// alive reports whether a link may still be used; expires is a Unix time in
// seconds, or empty.
func alive(expires string, now time.Time) bool {
	if expires == "" {
		return true
	}
	at, err := strconv.ParseInt(expires, 10, 64)
	return err == nil && now.Unix() < at
}

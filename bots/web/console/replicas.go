package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kiebot/core"
)

// replicaLine is a process that works on the store.
type replicaLine struct {
	core.Replica
	Here   bool // it serves this page
	Groups []dutyGroup
}

// dutyGroup is what a replica does of one kind.
type dutyGroup struct{ Title, Detail string }

func (c *Console) replicasPage(rw http.ResponseWriter, r *http.Request) {
	all, err := c.cfg.Engine.Replicas(r.Context())
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	var lines []replicaLine
	for _, one := range all {
		lines = append(lines, replicaLine{Replica: one, Here: one.Fence == c.cfg.Engine.Fence(), Groups: c.grouped(one.Duties)})
	}
	c.render(rw, r, http.StatusOK, "replicas", "replicas.title", lines)
}

// grouped puts duties, which are sorted, together by their kind.
func (c *Console) grouped(duties []core.Duty) (groups []dutyGroup) {
	for len(duties) > 0 {
		kind := duties[0].Kind()
		n := slices.IndexFunc(duties, func(d core.Duty) bool { return d.Kind() != kind })
		if n < 0 {
			n = len(duties)
		}
		groups = append(groups, dutyGroup{Title: c.kindOf(kind), Detail: c.detail(kind, duties[:n])})
		duties = duties[n:]
	}
	return groups
}

// kindOf is what people call the kind; one that another version has goes by its name.
func (c *Console) kindOf(kind string) string {
	if key := fmt.Sprintf("duty.%s", kind); c.say.has(key) {
		return c.say.word(key)
	}
	return kind
}

// detail says which duties of the kind they are: of chats how many parts, of the
// others the names, and how many where there is more than one.
func (c *Console) detail(kind string, duties []core.Duty) string {
	if kind == core.KindLanes {
		return c.say.word("replicas.parts", "N", fmt.Sprint(len(duties)), "Total", fmt.Sprint(core.LaneParts))
	}
	var names []string
	for _, d := range duties {
		if _, name, ok := strings.Cut(string(d), "/"); ok {
			names = append(names, name)
		}
	}
	list := strings.Join(names, ", ")
	if len(names) > 1 {
		return fmt.Sprintf("%d · %s", len(names), list)
	}
	return list
}

package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"kiebot/core"
	"kiebot/core/media"
)

type taskData struct {
	Task    core.Task
	Who     string
	Took    time.Duration // from acceptance to the end, or to now
	Media   []preview
	Input   []inputLine
	Lane    core.Lane
	Moments []core.Moment
	Entries []core.Entry
}

// preview is one result.
type preview struct {
	core.Output
	Show string // image, video, audio or nothing
	Src  string // a signed link; empty when there is no file of ours
	Save string
}

// inputLine is one field as it went to Kie.
type inputLine struct{ Name, Value string }

// previewFor is how long the links on a page work.
const previewFor = time.Hour

func (c *Console) taskPage(rw http.ResponseWriter, r *http.Request) {
	timeline, err := c.cfg.Engine.Timeline(r.Context(), r.PathValue("id"))
	if refused(err) {
		c.nothingHere(rw, r)
		return
	}
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	c.render(rw, r, http.StatusOK, "task", "task.title", c.taskData(timeline))
}

func (c *Console) preview(o core.Output) preview {
	p := preview{Output: o}
	if o.File == nil {
		return p
	}
	p.Src = c.cfg.Links.Path(o.File.Name, previewFor)
	p.Save = p.Src + "&download=1"
	switch o.File.Kind {
	case media.Image, media.Video, media.Audio:
		p.Show = string(o.File.Kind)
	}
	return p
}

// refused reports whether the engine knows no such thing.
func refused(err error) bool {
	var refusal *core.Refusal
	return errors.As(err, &refusal) && refusal.Reason != core.ReasonUnavailable
}

func (c *Console) taskData(of core.Timeline) taskData {
	t := of.Task
	d := taskData{Task: t, Who: t.Request.Origin.Identity.String(), Lane: t.Lane(), Input: inputOf(t.Request.Input)}
	end := t.Finished
	if end.IsZero() {
		end = c.cfg.Now()
	}
	d.Took = end.Sub(t.Created)
	for _, o := range t.Outputs {
		d.Media = append(d.Media, c.preview(o))
	}
	for _, m := range of.Moments {
		if m.Kind == core.MomentBooked {
			d.Entries = append(d.Entries, *m.Entry)
		} else {
			d.Moments = append(d.Moments, m)
		}
	}
	return d
}

// inputOf lists the fields by name.
func inputOf(input map[string]any) []inputLine {
	var all []inputLine
	for name, value := range input {
		text, ok := value.(string)
		if !ok {
			// What came out of the store is JSON.
			encoded, _ := json.Marshal(value)
			text = string(encoded)
		}
		all = append(all, inputLine{Name: name, Value: text})
	}
	slices.SortFunc(all, func(a, b inputLine) int { return strings.Compare(a.Name, b.Name) })
	return all
}

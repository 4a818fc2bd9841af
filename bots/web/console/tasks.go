package console

import (
	"net/http"
	"strings"

	"kiebot/core"
)

type tasksData struct {
	Search searchForm
	States []core.State
	Models []modelChoice
	Tasks  []core.Task
	Next   string // the address of the older ones; empty at the end
	First  bool
}

// searchForm is what was typed.
type searchForm struct{ Words, State, Model, Who string }

type modelChoice struct{ ID, Title string }

func (c *Console) tasksPage(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	form := searchForm{
		Words: strings.TrimSpace(query.Get("q")), State: query.Get("state"), Model: query.Get("model"), Who: strings.TrimSpace(query.Get("who")),
	}
	if id := c.named(r, form.Words); id != "" {
		http.Redirect(rw, r, Path+"/tasks/"+string(id), http.StatusSeeOther)
		return
	}
	d := tasksData{Search: form, States: core.States(), Models: c.choices(), First: query.Get("before") == ""}
	search := core.Search{
		State: core.State(form.State), Who: identity(form.Who), Model: form.Model, Text: form.Words, Before: core.TaskID(query.Get("before")), Limit: pageOf,
	}
	var more core.TaskID
	var err error
	if d.Tasks, more, err = c.cfg.Engine.Search(r.Context(), search); err != nil {
		c.failed(rw, r, err)
		return
	}
	if more != "" {
		query.Set("before", string(more))
		d.Next = Path + "/tasks?" + query.Encode()
	}
	c.render(rw, r, http.StatusOK, "tasks", "tasks.title", d)
}

// identity reads "telegram:123"; what is none is nobody who could be found.
func identity(typed string) core.Identity {
	platform, user, _ := strings.Cut(typed, ":")
	return core.Identity{Platform: platform, User: user}
}

// named is the task whose id was typed, as people see it or whole.
func (c *Console) named(r *http.Request, typed string) core.TaskID {
	typed = strings.ToLower(strings.TrimPrefix(typed, "#"))
	if strings.ContainsAny(typed, " ") || len(typed) < 8 {
		return ""
	}
	task, err := c.cfg.Engine.AnyTask(r.Context(), typed)
	if err != nil {
		return "" // words to look for, then
	}
	return task.ID
}

// choices are the models that can be looked for.
func (c *Console) choices() []modelChoice {
	var all []modelChoice
	for _, family := range c.cfg.Catalog.Families() {
		for _, id := range family.Models {
			all = append(all, modelChoice{ID: id, Title: c.model(id)})
		}
	}
	return all
}

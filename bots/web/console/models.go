package console

import (
	"net/http"

	"kiebot/core"
	"kiebot/kie/catalog"
)

type modelsData struct {
	Days  int // what is counted
	Kinds []kindOfModels
}

type kindOfModels struct {
	Kind   catalog.Kind
	Models []modelLine
}

// modelLine is one model with what is known of it here.
type modelLine struct {
	ID, Title, Price string
	Default          bool // used where none is named
	Off              bool // an admin turned it off
	core.Spent
}

// Ended is how many tasks succeeded or failed.
func (l modelLine) Ended() int { return l.Succeeded + l.Failed }

// Rate is how many of a hundred that ended succeeded, rounded down: a model
// that has failed once never has them all.
func (l modelLine) Rate() int { return l.Succeeded * 100 / max(l.Ended(), 1) }

// poor is the rate below which a model needs a look, once so many tasks ended.
const (
	poor      = 80
	poorAfter = 5
)

// Poor reports whether too many of the model's tasks fail.
func (l modelLine) Poor() bool { return l.Ended() >= poorAfter && l.Rate() < poor }

func (c *Console) modelsPage(rw http.ResponseWriter, r *http.Request) {
	d := modelsData{Days: spans()[0]}
	spending, err := c.cfg.Engine.Spending(r.Context(), d.Days)
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	used := map[string]core.Spent{}
	for _, s := range spending.Models {
		used[s.Name] = s.Spent
	}
	for _, kind := range catalog.Kinds() {
		of := kindOfModels{Kind: kind}
		for _, family := range c.cfg.Catalog.Families(kind) {
			for _, id := range family.Models {
				if m, err := c.cfg.Catalog.Lookup(id); err == nil {
					of.Models = append(of.Models, c.modelLine(m, used[id]))
				}
			}
		}
		d.Kinds = append(d.Kinds, of)
	}
	c.render(rw, r, http.StatusOK, "models", "models.title", d)
}

func (c *Console) modelLine(m catalog.Model, used core.Spent) modelLine {
	standard := m.KindDefault
	if chosen := c.cfg.Engine.DefaultModel(m.Kind); chosen != "" {
		standard = chosen == m.ID
	}
	return modelLine{
		ID: m.ID, Title: m.Title, Price: c.cfg.Bot.Price(m, c.cfg.Locale), Default: standard, Off: c.cfg.Engine.ModelOff(m), Spent: used,
	}
}

package console

import (
	"net/http"

	"kiebot/kie/catalog"
)

type modelsData struct{ Kinds []kindOfModels }

type kindOfModels struct {
	Kind   catalog.Kind
	Models []modelLine
}

// modelLine is one model with what is known of it here.
type modelLine struct {
	ID, Title, Price string
	Default          bool
}

// kinds are those of the catalogue, in its order.
func kinds() []catalog.Kind {
	return []catalog.Kind{catalog.Image, catalog.Video, catalog.Music, catalog.Speech}
}

func (c *Console) modelsPage(rw http.ResponseWriter, r *http.Request) {
	var d modelsData
	for _, kind := range kinds() {
		of := kindOfModels{Kind: kind}
		for _, family := range c.cfg.Catalog.Families(kind) {
			for _, id := range family.Models {
				if m, err := c.cfg.Catalog.Lookup(id); err == nil {
					of.Models = append(of.Models, c.modelLine(m))
				}
			}
		}
		d.Kinds = append(d.Kinds, of)
	}
	c.render(rw, r, http.StatusOK, "models", "models.title", d)
}

func (c *Console) modelLine(m catalog.Model) modelLine {
	return modelLine{ID: m.ID, Title: m.Title, Price: c.cfg.Bot.Price(m, c.cfg.Locale), Default: m.KindDefault}
}

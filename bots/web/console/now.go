package console

import (
	"context"
	"net/http"

	"kiebot/core"
)

type nowData struct {
	Kie []core.KieAccountState
}

func (c *Console) now(context.Context) (any, error) {
	return nowData{Kie: c.cfg.Engine.KieAccounts()}, nil
}

func (c *Console) nowPage(rw http.ResponseWriter, r *http.Request) {
	d, err := c.now(r.Context())
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	c.render(rw, r, http.StatusOK, "now", "now.title", d)
}

// partOf is what the page that listens wants.
func (c *Console) partOf(*http.Request) part { return part{page: "now", load: c.now} }

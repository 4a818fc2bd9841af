package console

import (
	"net/http"
	"net/url"
	"strconv"

	"kiebot/core"
)

// pageOf is how many lines a list has on one page.
const pageOf = 50

type auditData struct {
	Audits []core.Audit
	Next   string // the address of the older ones; empty at the end
	First  bool
}

func (c *Console) auditPage(rw http.ResponseWriter, r *http.Request) {
	// What is no number is as good as none: the newest.
	before, _ := strconv.ParseUint(r.URL.Query().Get("before"), 10, 64)
	audits, err := c.cfg.Engine.Audits(r.Context(), before, pageOf+1)
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	d := auditData{Audits: audits, First: before == 0}
	if len(audits) > pageOf {
		d.Audits = audits[:pageOf]
		d.Next = Path + "/audit?" + url.Values{"before": {strconv.FormatUint(d.Audits[pageOf-1].Seq, 10)}}.Encode()
	}
	c.render(rw, r, http.StatusOK, "audit", "audit.title", d)
}

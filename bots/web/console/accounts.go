package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"kiebot/core"
)

type accountsData struct {
	Accounts []accountLine
	Next     string
	First    bool
}

// accountLine is a person with what was used.
type accountLine struct {
	core.Person
	Who  string // an identity, as acts have it
	Name string // what chats call the person
	Bars []usageBar
}

// usageBar is a window as a bar: its parts are percents.
type usageBar struct {
	Name       string // the key of its text
	Standing   core.Standing
	Used, Held string
	From       string // where what is held begins
	Full       bool
}

func barOf(name string, s core.Standing) usageBar {
	b := usageBar{Name: name, Standing: s, Used: "0%", Held: "0%", From: "0%"}
	if s.Limit == core.Unlimited {
		return b
	}
	limit := float64(s.Limit)
	b.Used, b.Held = percent(float64(s.Used), limit), percent(float64(s.Held), limit)
	b.From, b.Full = b.Used, s.Left() == 0
	return b
}

func lineOf(p core.Person) accountLine {
	line := accountLine{Person: p, Bars: []usageBar{barOf("window.day", p.Balance.Day), barOf("window.month", p.Balance.Month)}}
	if len(p.Account.Identities) > 0 {
		line.Who = p.Account.Identities[0].String()
		line.Name = nameOf(p)
	}
	return line
}

// nameOf is what a chat calls the person, who has an identity, else that.
func nameOf(p core.Person) string {
	return cmp.Or(p.Name, p.Account.Identities[0].String())
}

func (c *Console) accountsPage(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if who := strings.TrimSpace(query.Get("who")); who != "" {
		http.Redirect(rw, r, Path+"/accounts/"+url.PathEscape(who), http.StatusSeeOther)
		return
	}
	after := query.Get("after")
	people, next, err := c.cfg.Engine.People(r.Context(), core.AccountID(after), pageOf)
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	d := accountsData{First: after == ""}
	if next != "" {
		d.Next = Path + "/accounts?" + url.Values{"after": {string(next)}}.Encode()
	}
	for _, p := range people {
		d.Accounts = append(d.Accounts, lineOf(p))
	}
	c.render(rw, r, http.StatusOK, "accounts", "accounts.title", d)
}

type accountData struct {
	accountLine
	Tasks []core.Task
}

// recent is how many of a person's tasks their page shows.
const recent = 10

func (c *Console) accountPage(rw http.ResponseWriter, r *http.Request) {
	who := r.PathValue("who")
	person, err := c.cfg.Engine.Person(r.Context(), who)
	if errors.Is(err, core.ErrNotFound) {
		c.problem(rw, r, http.StatusNotFound, "problem.nobody")
		return
	}
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	d := accountData{accountLine: lineOf(person)}
	if d.Tasks, err = c.cfg.Engine.History(r.Context(), identity(d.Who), "", recent); err != nil {
		c.failed(rw, r, err)
		return
	}
	c.render(rw, r, http.StatusOK, "account", "account.title", d)
}

package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiebot/core"
)

type spendingData struct {
	Days    int
	Choices []int
	Sum     core.Spent
	Charts  []chart
	Ranks   []ranking
}

// spans are how many days can be looked at, the usual first.
func spans() []int { return []int{30, 7, 90} }

func (c *Console) spendingPage(rw http.ResponseWriter, r *http.Request) {
	days, err := strconv.Atoi(r.URL.Query().Get("days"))
	if err != nil || !slices.Contains(spans(), days) {
		days = spans()[0]
	}
	spent, err := c.cfg.Engine.Spending(r.Context(), days)
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	d := spendingData{Days: days, Choices: slices.Sorted(slices.Values(spans()))}
	d.Sum, d.Charts = spent.Spent, []chart{c.creditsByDay(spent), c.tasksByDay(spent)}
	d.Ranks = []ranking{
		c.rank("spending.by_model", spent.Models, func(p *point) { p.Label = c.model(p.Label) }),
		c.rank("spending.by_chat", spent.Lanes, func(*point) {}),
		c.rank("spending.by_person", spent.Accounts, func(p *point) {
			p.Label, p.Href = c.known(r.Context(), p.Label), Path+"/accounts/"+p.Label
		}),
	}
	c.render(rw, r, http.StatusOK, "spending", "spending.title", d)
}

// amount writes a round number of credits.
func (c *Console) amount(value float64) string {
	return c.number(strconv.FormatFloat(value, 'f', -1, 64))
}

func (c *Console) creditsByDay(s core.Spending) chart {
	var points []point
	for _, day := range s.Days {
		points = append(points, point{Label: c.day(day.Day), Parts: [2]float64{day.Credits.Float()}, Texts: [2]string{c.credits(day.Credits)}})
	}
	ch := daysChart(points, c.amount)
	ch.ID, ch.Title, ch.Names = "credits", c.say.word("spending.by_day"), [2]string{c.say.word("spending.credits")}
	ch.Desc = c.describe(points)
	return ch
}

func (c *Console) tasksByDay(s core.Spending) chart {
	var points []point
	for _, day := range s.Days {
		points = append(points, point{
			Label: c.day(day.Day), Parts: [2]float64{float64(day.Succeeded), float64(day.Failed)},
			Texts: [2]string{c.count(day.Succeeded), c.count(day.Failed)},
		})
	}
	ch := daysChart(points, c.amount)
	ch.ID, ch.Title = "tasks", c.say.word("spending.tasks_by_day")
	ch.Names = [2]string{c.say.word("spending.succeeded"), c.say.word("spending.failed")}
	ch.Desc = c.describe(points)
	return ch
}

// describe says the most important of a picture to those who do not see it.
func (c *Console) describe(points []point) string {
	var most point
	for _, p := range points {
		if p.sum() > most.sum() {
			most = p
		}
	}
	if most.sum() == 0 {
		return c.say.word("chart.nothing")
	}
	return c.say.word("chart.most", "Name", most.Label, "N", most.Texts[0])
}

// rank draws who or what used most; improve makes a name for people of each.
// Beyond the first hundred all are one.
func (c *Console) rank(title string, spent []core.SpentBy, improve func(*point)) ranking {
	var points []point
	var rest core.Credits
	for _, s := range spent {
		switch {
		case s.Credits <= 0:
		case len(points) == ranksMost:
			rest += s.Credits
		default:
			p := point{Label: s.Name, Parts: [2]float64{s.Credits.Float()}, Texts: [2]string{c.credits(s.Credits)}}
			improve(&p)
			points = append(points, p)
		}
	}
	if rest > 0 {
		points = append(points, point{Label: c.say.word("chart.others"), Parts: [2]float64{rest.Float()}, Texts: [2]string{c.credits(rest)}})
	}
	r := rankChart(points, c.say.word("chart.others"), func(v float64) string { return c.amount(round(v)) })
	r.ID, r.Title = strings.ReplaceAll(title, ".", "-"), c.say.word(title)
	r.Desc = c.describe(points)
	return r
}

// ranksMost is how many are listed with their numbers.
const ranksMost = 100

// known is the name of the person with the account.
func (c *Console) known(ctx context.Context, account string) string {
	p, err := c.cfg.Engine.Person(ctx, account)
	if err != nil || len(p.Account.Identities) == 0 {
		return account
	}
	return nameOf(p)
}

// day writes a calendar day for a label.
func (c *Console) day(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return t.Format(c.say.word("day_layout"))
}

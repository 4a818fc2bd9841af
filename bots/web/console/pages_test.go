package console

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/storage/bolt"
)

// paths are all pages of a console that was seeded.
func (s *seeded) paths() []string {
	return []string{
		"", "/tasks", "/tasks/" + string(s.tasks[0].ID), "/tasks/" + string(s.tasks[len(s.tasks)-1].ID),
		"/accounts", "/accounts/telegram:100000000", "/spending", "/spending?days=90", "/models", "/audit", "/replicas",
	}
}

func TestPagesInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, language := range bots.Languages() {
		w := newWorld(t, func(c *Config) { c.Locale = language })
		b := w.in()
		for _, path := range w.seed().paths() {
			b.get(Path+path).want(http.StatusOK, "</html>", `lang="`+language+`"`)
			b.do(http.MethodHead, Path+path, "").want(http.StatusOK)
		}
	}
}

var taskLink = regexp.MustCompile(`href="/console/tasks/([0-9a-z]{18})"`)

// listed are the tasks on a page, in its order.
func (a answer) listed() []core.TaskID {
	var ids []core.TaskID
	for _, found := range taskLink.FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, core.TaskID(found[1]))
	}
	return ids
}

var olderLink = regexp.MustCompile(`href="(/console/tasks\?[^"]*before=[^"]*)"`)

func TestTasksPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	var want []core.TaskID
	for _, one := range s.tasks {
		want = append(want, one.ID)
	}
	slices.Sort(want)
	slices.Reverse(want)
	var got []core.TaskID
	for path := Path + "/tasks"; path != ""; {
		page := b.get(path).want(http.StatusOK)
		got = append(got, page.listed()...)
		path = ""
		if older := olderLink.FindStringSubmatch(page.body); older != nil {
			path = strings.ReplaceAll(older[1], "&amp;", "&")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d tasks are listed, want %d, newest first", len(got), len(want))
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	count := func(fits func(core.Task) bool) int {
		n := 0
		for _, one := range s.tasks {
			if fits(one) {
				n++
			}
		}
		return n
	}
	for query, fits := range map[string]func(core.Task) bool{
		"state=unresolved":       func(one core.Task) bool { return one.State == core.Unresolved },
		"q=" + "LIGHTHOUSE":      func(one core.Task) bool { return strings.Contains(one.Request.Prompt, "lighthouse") },
		"who=telegram:100015838": func(one core.Task) bool { return one.Account == seededAccount(2) },
		"who=telegram:424242&state=failed": func(one core.Task) bool { // an identity that was linked
			return one.Account == seededAccount(1) && one.State == core.Failed
		},
		"model=z-image&state=queued": func(one core.Task) bool { return one.Request.Model == "z-image" && one.State == core.Queued },
		"who=nobody":                 func(core.Task) bool { return false },
		"state=nonsense":             func(core.Task) bool { return false },
		"who=telegram:0":             func(core.Task) bool { return false },
	} {
		page := b.get(Path + "/tasks?" + query).want(http.StatusOK)
		if got, want := len(page.listed()), min(count(fits), pageOf); got != want {
			t.Errorf("%s finds %d tasks, want %d", query, got, want)
		}
	}
	one := s.tasks[3]
	for _, typed := range []string{one.ID.Short(), "%23" + one.ID.Short(), string(one.ID), strings.ToUpper(one.ID.Short())} {
		b.get(Path + "/tasks?q=" + typed).leads(Path + "/tasks/" + string(one.ID))
	}
}

func TestTaskPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	for _, one := range s.tasks {
		page := b.get(Path + "/tasks/" + string(one.ID))
		page.want(http.StatusOK, one.ID.Short(), "accepted", one.Request.Origin.Identity.String())
		if strings.Contains(page.body, "<script>alert") || strings.Contains(page.body, "<b>bold") {
			t.Fatal("a prompt became elements")
		}
	}
	var made core.Task
	for _, one := range s.tasks {
		if one.State == core.Succeeded {
			made = one
		}
	}
	page := b.get(Path + "/tasks/" + made.ID.Short()).want(http.StatusOK)
	source := regexp.MustCompile(`<img src="(/files/[^"]+)" alt="Result"`).FindStringSubmatch(page.body)
	if source == nil {
		t.Fatalf("no picture:\n%s", page.body)
	}
	picture := w.browser().get(strings.ReplaceAll(source[1], "&amp;", "&")).want(http.StatusOK) // the link is its own login
	if picture.header.Get("Content-Type") != "image/png" {
		t.Errorf("the picture is %s", picture.header.Get("Content-Type"))
	}
	for _, id := range []string{"nonsense", "00000000", "01jdzqz8k4abcdefgh", "../../../etc/passwd", "%2e%2e"} {
		if got := b.get(Path + "/tasks/" + id); got.status == http.StatusOK {
			t.Errorf("task %s is there", id)
		}
	}
}

func TestAccountPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.seed()
	b := w.in()
	list := b.get(Path+"/accounts").want(http.StatusOK, "محمد الأمين", "gold", "blocked", "🦊 Foxy McFoxface")
	if n := strings.Count(list.body, `class="row"`); n != len(characters()) {
		t.Errorf("%d people are listed", n)
	}
	b.get(Path+"/accounts/telegram:424242").want(http.StatusOK, "Борис Ж.", "discord:100007919")
	b.get(Path+"/accounts/"+string(seededAccount(5))).want(http.StatusOK, "спам и реклама", "Unblock")
	b.get(Path + "/accounts?who=+telegram:424242").leads(Path + "/accounts/telegram:424242")
	for _, nobody := range []string{"telegram:1", "nonsense", ":", "a:b:c"} {
		b.get(Path+"/accounts/"+nobody).want(http.StatusNotFound, "Nobody")
	}
}

func TestManyAccountsPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := &seeded{w: w}
	const people = 2*pageOf + 3
	for n := range people {
		s.update(func(tx core.Tx) error {
			return tx.PutAccount(core.Account{ID: seededAccount(n), Identities: []core.Identity{{Platform: "telegram", User: fmt.Sprint(1 + n)}}})
		})
	}
	b := w.in()
	seen := 0
	for path := Path + "/accounts"; path != ""; {
		page := b.get(path).want(http.StatusOK)
		seen += strings.Count(page.body, `class="row"`)
		path = ""
		if more := regexp.MustCompile(`href="(/console/accounts\?after=[^"]+)"`).FindStringSubmatch(page.body); more != nil {
			path = more[1]
		}
	}
	if seen != people {
		t.Errorf("%d people are listed, want %d", seen, people)
	}
}

func TestSpendingAndModels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	var credits core.Credits
	failed := map[string]int{}
	ended := map[string]int{}
	for _, one := range s.tasks {
		credits += one.Charged
		switch one.State {
		case core.Succeeded:
			ended[one.Request.Model]++
		case core.Failed, core.Expired:
			ended[one.Request.Model]++
			failed[one.Request.Model]++
		}
	}
	b.get(Path+"/spending").want(http.StatusOK, ">"+w.console.credits(credits)+"<", `id="spending-by_person"`, "Борис Ж.", "<desc ")
	if got := strings.Count(b.get(Path+"/spending?days=7").body, `<rect class="main" x=`); got != 14 {
		t.Errorf("a week has %d bars", got)
	}
	b.get(Path + "/spending?days=100000000").want(http.StatusOK)
	models := b.get(Path + "/models").want(http.StatusOK)
	rate := 100 * (ended["z-image"] - failed["z-image"]) / ended["z-image"]
	row := models.body[strings.Index(models.body, ">z-image<"):]
	row = row[:strings.Index(row, "</tr>")]
	if !strings.Contains(row, fmt.Sprintf("%d %%", rate)) || !strings.Contains(row, "0.8 credits") {
		t.Errorf("Z-Image is shown as %s, want %d %%", row, rate)
	}
}

// However many there are, what is drawn adds up to all of it.
func TestRanksAddUp(t *testing.T) {
	t.Parallel()
	c := newWorld(t, nil).console
	var spent []core.SpentBy
	for i := range 250 {
		spent = append(spent, core.SpentBy{Name: fmt.Sprint("chat:", i), Spent: core.Spent{Credits: 1000}})
	}
	r := c.rank("spending.by_chat", append(spent, core.SpentBy{Name: "free"}), func(*point) {})
	sum := 0.0
	for _, p := range r.Points {
		sum += p.Parts[0]
	}
	if sum != 250 || len(r.Points) != ranksMost+1 || r.Rows[rankMost-1].Text != "241" || r.Rows[rankMost-1].Name != "others" {
		t.Errorf("%d points add up to %g; the last row is %+v", len(r.Points), sum, r.Rows[len(r.Rows)-1])
	}
}

// Without a store the pages say so, and nobody is sent to the login by that.
func TestStoreThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	paths := w.seed().paths()
	b := w.in()
	must(t, w.store.(*bolt.Store).Close())
	for _, path := range paths {
		b.get(Path+path).want(http.StatusServiceUnavailable, "cannot be read")
	}
	b.post(Path+"/act", "act", "pause").want(http.StatusServiceUnavailable)
	w.browser().login(password).want(http.StatusServiceUnavailable)
	if _, _, err := w.console.Invite(t.Context()); err == nil {
		t.Error("a link was made that nobody knows of")
	}
	if err := w.engine.SetPaused(context.WithoutCancel(t.Context()), core.Act{By: "x"}, true); err == nil {
		t.Error("the store is still there")
	}
}

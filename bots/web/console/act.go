package console

import (
	"net/http"
	"net/url"
	"strings"

	"kiebot/bots"
)

// Operator is who acts in the console, as the audit log has it: whoever has
// the password or a link.
const Operator = "console"

// free is the act of the form that takes any words of an admin.
const free = "words"

// acts are the forms of the pages: the act's name, as [bots.Bot.Admin] has it,
// and the fields that follow it. Two fields with a slash between make one word.
// The last one may have several words, the others have one.
func acts() map[string][]string {
	return map[string][]string{
		"grant":   {"who", "amount", "why"},
		"limit":   {"who", "day/month"},
		"reset":   {"who"},
		"tier":    {"who", "tier", "why"},
		"block":   {"who", "why"},
		"unblock": {"who", "why"},
		"refund":  {"task", "why"},
		"cancel":  {"task", "why"},
		"retry":   {"task", "why"},
		"models":  {"switch", "model"},
		"default": {"kind", "model"},
		"pause":   {"why"},
		"resume":  {},
		free:      {free},
	}
}

// act does what a form says and leads back to its page, which says what came of it.
func (c *Console) act(rw http.ResponseWriter, r *http.Request) {
	words, ok := wordsOf(r.PostForm)
	if !ok {
		c.problem(rw, r, http.StatusBadRequest, "problem.form")
		return
	}
	reply := c.cfg.Bot.Admin(r.Context(), bots.Operator{By: Operator, Locale: c.cfg.Locale}, words)
	said := notice{Text: textOf(reply), Bad: reply.Refused}
	if err := c.door.tell(r.Context(), c.door.cookie(r), &said); err != nil {
		c.log.Error("what was done in the console will not be said there", "error", err)
	}
	http.Redirect(rw, r, within(r.PostForm.Get("back")), http.StatusSeeOther)
}

// wordsOf are the words that a form stands for. False means that it is none of ours.
func wordsOf(form url.Values) (string, bool) {
	name := form.Get("act")
	fields, ok := acts()[name]
	var words []string
	if name != free {
		words = append(words, name)
	}
	for i, field := range fields {
		first, second, two := strings.Cut(field, "/")
		value := strings.TrimSpace(form.Get(first))
		if month := strings.TrimSpace(form.Get(second)); two && month != "" {
			value += "/" + month
		}
		if last := i == len(fields)-1; !last && len(strings.Fields(value)) != 1 {
			return "", false
		}
		words = append(words, value)
	}
	return strings.TrimSpace(strings.Join(words, " ")), ok
}

// textOf is all that an answer says.
func textOf(reply bots.Reply) string {
	lines := []string{reply.Text}
	for _, item := range reply.Items {
		line := item.Title
		if item.Detail != "" {
			line += " · " + item.Detail
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

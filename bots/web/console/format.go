package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"kiebot/core"
)

// functions are what the pages can call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"t":           c.text,
		"credits":     c.credits,
		"limit":       c.limit,
		"count":       c.count,
		"date":        c.date,
		"iso":         func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":         c.ago,
		"lasted":      c.lasted,
		"cut":         cut,
		"model":       c.model,
		"percent":     percent,
		"clock":       c.clock,
		"signed":      c.signed,
		"window":      c.window,
		"targetOf":    targetOf,
		"shortTarget": shortTarget,
	}
}

// text is the words of the key; an error where there are none, so that no page
// with a mistake in it is shown.
func (c *Console) text(key string, pairs ...string) (string, error) {
	if !c.say.has(key) {
		return "", fmt.Errorf("no text %q", key)
	}
	return c.say.word(key, pairs...), nil
}

// credits writes an amount as the language does: 1,234.5.
func (c *Console) credits(amount core.Credits) string { return c.number(amount.String()) }

// signed is a change: +5, −5, or nothing.
func (c *Console) signed(amount core.Credits) string {
	switch {
	case amount > 0:
		return "+" + c.credits(amount)
	case amount < 0:
		return c.credits(amount)
	}
	return ""
}

func (c *Console) count(n int) string { return c.number(fmt.Sprint(n)) }

// number groups the digits of a decimal number.
func (c *Console) number(plain string) string {
	sign := ""
	if digits, negative := strings.CutPrefix(plain, "-"); negative {
		sign, plain = "−", digits
	}
	whole, fraction, broken := strings.Cut(plain, ".")
	grouped := whole
	for at := len(whole) - 3; at > 0; at -= 3 {
		grouped = grouped[:at] + c.say.word("number.group") + grouped[at:]
	}
	if broken {
		grouped += c.say.word("number.decimal") + fraction
	}
	return sign + grouped
}

func (c *Console) limit(l core.Limit) string {
	if l == core.Unlimited {
		return c.say.word("unlimited")
	}
	return c.credits(core.Credits(l))
}

func (c *Console) date(t time.Time) string {
	return t.In(c.cfg.Location).Format("2006-01-02 15:04:05")
}

// clock is a time of day, with its date unless it comes within a day.
func (c *Console) clock(t time.Time) string {
	if d := t.Sub(c.cfg.Now()); d >= 0 && d < 24*time.Hour {
		return t.In(c.cfg.Location).Format("15:04")
	}
	return c.date(t)
}

// ago is how long ago it was, in one unit.
func (c *Console) ago(t time.Time) string {
	d := c.cfg.Now().Sub(t)
	if d < time.Minute {
		return c.say.word("ago.now")
	}
	return c.say.word("ago", "Time", c.long(d))
}

// window is what a quota window counts, and when.
func (c *Console) window(id core.WindowID) string {
	name := c.say.word(fmt.Sprintf("counts.%s", id.Kind()))
	if parts := strings.Split(string(id), "/"); len(parts) > 1 && id.Kind() != core.WindowGranted {
		name += " " + parts[len(parts)-1]
	}
	return name
}

// long is a stretch of time in one unit, rounded down.
func (c *Console) long(d time.Duration) string {
	for _, unit := range []struct {
		key string
		of  time.Duration
	}{{"unit.day", 24 * time.Hour}, {"unit.hour", time.Hour}, {"unit.minute", time.Minute}} {
		if d >= unit.of {
			return c.say.word(unit.key, "N", fmt.Sprint(int(d/unit.of)))
		}
	}
	return c.say.word("unit.second", "N", fmt.Sprint(int(max(d, 0)/time.Second)))
}

// lasted is a stretch of time as a clock shows it: 0:42, 12:05, 1:02:03.
func (c *Console) lasted(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// cut shortens a text to so many characters as people see them, and puts it on one line.
func cut(n int, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	rest, end := text, 0
	for state := -1; rest != ""; n-- {
		if n == 0 {
			return strings.TrimRight(text[:end], " ") + "…"
		}
		var seen string
		seen, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		end += len(seen)
	}
	return text
}

// model is a model's name for people.
func (c *Console) model(id string) string {
	if m, err := c.cfg.Catalog.Lookup(id); err == nil {
		return m.Title
	}
	return id
}

// percent is a part of a whole for an attribute, 0 to 100.
func percent(part, whole float64) string {
	if whole <= 0 {
		return "0%"
	}
	return fmt.Sprintf("%.2f%%", min(max(part/whole, 0), 1)*100)
}

// targetOf is the page of what an admin did something to, empty when it has none.
func targetOf(target string) string {
	if id, err := core.ParseTaskID(target); err == nil {
		return Path + "/tasks/" + string(id)
	}
	if platform, user, ok := strings.Cut(target, ":"); ok && platform != "tier" && !strings.ContainsAny(user, ":-/") {
		return Path + "/accounts/" + target
	}
	return ""
}

func shortTarget(target string) string {
	if id, err := core.ParseTaskID(target); err == nil {
		return id.Short()
	}
	return target
}

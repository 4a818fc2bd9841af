package bots

import (
	"cmp"
	"embed"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"

	"kiebot/kie/catalog"
)

//go:embed messages/*.json
var messageFiles embed.FS

// texts are the messages of every language, by its code.
type texts struct {
	speakers map[string]*i18n.Localizer
	fallback string // the code for people whose language is not there
}

// readTexts reads the embedded message files. The locale is the language of
// people whose own is not there.
func readTexts(locale string) (*texts, error) {
	bundle := i18n.NewBundle(language.English)
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		return nil, fmt.Errorf("reading the texts: %w", err)
	}
	for _, file := range files {
		if _, err := bundle.LoadMessageFileFS(messageFiles, path.Join("messages", file.Name())); err != nil {
			return nil, fmt.Errorf("reading the texts in %s: %w", file.Name(), err)
		}
	}
	t := &texts{speakers: map[string]*i18n.Localizer{}}
	for _, code := range Languages() {
		t.speakers[code] = i18n.NewLocalizer(bundle, code)
	}
	code, ok := Language(cmp.Or(locale, "en"))
	if !ok {
		return nil, fmt.Errorf("no texts in the language %q, there are %s", locale, strings.Join(Languages(), " "))
	}
	t.fallback = code
	return t, nil
}

// code is that of the language that fits the locale.
func (t *texts) code(locale string) string {
	if t.speakers[locale] != nil {
		return locale // as it nearly always is
	}
	if code, ok := Language(locale); ok {
		return code
	}
	return t.fallback
}

// voice speaks one language, at one moment.
type voice struct {
	speaker  *i18n.Localizer
	now      time.Time
	location *time.Location
}

// args are what a message's placeholders stand for.
type args map[string]string

// say is the message of that key. A key or placeholder that is not there would
// be a mistake in this package, which its tests find; the key is shown then.
func (v voice) say(key string, a args) string {
	return v.localize(key, &i18n.LocalizeConfig{MessageID: key, TemplateData: a})
}

// count is the message of that key in the form that goes with the number n, an
// integer or a decimal text.
func (v voice) count(key string, n any, a args) string {
	return v.localize(key, &i18n.LocalizeConfig{MessageID: key, TemplateData: a, PluralCount: n})
}

func (v voice) localize(key string, config *i18n.LocalizeConfig) string {
	config.TemplateParser = &template.TextParser{Option: "missingkey=error"}
	text, err := v.speaker.Localize(config)
	if err != nil {
		return key
	}
	return text
}

// credits is an amount with its unit: "1 credit", "0.8 credits".
func (v voice) credits(c catalog.Credits) string {
	return v.count("credits", c.String(), args{"N": v.number(c)})
}

// number is an amount without its unit.
func (v voice) number(c catalog.Credits) string {
	return strings.ReplaceAll(c.String(), ".", v.say("decimal_mark", nil))
}

// clock is a time of day, with the date unless it comes within a day.
func (v voice) clock(t time.Time) string {
	if d := t.Sub(v.now); d >= 0 && d < 24*time.Hour {
		return t.In(v.location).Format("15:04")
	}
	return v.date(t)
}

// date is a time of day with its date.
func (v voice) date(t time.Time) string {
	return t.In(v.location).Format(v.say("date_layout", nil))
}

// ahead says how far ahead a time is.
func (v voice) ahead(t time.Time) string { return v.distance("in.", t.Sub(v.now)) }

// ago says how long ago a time was.
func (v voice) ago(t time.Time) string { return v.distance("ago.", v.now.Sub(t)) }

// distance rounds up ahead and down behind, so that neither promises too much.
func (v voice) distance(prefix string, d time.Duration) string {
	round := func(unit time.Duration) int {
		if prefix == "in." {
			d += unit - 1
		}
		return int(d / unit)
	}
	switch {
	case d < time.Minute:
		return v.say(prefix+"moment", nil)
	case d <= 90*time.Minute:
		n := round(time.Minute)
		return v.count(prefix+"minutes", n, args{"N": fmt.Sprint(n)})
	case d <= 36*time.Hour:
		n := round(time.Hour)
		return v.count(prefix+"hours", n, args{"N": fmt.Sprint(n)})
	default:
		n := round(24 * time.Hour)
		return v.count(prefix+"days", n, args{"N": fmt.Sprint(n)})
	}
}

// joined puts a comma between things, as the language writes it.
func (v voice) joined(things []string) string {
	return strings.Join(things, v.say("list.comma", nil))
}

// list writes at most twelve things and says how many more there are; where,
// if not empty, is the command that shows them all.
func (v voice) list(things []string, where string) string {
	const most = 12
	if len(things) <= most {
		return v.joined(things)
	}
	rest := args{"Some": v.joined(things[:most]), "N": fmt.Sprint(len(things) - most), "Where": where}
	if where == "" {
		return v.count("list.more", len(things)-most, rest)
	}
	return v.count("list.see", len(things)-most, rest)
}

// either lists alternatives as "a, b or c".
func (v voice) either(things []string) string {
	if len(things) < 2 {
		return strings.Join(things, "")
	}
	last := len(things) - 1
	return v.say("list.or", args{"Some": v.joined(things[:last]), "Last": things[last]})
}

// elapsed is a stretch of time as a clock shows it: 0:42, 12:05, 1:02:03.
func elapsed(d time.Duration) string {
	seconds := int(max(d, 0) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

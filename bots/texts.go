package bots

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"

	"kiebot/kie/catalog"
)

//go:embed messages/*.json
var messageFiles embed.FS

// texts are the messages of every language.
type texts struct {
	tags     []language.Tag // English first
	names    []string       // as tags
	matcher  language.Matcher
	speakers []*i18n.Localizer // as tags
	fallback int               // for people whose language is not there
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
	t := &texts{tags: bundle.LanguageTags()}
	t.matcher = language.NewMatcher(t.tags)
	for _, tag := range t.tags {
		t.names = append(t.names, tag.String())
		t.speakers = append(t.speakers, i18n.NewLocalizer(bundle, tag.String()))
	}
	if locale == "" {
		return t, nil
	}
	fallback, ok := t.match(locale)
	if !ok {
		return nil, fmt.Errorf("no texts in the language %q, there are %s", locale, strings.Trim(fmt.Sprint(t.tags), "[]"))
	}
	t.fallback = fallback
	return t, nil
}

// match finds the language that fits. A merely related one does not: nobody is
// answered in the language of a neighbouring country.
func (t *texts) match(locale string) (int, bool) {
	if i := slices.Index(t.names, locale); i >= 0 {
		return i, true // as it nearly always is
	}
	tag, err := language.Parse(locale)
	var unknown language.ValueError // well-formed, with a part nobody knows: the rest still counts
	if err != nil && !errors.As(err, &unknown) {
		return 0, false
	}
	_, i, _ := t.matcher.Match(tag)
	asked, _ := tag.Base()
	found, _ := t.tags[i].Base()
	return i, asked == found
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

// list writes at most twelve things and says how many more there are; where,
// if not empty, is the command that shows them all.
func (v voice) list(things []string, where string) string {
	const most = 12
	if len(things) <= most {
		return strings.Join(things, ", ")
	}
	rest := args{"Some": strings.Join(things[:most], ", "), "N": fmt.Sprint(len(things) - most), "Where": where}
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
	return v.say("list.or", args{"Some": strings.Join(things[:last], ", "), "Last": things[last]})
}

// elapsed is a stretch of time as a clock shows it: 0:42, 12:05, 1:02:03.
func elapsed(d time.Duration) string {
	seconds := int(max(d, 0) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// The types here are what the page reads; assets/chat.js is their only reader.

// message is what the page shows about one batch.
type message struct {
	ID      string     `json:"id"`  // of the lead
	Key     string     `json:"key"` // the page's own name for the command
	At      int64      `json:"at"`  // accepted, milliseconds since 1970
	Text    string     `json:"text"`
	Again   bool       `json:"again,omitempty"` // a button made it
	State   core.State `json:"state"`
	Final   bool       `json:"final"`          // the end is shown
	Copy    bool       `json:"copy,omitempty"` // of a message that was shown before; the page alone keeps it
	Prompt  string     `json:"prompt,omitempty"`
	Status  string     `json:"status,omitempty"`
	Started int64      `json:"started,omitempty"` // of the clock in Status, milliseconds since 1970
	Details string     `json:"details,omitempty"`
	Shape   string     `json:"shape"`           // image, video or audio: what to expect
	Ratio   float64    `json:"ratio,omitempty"` // width by height to expect, 0 when unknown
	Count   int        `json:"count"`           // how many to expect
	Media   []mediaRef `json:"media,omitempty"`
	Notes   []string   `json:"notes,omitempty"`
	Buttons []button   `json:"buttons,omitempty"`
}

type mediaRef struct {
	Kind   media.Kind `json:"kind"`
	Src    string     `json:"src,omitempty"`  // a signed link on this host
	Link   string     `json:"link,omitempty"` // elsewhere: to follow, never to load
	Name   string     `json:"name,omitempty"` // to save it under
	Width  int        `json:"width,omitempty"`
	Height int        `json:"height,omitempty"`
	Ratio  float64    `json:"ratio,omitempty"`
	Title  string     `json:"title,omitempty"`
	Text   string     `json:"text,omitempty"`
}

type button struct {
	Emoji string `json:"emoji,omitempty"`
	Label string `json:"label"`
	Data  string `json:"data,omitempty"` // what a press sends
	Text  string `json:"text,omitempty"` // the command that does the same; without data, one to be changed first
}

type item struct {
	Group  string      `json:"group,omitempty"`
	Title  string      `json:"title"`
	Detail string      `json:"detail,omitempty"`
	Insert string      `json:"insert,omitempty"`
	Task   core.TaskID `json:"task,omitempty"`
	State  core.State  `json:"state,omitempty"`
	Src    string      `json:"src,omitempty"`    // a signed link on this host to a picture of it
	Hidden bool        `json:"hidden,omitempty"` // until somebody looks
}

type suggestion struct {
	Insert string `json:"insert"`
	Label  string `json:"label"`
	Detail string `json:"detail,omitempty"`
}

// reply answers a command or a press.
type reply struct {
	At       int64    `json:"at"`                 // of this answer, milliseconds since 1970
	Accepted bool     `json:"accepted,omitempty"` // the event stream shows the rest
	Refused  bool     `json:"refused,omitempty"`
	Text     string   `json:"text,omitempty"`
	Items    []item   `json:"items,omitempty"`
	Buttons  []button `json:"buttons,omitempty"`
}

func (w *Web) reply(r bots.Reply) reply {
	out := reply{At: w.cfg.Now().UnixMilli(), Accepted: len(r.Accepted) > 0, Refused: r.Refused, Text: r.Text, Buttons: buttons(r.Buttons)}
	for _, i := range r.Items {
		line := item{Group: i.Group, Title: i.Title, Detail: i.Detail, Insert: i.Insert, Task: i.Task, State: i.State, Hidden: i.Spoiler}
		if i.Picture != nil {
			line.Src = w.link(i.Picture.Name)
		}
		out.Items = append(out.Items, line)
	}
	return out
}

func buttons(in []bots.Button) []button {
	var out []button
	for _, b := range in {
		if b.Needs != "" || b.Edit && b.Text == "" { // the page can change a text, and shows files as they are
			continue
		}
		if b.Edit {
			b.Data = ""
		}
		out = append(out, button{Emoji: b.Emoji, Label: b.Label, Data: b.Data, Text: b.Text})
	}
	return out
}

// ref is what Origin.Ref keeps for this adapter: the command as it was typed,
// and whether a button repeated it.
type ref struct {
	Text  string `json:"text"`
	Again bool   `json:"again,omitempty"`
}

const keyPrefix = Platform + ":"

// message puts the parcel into what the page reads.
func (w *Web) message(ctx context.Context, p core.Parcel) message {
	lead := p.Tasks[0]
	words := w.cfg.Bot.Show(ctx, p)
	m := message{
		ID: string(lead.Lead()), Key: strings.TrimPrefix(lead.Request.Key, keyPrefix), At: lead.Created.UnixMilli(),
		State: words.State, Final: words.Kind == core.DeliverFinal || words.Kind == core.DeliverLate || words.Kind == core.DeliverShow,
		Prompt: words.Prompt, Status: words.Status, Details: words.Details, Notes: words.Notes, Buttons: buttons(words.Buttons),
		Count: len(p.Tasks),
	}
	if p.Delivery.Kind == core.DeliverShow {
		m.ID, m.At, m.Copy = m.ID+":"+m.Key, p.Delivery.Created.UnixMilli(), true
	}
	if !words.Started.IsZero() {
		m.Started = words.Started.UnixMilli()
	}
	m.Text, m.Again = typed(lead.Request)
	m.Shape, m.Ratio = w.expect(lead.Request)
	for _, one := range words.Media {
		m.Media = append(m.Media, w.mediaRef(one))
	}
	return m
}

// newsMessage is the operator's words, which stand under no command. The page
// alone keeps them.
func newsMessage(d core.Delivery) message {
	id := fmt.Sprintf("news:%d", d.ID)
	return message{ID: id, Key: id, At: d.Created.UnixMilli(), State: core.Succeeded, Final: true, Copy: true, Prompt: d.Text}
}

// typed is the command as the person wrote it. A request that carries no text
// of ours, which nothing in this version makes, still reads like a command.
func typed(req core.Request) (text string, again bool) {
	var r ref
	if json.Unmarshal(req.Origin.Ref, &r) == nil && r.Text != "" {
		return r.Text, r.Again
	}
	return strings.TrimSpace("/" + req.Command + " " + req.Prompt), req.Parent != ""
}

func (w *Web) mediaRef(m bots.Media) mediaRef {
	out := mediaRef{Kind: m.Kind, Title: m.Title, Text: m.Text}
	if m.File == nil {
		out.Link = m.URL
		return out
	}
	out.Src, out.Name = w.link(m.File.Name), m.File.Name
	out.Width, out.Height = m.File.Width, m.File.Height
	if out.Width > 0 && out.Height > 0 {
		out.Ratio = rounded(out.Width, out.Height)
	}
	return out
}

const linkDay = 24 * time.Hour

// link is good for one to two days and is the same all day long, so that
// browsers keep the file. Half a second is taken off because the signer looks
// at the clock again.
func (w *Web) link(name string) string {
	now := w.cfg.Now()
	until := now.Truncate(linkDay).Add(2 * linkDay)
	return w.cfg.Links.Path(name, until.Sub(now)-time.Second/2)
}

// expect guesses what the result will look like, for the placeholder.
func (w *Web) expect(req core.Request) (shape string, ratio float64) {
	model, err := w.cfg.Catalog.Lookup(req.Model)
	if err != nil {
		return "", 0
	}
	switch model.Kind {
	case catalog.Music, catalog.Speech:
		return string(media.Audio), 0
	case catalog.Video:
		shape, ratio = string(media.Video), rounded(16, 9)
	default:
		shape, ratio = string(media.Image), 1
	}
	if in, ok := model.ByOption(catalog.AspectRatio); ok {
		for _, value := range []any{in.Default, req.Input[in.Name]} {
			if asked, ok := parseRatio(fmt.Sprint(value)); ok {
				ratio = asked
			}
		}
	}
	return shape, ratio
}

// Models name their formats 16:9, 16x9, landscape_16_9, portrait_4_3 or square_hd.
var (
	ratioWords  = regexp.MustCompile(`^(?:(portrait|landscape)_)?(\d{1,2})[:x_](\d{1,2})$`)
	squareWords = regexp.MustCompile(`^square(_hd)?$`)
)

func parseRatio(text string) (float64, bool) {
	if squareWords.MatchString(text) {
		return 1, true
	}
	found := ratioWords.FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	width, _ := strconv.Atoi(found[2]) // two digits
	height, _ := strconv.Atoi(found[3])
	if found[1] == "portrait" {
		width, height = min(width, height), max(width, height)
	}
	if width == 0 || height == 0 {
		return 0, false
	}
	return rounded(width, height), true
}

// rounded keeps four decimals: enough for the eye, and stable as text.
func rounded(width, height int) float64 {
	return float64(width*10000/height) / 10000
}

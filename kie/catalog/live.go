package catalog

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Live is what Kie says about one of its models now: its list of models, and
// the model's price and schema (docs.kie.ai "Market", /api/v1/models).
type Live struct {
	ID        string
	Title     string
	Kind      Kind    // as far as it can be told
	Task      string  // Kie's task types, e.g. "Text to Image"
	PriceText string  // prose; empty: not asked for, or not there
	Inputs    []Input // from the schema, in its order; nil: not asked for

	RequireOneOf [][]string // from the schema: sets of inputs, of which one is needed
}

// Drift is what kind of difference there is.
type Drift string

// The drifts. The comment says what Was and Now hold; Was is ours, Now is Kie's.
const (
	Appeared     Drift = "appeared"      // Kie has a model that the catalogue has not; Now is its title
	Vanished     Drift = "vanished"      // a current model that Kie does not list; Was is its title
	Returned     Drift = "returned"      // a model that is not current, but that Kie lists; Was is its status
	PriceMoved   Drift = "price"         // Kie's prose does not name the amounts in Was; Now is the prose
	InputAdded   Drift = "input-added"   // Kie's schema has an input that ours has not; Now is its type
	InputDropped Drift = "input-dropped" // our input is not in Kie's schema; Was is its type
	InputChanged Drift = "input-changed" // type, choices or limits differ in the way that Was and Now say
)

// Difference is one thing in which the catalogue and Kie differ.
type Difference struct {
	Drift    Drift
	ID       string // the model
	Input    string // the input, where it is about one
	Was, Now string
}

// String is the difference on one line.
func (d Difference) String() string {
	name := d.ID
	if d.Input != "" {
		name += " " + d.Input
	}
	return strings.TrimRight(fmt.Sprintf("%s %s: %s → %s", d.Drift, name, cmp.Or(d.Was, "–"), cmp.Or(d.Now, "–")), " ")
}

// Diff compares a catalogue with what Kie says now, model by model in the
// order of the catalogue, then what is new in Kie's order. Where an entry is
// stricter than Kie on purpose, by a required input, a default or limits, that
// is no difference. Prose cannot be compared: a price has moved when an amount
// of ours is not in it, which somebody should look at.
func Diff(c *Catalog, live []Live) []Difference {
	listed := make(map[string]Live, len(live))
	for _, l := range live {
		listed[l.ID] = l
	}
	var found []Difference
	for _, e := range c.entries {
		m := e.head
		l, is := listed[m.ID]
		delete(listed, m.ID)
		switch {
		case !is && m.Status == Current:
			found = append(found, Difference{Drift: Vanished, ID: m.ID, Was: m.Title})
		case is && m.Status != Current:
			found = append(found, Difference{Drift: Returned, ID: m.ID, Was: string(m.Status), Now: string(Current)})
		case is:
			found = append(found, e.model().compare(l)...)
		}
	}
	for _, l := range live {
		if _, isNew := listed[l.ID]; isNew {
			delete(listed, l.ID)
			found = append(found, Difference{Drift: Appeared, ID: l.ID, Now: cmp.Or(l.Title, l.ID)})
		}
	}
	return found
}

// compare finds the differences of one model.
func (m *Model) compare(l Live) []Difference {
	var found []Difference
	if missing := m.Price.unnamed(l.PriceText); len(missing) > 0 {
		found = append(found, Difference{Drift: PriceMoved, ID: m.ID, Was: strings.Join(missing, ", "), Now: l.PriceText})
	}
	if l.Inputs == nil {
		return found
	}
	for _, now := range l.Inputs {
		in, known := m.Input(strings.TrimSpace(now.Name))
		switch {
		case !known && !strings.EqualFold(now.Name, "callBackUrl"):
			found = append(found, Difference{Drift: InputAdded, ID: m.ID, Input: now.Name, Now: string(now.Type)})
		case known:
			found = append(found, in.compare(m.ID, now)...)
		}
	}
	for _, in := range m.Inputs {
		if !slices.ContainsFunc(l.Inputs, func(now Input) bool { return strings.TrimSpace(now.Name) == in.Name }) {
			found = append(found, Difference{Drift: InputDropped, ID: m.ID, Input: in.Name, Was: string(in.Type)})
		}
	}
	return found
}

// compare finds the differences of one input.
func (in Input) compare(id string, now Input) []Difference {
	var was, is []string
	differ := func(a, b string) {
		was, is = append(was, a), append(is, b)
	}
	whole := in.Type == Integer && now.Type == Number
	if in.Type != now.Type && !whole && !slices.Contains(in.AlsoTypes, now.Type) {
		differ(string(in.Type), string(now.Type))
	}
	if now.Required && !in.Required {
		differ("optional", "required")
	}
	if gone := without(in.rawChoices(), now.rawChoices()); len(now.Enum) > 0 && len(gone) > 0 {
		differ("with "+strings.Join(gone, ", "), "without")
	}
	if more := without(now.rawChoices(), in.words()); len(in.Enum) > 0 && len(more) > 0 {
		differ("without", "with "+strings.Join(more, ", "))
	}
	if now.MaxLength > 0 && (in.MaxLength == 0 || in.MaxLength > now.MaxLength) {
		differ(fmt.Sprintf("%d characters", in.MaxLength), fmt.Sprintf("%d characters", now.MaxLength))
	}
	if now.MaxItems > 0 && (in.MaxItems == 0 || in.MaxItems > now.MaxItems) {
		differ(fmt.Sprintf("%d entries", in.MaxItems), fmt.Sprintf("%d entries", now.MaxItems))
	}
	if len(was) == 0 {
		return nil
	}
	return []Difference{{Drift: InputChanged, ID: id, Input: in.Name, Was: strings.Join(was, "; "), Now: strings.Join(is, "; ")}}
}

// without returns what is in all and not in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// unnamed returns the amounts of a price that a text does not hold.
func (p Price) unnamed(prose string) []string {
	if prose == "" {
		return nil
	}
	var named []string
	for _, number := range regexp.MustCompile(`\d+(\.\d+)?`).FindAllString(prose, -1) {
		if credits, err := ParseCredits(number); err == nil {
			named = append(named, credits.String())
		}
	}
	var missing []string
	amounts := make([]Credits, 0, len(p.Rates)+len(p.Extras))
	for _, rate := range p.Rates {
		amounts = append(amounts, rate.Credits)
	}
	for _, extra := range p.Extras {
		amounts = append(amounts, extra.Credits)
	}
	for _, amount := range amounts {
		if text := amount.String(); amount > 0 && !slices.Contains(named, text) && !slices.Contains(missing, text) {
			missing = append(missing, text)
		}
	}
	return missing
}

// Model makes an entry of what Kie says, for a file that Overlay reads: options
// and files are guessed from the names of the inputs. It has no price, since
// prose is none; somebody has to write it.
func (l Live) Model() Model {
	m := Model{
		ID: l.ID, Title: cmp.Or(l.Title, l.ID), Kind: l.Kind, Task: cmp.Or(l.Task, string(l.Kind)),
		RequireOneOf: l.RequireOneOf, Price: Price{Note: l.PriceText}, Source: "https://docs.kie.ai/",
	}
	m.fill()
	for _, in := range l.Inputs {
		in = in.clone()
		in.Name = strings.TrimSpace(in.Name)
		if strings.EqualFold(in.Name, "callBackUrl") {
			continue
		}
		if in.Media == "" {
			in.Media = mediaOf(in)
		}
		if in.Option = guess(in, l.Inputs); slices.ContainsFunc(m.Inputs, func(other Input) bool { return other.Option == in.Option }) && !in.Option.IsFile() {
			in.Option = ""
		}
		if in.Option == AspectRatio {
			in.Values = ratios(in.Enum)
		}
		m.Inputs = append(m.Inputs, in)
	}
	return m
}

// mediaOf guesses from an input's name what its URLs lead to.
func mediaOf(in Input) string {
	if in.Type != String && (in.Type != Array || in.Items != "string") || len(in.Enum) > 0 {
		return ""
	}
	name := strings.ToLower(in.Name)
	if !regexp.MustCompile(`url|^(input_)?(image|video|audio)s?$|image_input|reference_(image|video|voice)$|^first_frame$`).MatchString(name) {
		return ""
	}
	for _, media := range []struct{ kind, words string }{
		{"image", "image|frame|mask|input_url|files_url|filesurl|fileurl"}, {"video", "video|clip"}, {"audio", "audio|voice|upload_url|verify"}, {"document", "file"},
	} {
		if regexp.MustCompile(media.words).MatchString(name) {
			return media.kind
		}
	}
	return ""
}

// guess finds the option that fills an input by its name, its media and what
// stands beside it.
func guess(in Input, beside []Input) Option {
	has := func(names ...string) bool {
		return slices.ContainsFunc(beside, func(other Input) bool { return slices.Contains(names, other.Name) })
	}
	if in.Media != "" {
		return guessFile(in, has)
	}
	switch in.Name {
	case "prompt", "text":
		return Prompt
	case "negative_prompt":
		return NegativePrompt
	case "aspect_ratio", "aspectRatio", "ratio":
		return AspectRatio
	case "image_size":
		if !has("aspect_ratio") {
			return AspectRatio
		}
	case "resolution", "image_resolution", "output_resolution":
		return Resolution
	case "quality":
		if choices := in.rawChoices(); len(choices) > 0 && strings.HasSuffix(choices[0], "0p") {
			return Resolution
		}
	case "duration", "n_frames", "duration_seconds":
		return Duration
	case "num_images", "max_images", "n":
		return Count
	case "seed", "seeds":
		return Seed
	case "voice":
		return Voice
	case "task_id", "taskId", "origin_task_id":
		return EarlierTask
	}
	return ""
}

// guessFile tells frames, masks and plain files apart.
func guessFile(in Input, has func(...string) bool) Option {
	switch in.Media {
	case "audio":
		return AudioFile
	case "video":
		return VideoFile
	case "document":
		return ""
	}
	switch {
	case strings.Contains(strings.ToLower(in.Name), "mask"):
		return MaskFile
	case strings.HasPrefix(in.Name, "last_frame"), in.Name == "tail_image_url", in.Name == "end_image_url":
		return LastFrame
	case strings.HasPrefix(in.Name, "first_frame"), in.Name == "image_url" && has("tail_image_url", "end_image_url"):
		return FirstFrame
	}
	return ImageFile
}

// ratios lets people type ratios where sizes have names.
func ratios(enum []any) map[string]any {
	named := map[string]any{}
	for ratio, size := range map[string]string{
		"1:1": "square_hd", "3:4": "portrait_4_3", "9:16": "portrait_16_9", "4:3": "landscape_4_3", "16:9": "landscape_16_9",
		"2:3": "portrait_3_2", "3:2": "landscape_3_2", "21:9": "landscape_21_9",
	} {
		if slices.Contains(enum, any(size)) {
			named[ratio] = size
		}
	}
	if slices.Contains(enum, any("landscape")) {
		named["16:9"], named["9:16"] = "landscape", "portrait"
	}
	if len(named) == 0 {
		return nil
	}
	return named
}

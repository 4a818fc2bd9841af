package discordtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// draft is what the bot says about a message it makes or changes.
type draft struct {
	Content     *string         `json:"content"`
	TTS         bool            `json:"tts"`
	Embeds      []Embed         `json:"embeds"`
	Mentions    *mentions       `json:"allowed_mentions"`
	Attachments []attachedDraft `json:"attachments"`
	Flags       int             `json:"flags"`
	Nonce       any             `json:"nonce"`
	Enforce     bool            `json:"enforce_nonce"`
	Reference   *Reference      `json:"message_reference"`

	fields map[string]any // all of it, as it came
	path   []string       // of the body
	files  map[string]*upload
	call   *call // nil for the body of an endpoint's answer
}

// attachedDraft describes a file that comes along, or one to keep.
type attachedDraft struct {
	ID          any     `json:"id"`
	Filename    string  `json:"filename"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Spoiler     *bool   `json:"is_spoiler"`
	Duration    float64 `json:"duration_secs"`
	Waveform    string  `json:"waveform"`
}

// newDraft reads a body that fits its shape. path is where it stands in the
// whole.
func newDraft(fields any, files map[string]*upload, c *call, path ...string) (*draft, error) {
	d := &draft{path: path, files: files, call: c}
	d.fields, _ = fields.(map[string]any) // nil for no data
	if err := convert(d.fields, d); err != nil {
		return nil, err
	}
	return d, nil
}

// convert reads what fits its shape into value.
func convert(fitting, value any) error {
	text, err := json.Marshal(fitting)
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return fmt.Errorf("discordtest: a body that fits its shape: %w", err)
	}
	return nil
}

func (d *draft) has(name string) bool {
	_, has := d.fields[name]
	return has
}

// note adds a complaint, when there is a call to complain of.
func (d *draft) note(where, format string, args ...any) {
	if d.call != nil {
		d.call.note(where, format, args...)
	}
}

// apply makes of m what the draft says. flags are those that may be set, limit
// is the size of the largest file. It wants s.mu.
func (s *Server) apply(m *Message, r *room, d *draft, flags, limit int) error {
	var p problems
	if d.Flags&^flags != 0 && d.has("flags") {
		p.add(at(d.path, "flags"), "DISCORDTEST_FLAGS", "Only these flags can be set here: %d.", flags)
	}
	if d.has("flags") {
		m.Flags = m.Flags&^FlagSuppressEmbeds | d.Flags&flags // components stay
	}
	m.TTS = m.TTS || d.TTS
	if d.has("content") {
		m.Content = ""
		if d.Content != nil {
			m.Content = *d.Content
		}
	}
	if d.has("embeds") {
		m.Embeds = typed(d.Embeds)
	}
	if err := checkSizes(d, limit); err != nil {
		return err
	}
	p = append(p, s.attach(m, r, d)...)
	if p.err() != nil {
		return p.err()
	}
	composed, err := s.compose(m, d)
	if err != nil {
		return err
	}
	p = append(p, composed...)
	s.illustrate(m, d)
	p = append(p, checkEmbeds(m.Embeds, d.path)...)
	p = append(p, d.checkMentions()...)
	p = append(p, checkLegacy(m, d)...)
	if p.err() != nil {
		return p.err()
	}
	if m.Content == "" && len(m.Embeds) == 0 && len(m.Attachments) == 0 && len(m.Components) == 0 {
		return emptyMessage()
	}
	if m.ID == "" || d.has("content") || d.has("components") || d.has("embeds") {
		s.mention(m, r, d)
	}
	return nil
}

func typed(list []Embed) []Embed {
	embeds := []Embed{}
	for _, e := range list {
		e.Type = "rich"
		embeds = append(embeds, e)
	}
	return embeds
}

// checkSizes follows "Uploading Files", "Default File Limit".
func checkSizes(d *draft, limit int) error {
	for _, u := range d.files {
		if len(u.data) > limit {
			return tooLarge()
		}
	}
	return nil
}

// attach follows "Uploading Files", "Editing Message Attachments": what is
// listed stays, what came as files[n] is added.
func (s *Server) attach(m *Message, r *room, d *draft) (p problems) {
	was, listed := m.Attachments, map[string]bool{}
	m.Attachments = slices.Clip(was) // the old message keeps its own
	if d.has("attachments") {
		m.Attachments = []Attachment{}
	}
	for i, a := range d.Attachments {
		id := fmt.Sprint(a.ID)
		if n, is := a.ID.(float64); is {
			id = strconv.FormatFloat(n, 'f', -1, 64)
		}
		path := at(at(at(d.path, "attachments"), strconv.Itoa(i)), "id")
		old := slices.IndexFunc(was, func(a Attachment) bool { return a.ID == id })
		switch u := d.files[id]; {
		case listed[id]:
			p.add(path, "DISCORDTEST_TWICE", "The attachment is listed twice.")
		case u != nil:
			m.Attachments = append(m.Attachments, s.attachment(r, u, a, m.For != ""))
		case old >= 0:
			m.Attachments = append(m.Attachments, s.described(was[old], a))
		default:
			p.add(path, "ATTACHMENT_NOT_FOUND", "Attachment data not found")
		}
		listed[id] = true
	}
	s.attachRest(m, r, d, listed)
	if len(m.Attachments) > 10 {
		p.add(at(d.path, "attachments"), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	return p
}

// attachRest adds files that are not listed. An edit with a list drops them.
func (s *Server) attachRest(m *Message, r *room, d *draft, listed map[string]bool) {
	edit := m.ID != ""
	for _, n := range slices.Sorted(maps.Keys(d.files)) {
		if listed[n] {
			continue
		}
		if edit || len(listed) > 0 {
			d.note("files["+n+"]", "a file that is not listed in attachments")
		}
		if !edit || !d.has("attachments") {
			m.Attachments = append(m.Attachments, s.attachment(r, d.files[n], attachedDraft{}, m.For != ""))
		}
	}
}

// described is an attachment that stays, as an edit describes it.
func (s *Server) described(was Attachment, a attachedDraft) Attachment {
	if a.Description != "" {
		was.Description = a.Description
	}
	if a.Spoiler != nil {
		was.Spoiler = *a.Spoiler
	}
	s.files[was.ID].Description, s.files[was.ID].Spoiler = was.Description, was.Spoiler
	return was
}

func (s *Server) attachment(r *room, u *upload, a attachedDraft, ephemeral bool) Attachment {
	name := u.name
	if a.Filename != "" {
		name = a.Filename
	}
	f := s.keep(r, name, u.kind, u.data, ephemeral)
	f.Title, f.Description, f.Duration, f.Waveform = a.Title, a.Description, a.Duration, a.Waveform
	f.Spoiler = f.Spoiler || a.Spoiler != nil && *a.Spoiler
	return f.Attachment
}

// illustrate resolves attachment://name in embeds. The service leaves out what
// it does not find.
func (s *Server) illustrate(m *Message, d *draft) {
	for i := range m.Embeds {
		for _, p := range []**Picture{&m.Embeds[i].Image, &m.Embeds[i].Thumbnail} {
			if *p == nil || !strings.HasPrefix((*p).URL, "attachment://") {
				continue
			}
			name := strings.TrimPrefix((*p).URL, "attachment://")
			at := slices.IndexFunc(m.Attachments, func(a Attachment) bool { return a.Filename == name })
			if at < 0 {
				d.note("embeds", "there is no file %s to show", name)
				*p = nil
				continue
			}
			*p = s.showPicture(&Picture{AttachmentID: m.Attachments[at].ID})
		}
	}
}

// checkEmbeds follows "Embed Limits": 6000 characters in all embeds together.
func checkEmbeds(embeds []Embed, path []string) (p problems) {
	total := 0
	for _, e := range embeds {
		total += utf8.RuneCountInString(e.Title + e.Description)
		if e.Footer != nil {
			total += utf8.RuneCountInString(e.Footer.Text)
		}
		if e.Author != nil {
			total += utf8.RuneCountInString(e.Author.Name)
		}
		for _, f := range e.Fields {
			total += utf8.RuneCountInString(f.Name + f.Value)
		}
	}
	if total > 6000 {
		p.add(at(path, "embeds"), "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
	}
	return p
}

// checkLegacy follows "Component Reference", "Legacy Message Component
// Behavior": a message of components has nothing else.
func checkLegacy(m *Message, d *draft) (p problems) {
	if m.Flags&FlagComponentsV2 == 0 {
		return nil
	}
	const code, text = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "The '%s' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
	if m.Content != "" {
		p.add(at(d.path, "content"), code, text, "content")
	}
	if len(m.Embeds) > 0 {
		p.add(at(d.path, "embeds"), code, text, "embeds")
	}
	return p
}

package telegramtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// inlineLifetime is how long an inline query waits for its answer. The
// documentation gives no figure; this one is short enough to notice.
const inlineLifetime = 30 * time.Second

// InlineQuery is what a person typed after the bot's name ("InlineQuery").
type InlineQuery struct {
	ID     string
	Text   string
	s      *Server
	person *Person
	at     time.Time
	answer *InlineAnswer
}

// InlineAnswer is what the bot offers ("answerInlineQuery").
type InlineAnswer struct {
	Results    []InlineResult
	Button     *InlineButton
	CacheTime  int // seconds
	Personal   bool
	NextOffset string
}

// InlineButton is the button above the results
// ("InlineQueryResultsButton").
type InlineButton struct {
	Text           string  `json:"text"`
	WebApp         *WebApp `json:"web_app"`
	StartParameter string  `json:"start_parameter"`
}

// InlineResult is one result: an article, or a file that is sent by its id or
// by its address ("InlineQueryResult").
type InlineResult struct {
	Type            string         `json:"type"`
	ID              string         `json:"id"`
	Title           string         `json:"title"`
	Description     string         `json:"description"`
	Caption         string         `json:"caption"`
	ParseMode       string         `json:"parse_mode"`
	CaptionEntities []Entity       `json:"caption_entities"`
	CaptionAbove    bool           `json:"show_caption_above_media"`
	Markup          *Markup        `json:"reply_markup"`
	Content         *InlineContent `json:"input_message_content"`

	PhotoID     string `json:"photo_file_id"`
	VideoID     string `json:"video_file_id"`
	AudioID     string `json:"audio_file_id"`
	VoiceID     string `json:"voice_file_id"`
	DocumentID  string `json:"document_file_id"`
	AnimationID string `json:"mpeg4_file_id"`
	GIFID       string `json:"gif_file_id"`
	StickerID   string `json:"sticker_file_id"`

	URL             string `json:"url"`
	ThumbnailURL    string `json:"thumbnail_url"`
	ThumbnailWidth  int    `json:"thumbnail_width"`
	ThumbnailHeight int    `json:"thumbnail_height"`
}

// InlineContent is the text that a result sends in place of itself
// ("InputTextMessageContent").
type InlineContent struct {
	Text        string       `json:"message_text"`
	ParseMode   string       `json:"parse_mode"`
	Entities    []Entity     `json:"entities"`
	LinkPreview *LinkPreview `json:"link_preview_options"`
}

// FileID is the id of the file that the result sends, empty for an article.
func (r InlineResult) FileID() string {
	return cmp.Or(r.PhotoID, r.VideoID, r.AudioID, r.VoiceID, r.DocumentID, r.AnimationID, r.GIFID, r.StickerID)
}

// fileKind is the kind of file that a result of this type sends.
func (r InlineResult) fileKind() string {
	switch r.Type {
	case "mpeg4_gif", "gif":
		return "animation"
	case "photo", "video", "audio", "voice", "document", "sticker":
		return r.Type
	}
	return ""
}

// Queries types text after the bot's name in any chat. The bot gets an inline
// query, unless it takes none.
func (p *Person) Queries(text string) *InlineQuery { return p.QueriesFrom(text, "") }

// QueriesFrom is Queries for the results that follow offset.
func (p *Person) QueriesFrom(text, offset string) *InlineQuery {
	s := p.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &InlineQuery{ID: s.digits(19), Text: text, s: s, person: p, at: s.now()}
	s.queries[q.ID] = q
	if !s.cfg.InlineOff {
		s.push("inline_query", fmt.Sprint("user ", p.user.ID), map[string]any{
			"id": q.ID, "from": p.user, "query": text, "offset": offset, "chat_type": "sender",
		})
	}
	return q
}

// Answer waits for the bot's answer.
func (q *InlineQuery) Answer(t T) InlineAnswer {
	t.Helper()
	q.s.wait(t, func() bool { return q.answer != nil }, func() string { return "the inline query " + q.Text + " was not answered" })
	return *q.answer
}

// Chooses sends one of the results to a chat in the person's name. The bot
// learns of it when Config.InlineFeedback is set, or when it sees the message.
func (p *Person) Chooses(q *InlineQuery, result InlineResult, to *Chat) Message {
	m := Message{ViaBot: &p.chat.s.bot, Caption: result.Caption, CaptionEntities: result.CaptionEntities, ReplyMarkup: result.Markup}
	if result.Content != nil {
		m.Text, m.Entities = result.Content.Text, result.Content.Entities
	} else {
		s := q.s
		s.mu.Lock()
		m.show(s.files.byID[result.FileID()])
		s.mu.Unlock()
	}
	sent := to.As(p).says(m)
	if q.s.cfg.InlineFeedback {
		q.s.mu.Lock()
		defer q.s.mu.Unlock()
		q.s.push("chosen_inline_result", fmt.Sprint("user ", p.user.ID), map[string]any{"result_id": result.ID, "from": p.user, "query": q.Text})
	}
	return sent
}

var startParameter = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// answerInlineQuery follows "answerInlineQuery".
func (s *Server) answerInlineQuery(c *call) (any, error) {
	a := InlineAnswer{CacheTime: 300, Personal: c.bool("is_personal"), NextOffset: c.text("next_offset")}
	if c.has("cache_time") {
		a.CacheTime = int(c.int("cache_time"))
	}
	var raw []json.RawMessage
	if err := c.object("results", &raw); err != nil {
		return nil, err
	}
	if len(raw) > 50 {
		return nil, badRequest("RESULTS_TOO_MUCH")
	}
	known := map[string]bool{}
	for _, one := range raw {
		r, err := s.inlineResult(c, one)
		if err != nil {
			return nil, err
		}
		if known[r.ID] {
			return nil, badRequest("RESULT_ID_DUPLICATE")
		}
		known[r.ID] = true
		a.Results = append(a.Results, r)
	}
	if err := c.inlineButton(&a); err != nil {
		return nil, err
	}
	if len(a.NextOffset) > 64 {
		return nil, badRequest("NEXT_OFFSET_INVALID")
	}
	q := s.queries[c.text("inline_query_id")]
	if q == nil || q.answer != nil || s.now().Sub(q.at) > inlineLifetime {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	q.answer = &a
	return true, nil
}

func (c *call) inlineButton(a *InlineAnswer) error {
	if !c.has("button") {
		return nil
	}
	a.Button = &InlineButton{}
	if err := c.object("button", a.Button); err != nil {
		return err
	}
	switch {
	case a.Button.Text == "":
		return badRequest("SWITCH_PM_TEXT_EMPTY")
	case a.Button.WebApp == nil && !startParameter.MatchString(a.Button.StartParameter):
		return badRequest("START_PARAM_INVALID")
	}
	return nil
}

// inlineResult reads one result and what it would send.
func (s *Server) inlineResult(c *call, raw json.RawMessage) (InlineResult, error) {
	var r InlineResult
	if err := c.decode("results", raw, &r); err != nil {
		return r, err
	}
	kind := r.fileKind()
	switch {
	case len(r.ID) < 1 || len(r.ID) > 64:
		return r, badRequest("RESULT_ID_INVALID")
	case kind == "" && r.Type != "article":
		return r, badRequest("can't parse inline query result: Unsupported type specified")
	case r.Type == "article" && (r.Title == "" || r.Content == nil):
		return r, badRequest("can't parse inline query result: Article must have a title and content")
	case kind != "" && r.FileID() == "":
		return r, badRequest("can't parse inline query result: This server sends files by their id only")
	}
	if kind != "" {
		f := s.files.byID[r.FileID()]
		if f == nil || f.kind != kind {
			return r, badRequest("DOCUMENT_INVALID")
		}
	}
	return r, c.inlineText(&r)
}

func (c *call) inlineText(r *InlineResult) error {
	text, marks, err := c.formattedBy(r.Caption, r.ParseMode, r.CaptionEntities)
	switch {
	case err != nil:
		return err
	case utf16Len(text) > maxCaption:
		return badRequest("MEDIA_CAPTION_TOO_LONG")
	}
	r.Caption, r.CaptionEntities = text, marks
	if r.Content == nil {
		return nil
	}
	text, marks, err = c.formattedBy(r.Content.Text, r.Content.ParseMode, r.Content.Entities)
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(text) == "" || utf16Len(text) > maxText:
		return badRequest("MESSAGE_EMPTY")
	}
	r.Content.Text, r.Content.Entities = text, marks
	return nil
}

package telegramtest

import (
	"strings"
)

// input is where a file comes from ("Sending files", "InputFile").
type input struct {
	link   string // file_id, URL, attach:// or file://
	upload *upload
}

// input reads a parameter that takes a file: a part of that name, attach:// of
// another part, or text.
func (c *call) input(name string) input {
	if u := c.files[name]; u != nil {
		return input{upload: u}
	}
	return c.linked(c.text(name))
}

func (c *call) linked(link string) input {
	if part, is := strings.CutPrefix(link, "attach://"); is {
		return input{link: link, upload: c.files[part]}
	}
	return input{link: link}
}

// take finds or makes the file of this kind. It wants s.mu.
func (s *Server) take(kind string, in input) (*file, error) {
	switch {
	case in.upload != nil:
		return s.newFile(kind, in.upload)
	case strings.HasPrefix(in.link, "attach://"):
		return nil, badRequest("invalid file HTTP URL specified: Unsupported URL protocol")
	case strings.HasPrefix(in.link, "file://"):
		return nil, badRequest("invalid file HTTP URL specified: URL host is empty")
	case strings.HasPrefix(in.link, "http://"), strings.HasPrefix(in.link, "https://"):
		return nil, badRequest("failed to get HTTP URL content") // this server has no network
	}
	f := s.files.byID[in.link]
	switch {
	case f == nil:
		return nil, badRequest("wrong file identifier/HTTP URL specified")
	case f.kind != kind && !alike(f.kind, kind):
		return nil, badRequest("can't use file of type %s as %s", typeName(f.kind), typeName(kind))
	}
	return f, nil
}

// alike says that a file of one kind may be sent as another: the service keeps
// the kind, whatever the method says, for these.
func alike(has, wanted string) bool {
	return has == "animation" && wanted == "document"
}

func typeName(kind string) string {
	words := map[string]string{"video_note": "VideoNote", "thumbnail": "Thumbnail"}
	if word := words[kind]; word != "" {
		return word
	}
	return strings.ToUpper(kind[:1]) + kind[1:]
}

// show puts a file into a message.
func (m *Message) show(f *file) {
	m.Photo, m.Animation, m.Audio, m.Document, m.Sticker, m.Video, m.VideoNote, m.Voice = nil, nil, nil, nil, nil, nil, nil, nil
	m.file = f
	switch f.kind {
	case "photo":
		m.Photo = f.sizes
	case "animation":
		// "Message": a document comes with every animation.
		m.Animation, m.Document = f.media(), f.media()
	case "audio":
		m.Audio = f.media()
	case "document":
		m.Document = f.media()
	case "sticker":
		m.Sticker = f.media()
	case "video":
		m.Video = f.media()
	case "video_note":
		m.VideoNote = f.media()
	case "voice":
		m.Voice = f.media()
	}
}

// about is what a call says of its file.
type about struct {
	width, height, duration int
	performer, title        string
	streaming               bool
	thumbnail, cover        input
}

func (c *call) about() about {
	return about{
		width: int(c.int("width")), height: int(c.int("height")), duration: int(c.int("duration")),
		performer: c.text("performer"), title: c.text("title"), streaming: c.bool("supports_streaming"), thumbnail: c.input("thumbnail"), cover: c.input("cover"),
	}
}

// apply completes a new file. One sent again by its id keeps what it was.
func (s *Server) apply(f *file, in input, a about) error {
	if in.upload == nil {
		return nil
	}
	if f.kind == "video" || f.kind == "animation" && f.width == 0 {
		f.width, f.height = a.width, a.height
	}
	if a.cover != (input{}) {
		cover, err := s.take("photo", a.cover)
		if err != nil {
			return err
		}
		f.cover = cover
	}
	f.duration, f.performer, f.title, f.streaming = a.duration, a.performer, a.title, a.streaming
	s.thumbnail(f, a.thumbnail.upload)
	return nil
}

// thumbnail follows "thumbnail" of "sendVideo": a JPEG below 200 kB and not
// above 320 pixels, uploaded with the file. The service ignores any other.
func (s *Server) thumbnail(f *file, u *upload) {
	if u == nil {
		return
	}
	t := &file{kind: "thumbnail", name: u.name, blob: u.blob, mime: "image/jpeg"}
	if t.measure() && t.width <= 320 && t.height <= 320 && t.blob.size < maxThumbnail {
		f.thumbnail = s.keep(t)
	}
}

// noteThumbnail complains of a thumbnail that the service would ignore.
func (c *call) noteThumbnail(f *file, in input) {
	if in != (input{}) && f.thumbnail == nil {
		c.note("thumbnail", "no picture below 200 kB and up to 320 pixels a side that is uploaded with a new file")
	}
}

// sendFile is what all methods for a single file do.
func (s *Server) sendFile(c *call, kind string) (any, error) {
	r, m, err := s.draft(c)
	if err != nil {
		return nil, err
	}
	if err := c.caption(m); err != nil {
		return nil, err
	}
	in, a := c.input(kind), c.about()
	f, err := s.take(kind, in)
	if err != nil {
		return nil, err
	}
	if err := s.apply(f, in, a); err != nil {
		return nil, err
	}
	c.noteThumbnail(f, a.thumbnail)
	m.Spoiler = c.bool("has_spoiler")
	m.show(f)
	return s.sent(c, r, m)
}

// sendPhoto follows "sendPhoto".
func (s *Server) sendPhoto(c *call) (any, error) { return s.sendFile(c, "photo") }

// sendVideo follows "sendVideo".
func (s *Server) sendVideo(c *call) (any, error) { return s.sendFile(c, "video") }

// sendAudio follows "sendAudio".
func (s *Server) sendAudio(c *call) (any, error) { return s.sendFile(c, "audio") }

// sendDocument follows "sendDocument".
func (s *Server) sendDocument(c *call) (any, error) { return s.sendFile(c, "document") }

// sendAnimation follows "sendAnimation".
func (s *Server) sendAnimation(c *call) (any, error) { return s.sendFile(c, "animation") }

// sendVoice follows "sendVoice".
func (s *Server) sendVoice(c *call) (any, error) { return s.sendFile(c, "voice") }

// inputMedia is one item of an album, or what a message's media is replaced by
// ("InputMedia").
type inputMedia struct {
	Type         string   `json:"type"`
	Media        string   `json:"media"`
	Thumbnail    string   `json:"thumbnail"`
	Cover        string   `json:"cover"`
	Start        int      `json:"start_timestamp"`
	Caption      string   `json:"caption"`
	ParseMode    string   `json:"parse_mode"`
	Entities     []Entity `json:"caption_entities"`
	CaptionAbove bool     `json:"show_caption_above_media"`
	Spoiler      bool     `json:"has_spoiler"`
	Width        int      `json:"width"`
	Height       int      `json:"height"`
	Duration     int      `json:"duration"`
	Performer    string   `json:"performer"`
	Title        string   `json:"title"`
	Streaming    bool     `json:"supports_streaming"`
	NoDetection  bool     `json:"disable_content_type_detection"`
}

// load reads an item into a message.
func (s *Server) load(c *call, item inputMedia, m *Message) error {
	switch item.Type {
	case "photo", "video", "audio", "document", "animation":
	default:
		return badRequest("can't parse InputMedia: type must be one of photo, video, audio, document or animation")
	}
	if item.Media == "" {
		return badRequest("can't parse InputMedia: media not found")
	}
	text, marks, err := c.formattedBy(item.Caption, item.ParseMode, item.Entities)
	switch {
	case err != nil:
		return err
	case utf16Len(text) > maxCaption:
		return badRequest("message caption is too long")
	}
	m.Caption, m.CaptionEntities, m.CaptionAbove, m.Spoiler = text, marks, item.CaptionAbove, item.Spoiler
	in := c.linked(item.Media)
	f, err := s.take(item.Type, in)
	if err != nil {
		return err
	}
	a := about{item.Width, item.Height, item.Duration, item.Performer, item.Title, item.Streaming, c.linked(item.Thumbnail), c.linked(item.Cover)}
	if err := s.apply(f, in, a); err != nil {
		return err
	}
	c.noteThumbnail(f, a.thumbnail)
	m.show(f)
	return nil
}

// sendMediaGroup follows "sendMediaGroup".
func (s *Server) sendMediaGroup(c *call) (any, error) {
	var items []inputMedia
	if err := c.object("media", &items); err != nil {
		return nil, err
	}
	if err := albumRules(items); err != nil {
		return nil, err
	}
	if len(items) == 1 {
		c.note("media", "an album has 2-10 items")
	}
	r, first, err := s.draft(c)
	if err != nil {
		return nil, err
	}
	album := make([]*Message, len(items))
	for i, item := range items {
		m := *first
		if err := s.load(c, item, &m); err != nil {
			return nil, err
		}
		album[i] = &m
	}
	return s.sentAlbum(c, r, album)
}

func (s *Server) sentAlbum(c *call, r *room, album []*Message) (any, error) {
	group := s.digits(17)
	sent := make([]Message, len(album))
	for i, m := range album {
		m.MediaGroupID = group
		s.add(r, m)
		c.log.Results = append(c.log.Results, m.ID)
		sent[i] = *m
	}
	return sent, nil
}

// albumRules: up to ten items; photos and videos mix, documents and audio
// stay among their own.
func albumRules(items []inputMedia) error {
	if len(items) == 0 {
		return badRequest("there are no messages to send")
	}
	if len(items) > 10 {
		return badRequest("too many messages to send as an album")
	}
	for _, item := range items {
		if item.Type == "animation" || albumKind(item.Type) != albumKind(items[0].Type) {
			return badRequest("can't use the media of the specified type in the album")
		}
	}
	return nil
}

func albumKind(kind string) string {
	if kind == "photo" || kind == "video" {
		return "visual"
	}
	return kind
}

// digits is a random decimal number of n digits.
func (s *Server) digits(n int) string {
	number := make([]byte, n)
	for i := range number {
		number[i] = byte('1' + s.random.IntN(9))
	}
	return string(number)
}

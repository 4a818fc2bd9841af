package telegramtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/gif" // pictures that can be sent
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	_ "golang.org/x/image/webp"
)

// Limits of "Sending files" and "getFile".
const (
	maxPhoto     = 10 << 20
	maxDownload  = 20 << 20
	maxThumbnail = 200 << 10
	linkLifetime = time.Hour
)

// store holds every file the bot can name, by its ids. An id is good for one
// bot and one kind of file ("Sending files").
type store struct {
	byID   map[string]*file
	byPath map[string]*file
}

func newStore() store {
	return store{byID: map[string]*file{}, byPath: map[string]*file{}}
}

// file is a file of one kind.
type file struct {
	id, unique string
	kind       string // photo, video, audio, voice, animation, document, sticker, video_note or thumbnail
	name, mime string
	blob       *blob
	width      int
	height     int
	duration   int // seconds
	performer  string
	title      string
	streaming  bool
	thumbnail  *file
	cover      *file       // of a video
	sizes      []PhotoSize // of a photo
	path       string      // of its last link
	linked     time.Time
}

// keep gives a file its ids. Equal contents of a kind share the unique id, as
// with the service, but not the id. It wants s.mu.
func (s *Server) keep(f *file) *file {
	var salt [8]byte
	for i := range salt {
		salt[i] = byte(s.random.Uint32())
	}
	f.unique = "AQ" + base64.RawURLEncoding.EncodeToString(append([]byte(f.kind[:2]), f.blob.sum[:9]...))
	body := fmt.Sprintf("%d|%s|", s.bot.ID, f.kind) + string(f.blob.sum[:12]) + string(salt[:])
	f.id = filePrefix(f.kind) + base64.RawURLEncoding.EncodeToString([]byte(body))
	s.files.byID[f.id] = f
	return f
}

func filePrefix(kind string) string {
	switch kind {
	case "photo":
		return "AgACAgIAAxkB"
	case "video":
		return "BAACAgIAAxkB"
	case "audio":
		return "CQACAgIAAxkB"
	case "animation":
		return "CgACAgIAAxkB"
	}
	return "BQACAgIAAxkB"
}

// newFile makes a file of a kind from an upload and applies the rules of that
// kind ("sendPhoto", "Sending files"). It wants s.mu.
func (s *Server) newFile(kind string, u *upload) (*file, error) {
	f := &file{kind: kind, name: path.Base(u.name), blob: u.blob}
	if u.blob.size == 0 {
		return nil, badRequest("file must be non-empty")
	}
	f.mime = http.DetectContentType(u.blob.head())
	switch kind {
	case "photo":
		return s.newPhoto(f)
	case "animation":
		f.measure()
	}
	return s.keep(f), nil
}

// measure reads the sides of a picture.
func (f *file) measure() bool {
	header, _, err := image.DecodeConfig(bytes.NewReader(f.blob.head()))
	if err != nil {
		return false
	}
	f.width, f.height = header.Width, header.Height
	return true
}

func (s *Server) newPhoto(f *file) (*file, error) {
	if f.blob.size > maxPhoto {
		return nil, badRequest("file of size %d bytes is too big for a photo; the maximum size is %d bytes", f.blob.size, maxPhoto)
	}
	if !f.measure() {
		return nil, badRequest("IMAGE_PROCESS_FAILED")
	}
	long, short := max(f.width, f.height), min(f.width, f.height)
	if f.width+f.height > 10000 || short == 0 || long > 20*short {
		return nil, badRequest("PHOTO_INVALID_DIMENSIONS")
	}
	s.keep(f)
	f.sizes = s.photoSizes(f)
	return f, nil
}

// photoSizes lists a photo's sizes, smallest first. The service recodes them
// all; here the largest is the picture as it was sent, so that tests can
// compare bytes, and the smaller ones hold the same bytes under their own ids.
func (s *Server) photoSizes(f *file) []PhotoSize {
	var sizes []PhotoSize
	for _, side := range []int{90, 320, 800, 1280} {
		if side >= max(f.width, f.height) {
			break
		}
		small := *f
		small.width, small.height = fit(f.width, f.height, side)
		sizes = append(sizes, s.keep(&small).size())
		s.files.byID[small.id] = f // any size stands for the photo
	}
	return append(sizes, f.size())
}

func fit(width, height, side int) (int, int) {
	long := max(width, height)
	return max(1, width*side/long), max(1, height*side/long)
}

func (f *file) size() PhotoSize {
	return PhotoSize{FileID: f.id, FileUniqueID: f.unique, Width: f.width, Height: f.height, FileSize: f.blob.size}
}

// media is a file as a message shows it, but for photos.
func (f *file) media() *MediaFile {
	m := &MediaFile{
		FileID: f.id, FileUniqueID: f.unique, Width: f.width, Height: f.height, Duration: f.duration, Performer: f.performer,
		Title: f.title, FileName: f.name, MIMEType: f.mime, FileSize: f.blob.size, Streaming: f.streaming,
	}
	if f.thumbnail != nil {
		size := f.thumbnail.size()
		m.Thumbnail = &size
	}
	if f.cover != nil {
		m.Cover = f.cover.sizes
	}
	switch f.kind {
	case "document":
		m.Width, m.Height, m.Duration = 0, 0, 0
	case "video_note":
		m.Length, m.Width, m.Height = f.width, 0, 0
	case "sticker":
		m.Type, m.FileName, m.MIMEType = "regular", "", ""
	case "voice":
		m.FileName = ""
	}
	return m
}

// File is what getFile answers ("File").
type File struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	FileSize     int64  `json:"file_size,omitempty"`
	FilePath     string `json:"file_path,omitempty"`
}

// getFile follows "getFile": links are good for an hour and hold the token; a
// local server names the file on its own disk.
func (s *Server) getFile(c *call) (any, error) {
	f := s.files.byID[c.text("file_id")]
	switch {
	case f == nil:
		return nil, badRequest("wrong file_id or the file is temporarily unavailable")
	case f.blob.size > maxDownload && !s.cfg.Local:
		return nil, badRequest("file is too big")
	}
	if s.cfg.Local {
		f.path = f.blob.path
	} else if f.path == "" {
		f.path = fmt.Sprintf("%s/file_%d%s", folder(f.kind), len(s.files.byPath), f.ext())
		s.files.byPath[f.path] = f
	}
	f.linked = s.now()
	return File{FileID: c.text("file_id"), FileUniqueID: f.unique, FileSize: f.blob.size, FilePath: f.path}, nil
}

func folder(kind string) string {
	switch kind {
	case "audio":
		return "music"
	case "thumbnail":
		return "thumbnails"
	}
	return kind + "s"
}

func (f *file) ext() string {
	if ext := path.Ext(f.name); ext != "" {
		return ext
	}
	switch {
	case f.kind == "photo":
		return ".jpg"
	case f.kind == "voice":
		return ".oga"
	case f.kind == "sticker":
		return ".webp"
	case strings.HasPrefix(f.mime, "video/"):
		return ".mp4"
	}
	return ""
}

// serveFile answers a download: /file/bot<token>/<file_path>.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, rest string) {
	begun := s.begin("file")
	token, name, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	f := s.files.byPath[name]
	ended := f == nil || s.now().Sub(f.linked) > linkLifetime
	s.mu.Unlock()
	switch {
	case token != s.cfg.Token:
		s.end(begun, nil, http.StatusUnauthorized, nil)
		answer(w, unauthorized())
		return
	case ended:
		s.end(begun, nil, http.StatusNotFound, nil)
		answer(w, notFound())
		return
	}
	send := func(w http.ResponseWriter) { f.send(w, r) }
	fault := s.strike("file", 0, faultBefore)
	if fault == nil {
		fault = s.strike("file", 0, faultAfter)
	}
	if fault != nil {
		s.end(begun, nil, fault.status(http.StatusOK), nil)
		fault.spoil(w, r, s.done, send)
		return
	}
	s.end(begun, nil, http.StatusOK, nil)
	send(w)
}

func (f *file) send(w http.ResponseWriter, r *http.Request) {
	content, err := f.blob.open()
	if err != nil {
		answer(w, notFound())
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, content)
}

// FileBytes returns the content of the file with this id. It panics when there
// is none.
func (s *Server) FileBytes(id string) []byte {
	s.mu.Lock()
	f := s.files.byID[id]
	s.mu.Unlock()
	if f == nil {
		panic("telegramtest: no file " + hex.EncodeToString([]byte(id)))
	}
	return f.blob.bytes()
}

// RemoveFile deletes a local server's copy, as its operator may.
func (s *Server) RemoveFile(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files.byID[id]
	if f == nil || f.blob.path == "" {
		return os.ErrNotExist
	}
	return os.Remove(f.blob.path)
}

package discordtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/gif" // pictures whose sides are read
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	_ "golang.org/x/image/webp"
)

// file is what an attachment holds.
type file struct {
	Attachment
	folder string // attachments or ephemeral-attachments, and the channel
	data   []byte
}

// keep gives an upload an id and reads what the service would read of it. It
// wants s.mu.
func (s *Server) keep(r *room, name, kind string, data []byte, ephemeral bool) *file {
	f := &file{data: data, folder: "attachments/" + r.id}
	if ephemeral {
		f.folder = "ephemeral-attachments/" + s.cfg.ApplicationID
	}
	f.ID, f.Filename, f.Size, f.Ephemeral = s.newID(), path.Base(name), len(data), ephemeral
	f.Spoiler = strings.HasPrefix(name, "SPOILER_")
	f.ContentType = kind
	if kind == "" || kind == "application/octet-stream" {
		f.ContentType = http.DetectContentType(data)
	}
	if header, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		f.Width, f.Height = header.Width, header.Height
	}
	s.files[f.ID] = f
	s.link(f)
	return f
}

// link makes a fresh address for a file ("Reference", "Signed Attachment CDN
// URLs"): when it ends, when it was made, and a signature over both.
func (s *Server) link(f *file) {
	now := s.now()
	where := "/" + f.folder + "/" + f.ID + "/" + url.PathEscape(f.Filename)
	ends, made := hexTime(now.Add(s.cfg.LinkLife)), hexTime(now)
	f.URL = fmt.Sprintf("%s%s?ex=%s&is=%s&hm=%s&", s.url(), where, ends, made, s.sign(where, ends, made))
	f.ProxyURL = f.URL
}

func hexTime(t time.Time) string { return strconv.FormatInt(t.Unix(), 16) }

func (s *Server) sign(parts ...string) string {
	mac := hmac.New(sha256.New, s.key.Seed())
	for _, part := range parts {
		fmt.Fprintln(mac, part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// serveFile answers a download. A link that has ended or was changed is a 404,
// with the sentence of the service.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	begun := &Call{Route: downloads}
	s.mu.Lock()
	s.enlist(begun)
	f, good := s.linked(r)
	s.mu.Unlock()
	send := func(w http.ResponseWriter) {
		if !good {
			http.Error(w, "This content is no longer available.", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", f.ContentType)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
	status := http.StatusOK
	if !good {
		status = http.StatusNotFound
	}
	fault := s.strike(begun, faultBefore)
	if fault == nil {
		fault = s.strike(begun, faultAfter)
	}
	if fault != nil {
		s.end(begun, nil, fault.status(status), nil)
		fault.spoil(w, r, s.done, send)
		return
	}
	s.end(begun, nil, status, nil)
	send(w)
}

// linked is the file that a request is for, and whether its link is good. It
// wants s.mu.
func (s *Server) linked(r *http.Request) (*file, bool) {
	where := r.URL.EscapedPath()
	parts := strings.Split(where, "/")
	if len(parts) == 4 && parts[1] == "avatars" {
		return s.portrait(parts[2], parts[3])
	}
	if len(parts) != 5 {
		return nil, false
	}
	f, query := s.files[parts[3]], r.URL.Query()
	ends, err := strconv.ParseInt(query.Get("ex"), 16, 64)
	signed := s.sign(where, query.Get("ex"), query.Get("is"))
	if f == nil || err != nil || !hmac.Equal([]byte(signed), []byte(query.Get("hm"))) {
		return nil, false
	}
	return f, s.now().Unix() <= ends
}

// portrait is a person's picture, whose link is not signed and does not end
// ("Image Formatting"). It wants s.mu.
func (s *Server) portrait(id, name string) (*file, bool) {
	p := s.people[id]
	if p == nil || p.portrait == nil || name != *p.user.Avatar+".png" {
		return nil, false
	}
	return p.portrait, true
}

// show is a message with fresh links, as the service gives it whenever it is
// asked. It wants s.mu.
func (s *Server) show(m *Message) Message {
	shown := *m
	shown.Attachments = make([]Attachment, 0, len(m.Attachments))
	for _, a := range m.Attachments {
		f := s.files[a.ID]
		s.link(f)
		shown.Attachments = append(shown.Attachments, f.Attachment)
	}
	shown.Components = s.showAll(m.Components)
	return shown
}

func (s *Server) showAll(list []Component) []Component {
	shown := make([]Component, 0, len(list))
	for _, c := range list {
		c.Media, c.File = s.showPicture(c.Media), s.showPicture(c.File)
		if c.Accessory != nil {
			c.Accessory = &s.showAll([]Component{*c.Accessory})[0]
		}
		if c.Components != nil {
			c.Components = s.showAll(c.Components)
		}
		items := make([]Item, len(c.Items))
		for i, item := range c.Items {
			item.Media = *s.showPicture(&item.Media)
			items[i] = item
		}
		c.Items = items
		shown = append(shown, c)
	}
	return shown
}

func (s *Server) showPicture(p *Picture) *Picture {
	if p == nil {
		return nil
	}
	fresh := *p
	if f := s.files[p.AttachmentID]; f != nil {
		fresh = Picture{URL: f.URL, ProxyURL: f.ProxyURL, Width: f.Width, Height: f.Height, ContentType: f.ContentType, AttachmentID: f.ID}
	}
	return &fresh
}

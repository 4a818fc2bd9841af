package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-telegram/bot"

	"kiebot/bots"
	"kiebot/core"
)

// cloudMax is what Telegram's own server hands over at most (Bot API, getFile).
const cloudMax = 20 << 20

// fileRef is what an InputFile keeps for this adapter.
type fileRef struct {
	ID string `json:"file_id"`
}

func (m *message) hasFile() bool { _, ok := m.file(); return ok }

// filesOf lists the files that come with the message: first those of the
// message that it answers, then its own, an album's all.
func (t *Telegram) filesOf(m *message, album []*message) []bots.Attached {
	var all []bots.Attached
	if m.Answers != nil {
		if a, ok := m.Answers.file(); ok {
			all = append(all, a)
		}
	}
	if len(album) == 0 {
		album = []*message{m}
	}
	for _, one := range album {
		if a, ok := one.file(); ok {
			all = append(all, a)
		}
	}
	for i := range all {
		if size := all[i].File.Size; !t.local && size > cloudMax {
			all[i].Unusable, all[i].Limit = bots.TooLarge, cloudMax
		}
	}
	return all
}

// file is the file of a message. Photos are always JPEG; of the sizes that
// Telegram made, the last is the largest.
func (m *message) file() (bots.Attached, bool) {
	switch {
	case len(m.Photo) > 0:
		p := m.Photo[len(m.Photo)-1]
		return p.attached(m, "photo.jpg", "image/jpeg"), true
	case m.Sticker != nil:
		a := m.Sticker.attached(m, "sticker.webp", "image/webp")
		if m.Sticker.Animated || m.Sticker.Video {
			a.Unusable = bots.Moving
		}
		return a, true
	}
	for _, kind := range []struct {
		file *document
		name string
		mime string
	}{
		{m.Video, "video.mp4", "video/mp4"},
		{m.Animation, "animation.mp4", "video/mp4"}, // has a document too
		{m.VideoNote, "video.mp4", "video/mp4"},
		{m.Audio, "audio.mp3", "audio/mpeg"},
		{m.Voice, "voice.ogg", "audio/ogg"},
		{m.Document, "file", "application/octet-stream"},
	} {
		if f := kind.file; f != nil {
			name := cmp.Or(f.Name, kind.name)
			return f.attached(m, name, typeOf(name, cmp.Or(f.Type, kind.mime))), true
		}
	}
	return bots.Attached{}, false
}

// typeOf is the media type of a file. An app that does not know one says
// octet-stream; a phone's pictures, which models do not take, have a name then.
func typeOf(name, said string) string {
	ext := strings.ToLower(path.Ext(name))
	if said == "application/octet-stream" && (ext == ".heic" || ext == ".heif") {
		return "image/heic"
	}
	return said
}

func (f fileID) attached(m *message, name, mime string) bots.Attached {
	data, err := json.Marshal(fileRef{f.ID})
	if err != nil {
		panic(fmt.Sprintf("a string does not encode: %v", err))
	}
	// Two files of an album have the same name: people have to tell them apart.
	if m.Album != "" {
		name = strconv.Itoa(m.ID) + "-" + name
	}
	a := bots.Attached{File: core.InputFile{Name: name, Type: mime, Ref: data}}
	if f.Size != nil {
		a.File.Size = *f.Size
		if *f.Size == 0 {
			a.Unusable = bots.Empty
		}
	}
	return a
}

// Open implements core.Source. The file comes through this process: the link
// that Telegram gives has the bot's token in it.
func (t *Telegram) Open(ctx context.Context, file core.InputFile) (io.ReadCloser, error) {
	var r fileRef
	if err := json.Unmarshal(file.Ref, &r); err != nil || r.ID == "" {
		return nil, fmt.Errorf("a file of another kind of chat: %w", fs.ErrNotExist)
	}
	found, err := t.api.GetFile(ctx, &bot.GetFileParams{FileID: r.ID})
	switch meaning(err) {
	case failNone:
	case failFileID, failTooLarge, failContent:
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	default:
		return nil, err
	}
	if t.local && filepath.IsAbs(found.FilePath) {
		return openLocal(found.FilePath)
	}
	return t.api.download(ctx, found.FilePath)
}

var errNotMounted = errors.New("the folder of the local Bot API server is not on this machine: mount it where the server has it")

// openLocal opens a file of a local Bot API server. It is gone for good when the
// folder that it was in is there without it. Where the folder is missing, this
// machine is set up wrongly, and another replica may have the file.
func openLocal(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err == nil {
		return file, nil
	}
	if _, missing := os.Stat(filepath.Dir(path)); missing != nil {
		return nil, errNotMounted
	}
	return nil, err
}

// download gets a file that getFile gave the path of.
func (c *client) download(ctx context.Context, file string) (io.ReadCloser, error) {
	failed := &callError{Method: "download"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/file/bot"+c.token+"/"+path.Clean("/" + file)[1:], nil)
	if err != nil {
		failed.Cause = errors.New("the path of the file is not one")
		return nil, failed
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		failed.Cause = c.presentable(err)
		return nil, failed
	}
	if resp.StatusCode == http.StatusOK {
		return presentableBody{resp.Body, c}, nil
	}
	resp.Body.Close()
	failed.Status, failed.Code, failed.Description = resp.StatusCode, resp.StatusCode, http.StatusText(resp.StatusCode)
	if resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, failed)
	}
	return nil, failed
}

// presentableBody is a body whose errors do not name the token.
type presentableBody struct {
	io.ReadCloser
	client *client
}

// Read implements io.Reader.
func (b presentableBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.client.presentable(err)
	}
	return n, err
}

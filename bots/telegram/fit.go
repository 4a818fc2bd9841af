package telegram

import (
	"path/filepath"
	"strings"

	"kiebot/bots/clip"
	"kiebot/core/media"
)

// shape is as what a file is sent.
type shape string

// The shapes. An album holds pictures and videos, or songs, or files.
const (
	asPhoto     shape = "photo"
	asVideo     shape = "video"
	asAnimation shape = "animation"
	asAudio     shape = "audio"
	asDocument  shape = "document"
	asSmaller   shape = "smaller" // a photo of our own making, for a picture that fits nowhere else
	asLink      shape = "link"
)

// limits are the sizes that the Bot API server takes (Bot API, "Sending files").
type limits struct {
	photo int64
	file  int64
}

// What else a photo may be (Bot API, sendPhoto).
const (
	photoSides = 10000 // width and height together
	photoRatio = 20
)

// Of what we make smaller.
const (
	renditionSide = 2560 // Telegram shows no more of a photo
	coverSide     = 320  // Bot API, sendAudio: of a thumbnail, which is a JPEG of less than 200 kB
)

// formRoom is left for what is in a form beside its files.
const formRoom = 64 << 10

func limitsOf(local bool) limits {
	if local {
		return limits{photo: 10 << 20, file: 2000<<20 - formRoom}
	}
	return limits{photo: 10 << 20, file: 50<<20 - formRoom}
}

// ladder lists as what the file can be sent, best first: as what it is, as a
// file, as a smaller picture, as a link. What is known beforehand not to fit is
// left out; what Telegram refuses all the same is sent as the next.
func (l limits) ladder(f media.File) []shape {
	var steps []shape
	if inline := shapeOf(f); inline != asDocument && l.takes(inline, f) {
		steps = append(steps, inline)
	}
	if l.takes(asDocument, f) {
		steps = append(steps, asDocument)
	}
	if f.Kind == media.Image && media.CanShrink(f) {
		steps = append(steps, asSmaller)
	}
	return append(steps, asLink)
}

// takes reports whether the file may be sent as that.
func (l limits) takes(as shape, f media.File) bool {
	switch {
	case f.Size <= 0: // Telegram: "file must be non-empty"
		return false
	case as != asPhoto:
		return f.Size <= l.file
	case f.Width == 0 || f.Height == 0:
		return false
	}
	return f.Size <= l.photo && f.Width+f.Height <= photoSides && max(f.Width, f.Height) <= photoRatio*min(f.Width, f.Height)
}

// shapeOf is as what the file is shown. Telegram shows JPEG, PNG and WebP as
// photos, plays MP4, and MP3 and M4A as music, and turns a GIF into an
// animation; a video without sound stays a video, with controls to play it.
func shapeOf(f media.File) shape {
	switch f.Type {
	case "image/jpeg", "image/png", "image/webp":
		return asPhoto
	case "image/gif":
		return asAnimation
	case "video/mp4":
		return asVideo
	case "audio/mpeg", "audio/mp4":
		return asAudio
	}
	return asDocument
}

// albums says which shapes go into one album with each other.
func (s shape) album() string {
	switch s {
	case asPhoto, asVideo, asSmaller:
		return "pictures"
	case asAudio, asDocument:
		return string(s)
	}
	return ""
}

const albumMax = 10 // of one sendMediaGroup, and no fewer than two

// fileName is what the file is called in the chat. The name decides with the
// method what Telegram takes it for.
func fileName(title string, f media.File) string {
	ext := filepath.Ext(f.Name)
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return ' '
		}
		return r
	}, title)
	if title = strings.Join(strings.Fields(title), " "); title == "" {
		return f.Name
	}
	return clip.Shorten(title, 60) + ext
}

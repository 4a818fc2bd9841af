package telegramtest

import (
	"bytes"
	"net/http"
)

// Media is a file that a person sends. Make it with the functions of its kind
// and change what they left open.
type Media struct {
	Kind     string // photo, video, audio, voice, animation, document, sticker or video_note
	Name     string
	MIME     string
	Data     []byte
	Width    int
	Height   int
	Duration int // seconds
	Spoiler  bool
	// Size is what the bot is told, when it is not 0: a file of 3 GB need not
	// be made to be sent. Such a file cannot be downloaded.
	Size int64
}

// Photo is a picture sent as a photo.
func Photo(data []byte) Media { return Media{Kind: "photo", Data: data} }

// Document is a file sent as it is.
func Document(name string, data []byte) Media { return Media{Kind: "document", Name: name, Data: data} }

// Video is an MP4.
func Video(data []byte, width, height, seconds int) Media {
	return Media{Kind: "video", Name: "video.mp4", MIME: "video/mp4", Data: data, Width: width, Height: height, Duration: seconds}
}

// Animation is an MP4 without sound.
func Animation(data []byte, width, height, seconds int) Media {
	return Media{Kind: "animation", Name: "animation.mp4", MIME: "video/mp4", Data: data, Width: width, Height: height, Duration: seconds}
}

// Audio is music.
func Audio(name string, data []byte, seconds int) Media {
	return Media{Kind: "audio", Name: name, MIME: "audio/mpeg", Data: data, Duration: seconds}
}

// Voice is a voice message.
func Voice(data []byte, seconds int) Media {
	return Media{Kind: "voice", MIME: "audio/ogg", Data: data, Duration: seconds}
}

// Sticker is a still sticker of 512 pixels.
func Sticker(data []byte) Media {
	return Media{Kind: "sticker", MIME: "image/webp", Data: data, Width: 512, Height: 512}
}

// VideoNote is a round video.
func VideoNote(data []byte, side, seconds int) Media {
	return Media{Kind: "video_note", MIME: "video/mp4", Data: data, Width: side, Height: side, Duration: seconds}
}

// fileOf makes the file that the bot can get. It panics when the disk fails.
func (s *Server) fileOf(media Media) *file {
	b, err := s.newBlob(bytes.NewReader(media.Data), 1<<40)
	if err != nil {
		panic(err)
	}
	if media.Size != 0 {
		b.size = media.Size
	}
	f := &file{
		kind: media.Kind, name: media.Name, mime: media.MIME, blob: b,
		width: media.Width, height: media.Height, duration: media.Duration,
	}
	if f.mime == "" {
		f.mime = http.DetectContentType(media.Data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.kind == "photo" {
		if f.width == 0 && !f.measure() {
			panic("telegramtest: only pictures can be sent as photos")
		}
		s.keep(f)
		f.sizes = s.photoSizes(f)
		return f
	}
	return s.keep(f)
}

// Package media turns result URLs into files a chat can show.
//
// A [Fetcher] downloads over a dialer that refuses every address which is not
// public, a [Spool] keeps the downloads on disk under a key and describes them
// as a [File], and [Links] hands them out again under signed links that expire.
//
// Nothing a remote host says about a file is believed: type, dimensions and
// duration are read from its bytes, and the type comes from a closed list that
// holds neither HTML nor SVG. All memory use is bounded, whatever the size of a
// file.
package media

import "time"

// Kind says in which way a chat shows a file.
type Kind string

// The kinds of files.
const (
	Image Kind = "image"
	Video Kind = "video"
	Audio Kind = "audio"
	Text  Kind = "text"
	Other Kind = "other"
)

// File describes one spooled file. It is stored in task records, so Path is
// left out of its JSON: Name identifies the file inside the spool, and
// [Spool.Resolve] fills in Path again wherever the data directory is now.
type File struct {
	Path     string        `json:"-"`                  // absolute
	Name     string        `json:"name"`               // key and extension, [a-z0-9.-] only
	Type     string        `json:"type"`               // MIME type, read from the bytes
	Kind     Kind          `json:"kind"`               // how to show it
	Size     int64         `json:"size"`               // bytes
	Width    int           `json:"width,omitempty"`    // pixels, 0 when unknown; a turned video's as displayed
	Height   int           `json:"height,omitempty"`   // likewise
	Duration time.Duration `json:"duration,omitempty"` // nanoseconds in JSON, 0 when unknown
}

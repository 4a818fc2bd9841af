package media

import (
	"bytes"
	"net/http"
	"strings"
)

// Format is a type of file this package knows.
type Format struct {
	Type string // MIME type
	Ext  string // file name extension with its dot
	Kind Kind
}

// formats lists every format a file can have. Types that a browser would run
// scripts from are not here: HTML, SVG and XML count as plain text.
func formats() []Format {
	return []Format{
		{"image/png", ".png", Image},
		{"image/jpeg", ".jpg", Image},
		{"image/gif", ".gif", Image},
		{"image/webp", ".webp", Image},
		{"image/avif", ".avif", Image},
		{"image/heic", ".heic", Image},
		{"video/mp4", ".mp4", Video},
		{"video/quicktime", ".mov", Video},
		{"video/webm", ".webm", Video},
		{"audio/mpeg", ".mp3", Audio},
		{"audio/wav", ".wav", Audio},
		{"audio/ogg", ".ogg", Audio},
		{"audio/mp4", ".m4a", Audio},
		{"audio/flac", ".flac", Audio},
		{"text/plain; charset=utf-8", ".txt", Text},
		{"audio/midi", ".mid", Other}, // no chat plays it
		{"application/pdf", ".pdf", Other},
		{"application/zip", ".zip", Other},
		{unknownType, ".bin", Other},
	}
}

const unknownType = "application/octet-stream"

// sniffLen is how many bytes Sniff looks at.
const sniffLen = 512

// Sniff returns the format of the file that begins with head. It looks at the
// first 512 bytes at most; a file it does not know is application/octet-stream.
func Sniff(head []byte) Format {
	head = head[:min(len(head), sniffLen)]
	return formatOf(sniffType(head))
}

func formatOf(mimeType string) Format {
	all := formats()
	for _, format := range all {
		if format.Type == mimeType {
			return format
		}
	}
	return all[len(all)-1]
}

func formatByExt(ext string) (Format, bool) {
	for _, format := range formats() {
		if format.Ext == ext {
			return format, true
		}
	}
	return Format{}, false
}

func sniffType(head []byte) string {
	switch {
	case len(head) == 0:
		return unknownType
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return brandType(string(head[8:12]))
	case bytes.HasPrefix(head, []byte("fLaC")):
		return "audio/flac"
	}
	if _, ok := parseMP3Header(head); ok {
		return "audio/mpeg"
	}
	// The standard algorithm (WHATWG MIME Sniffing) under the names used here.
	switch t := http.DetectContentType(head); {
	case t == "audio/wave":
		return "audio/wav"
	case t == "application/ogg":
		return "audio/ogg"
	case strings.HasPrefix(t, "text/"):
		return "text/plain; charset=utf-8"
	default:
		return t
	}
}

// brandType maps the major brand of an ISO base media file (ISO/IEC 14496-12).
func brandType(brand string) string {
	switch brand {
	case "qt  ":
		return "video/quicktime"
	case "M4A ", "M4B ":
		return "audio/mp4"
	case "avif", "avis":
		return "image/avif"
	case "heic", "heix", "heim", "heis", "mif1":
		return "image/heic"
	}
	return "video/mp4"
}

package media

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/image/webp"
)

const (
	maxSide     = 1 << 16             // pixels; no real file has more
	maxDuration = 30 * 24 * time.Hour // likewise
	maxBoxes    = 4096                // boxes or chunks looked at in one file
)

// Probe reads type, dimensions and duration of the file at path. Whatever the
// file holds, the error only says that it could not be opened or read: of a
// malformed file the type is returned and the rest is 0.
func Probe(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("opening the file: %w", err)
	}
	defer f.Close()
	return probeFile(f, path)
}

func probeFile(f *os.File, path string) (File, error) {
	info, err := f.Stat()
	if err != nil {
		return File{}, fmt.Errorf("reading the file's size: %w", err)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return File{}, fmt.Errorf("finding the file's folder: %w", err)
	}
	head := make([]byte, sniffLen)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return File{}, fmt.Errorf("reading the file: %w", err)
	}
	file := probe(f, info.Size(), head[:n])
	file.Path, file.Name = path, filepath.Base(path)
	return file, nil
}

// facts is what a file's headers say about what it shows.
type facts struct {
	width, height int
	duration      time.Duration
	silentPicture bool // no track of an ISO media file has a picture
}

// probe describes the file in r that begins with head.
func probe(r io.ReaderAt, size int64, head []byte) File {
	format := Sniff(head)
	found := readFacts(io.NewSectionReader(r, 0, size), format.Type)
	if format.Kind == Video && found.silentPicture {
		format = formatOf("audio/mp4")
	}
	if min(found.width, found.height) < 1 || max(found.width, found.height) > maxSide {
		found.width, found.height = 0, 0
	}
	return File{
		Type: format.Type, Kind: format.Kind, Size: size,
		Width: found.width, Height: found.height, Duration: found.duration,
	}
}

func readFacts(r *io.SectionReader, mimeType string) facts {
	switch mimeType {
	case "image/png":
		return imageFacts(r, png.DecodeConfig)
	case "image/jpeg":
		return imageFacts(r, jpeg.DecodeConfig)
	case "image/gif":
		return imageFacts(r, gif.DecodeConfig)
	case "image/webp":
		return imageFacts(r, webp.DecodeConfig)
	case "video/mp4", "video/quicktime", "audio/mp4":
		return mp4Facts(r)
	case "audio/mpeg":
		return facts{duration: mp3Duration(r)}
	case "audio/wav":
		return facts{duration: wavDuration(r)}
	case "audio/ogg":
		return facts{duration: oggDuration(r)}
	case "audio/flac":
		return facts{duration: flacDuration(r)}
	}
	return facts{}
}

// imageFacts reads dimensions only: pixels are never decoded.
func imageFacts(r io.Reader, decode func(io.Reader) (image.Config, error)) facts {
	config, err := decode(r)
	if err != nil {
		return facts{}
	}
	return facts{width: config.Width, height: config.Height}
}

// ticks returns n/rate seconds, or 0 for a rate or length no real file has.
func ticks(n uint64, rate uint32) time.Duration {
	if rate == 0 || n/uint64(rate) > uint64(maxDuration/time.Second) {
		return 0
	}
	whole, rest := n/uint64(rate), n%uint64(rate)
	return time.Duration(whole)*time.Second + time.Duration(rest*uint64(time.Second)/uint64(rate))
}

// wavDuration divides the data chunk's length by the byte rate of the fmt chunk
// (Microsoft RIFF WAVE). A streamed file claims more data than there is.
func wavDuration(r *io.SectionReader) time.Duration {
	var byteRate uint32
	pos := int64(12)
	for range maxBoxes {
		var header [8]byte
		if _, err := r.ReadAt(header[:], pos); err != nil {
			return 0
		}
		length := int64(binary.LittleEndian.Uint32(header[4:]))
		pos += int64(len(header))
		switch string(header[:4]) {
		case "fmt ":
			var format [12]byte
			if _, err := r.ReadAt(format[:], pos); err != nil {
				return 0
			}
			byteRate = binary.LittleEndian.Uint32(format[8:])
		case "data":
			return ticks(uint64(min(length, r.Size()-pos)), byteRate)
		}
		pos += length + length%2
	}
	return 0
}

package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"
)

const (
	oggHeader  = 27 // of a page, without its table of segments
	oggLongest = oggHeader + 255 + 255*255
	opusRate   = 48_000 // of an Opus stream's positions, whatever it was recorded at
)

// oggDuration takes the position of the last page (RFC 3533, section 6), which
// counts samples of the stream that the first page opens: Opus (RFC 7845,
// sections 4 and 5.1) or Vorbis (Vorbis I, sections 4.2.2 and A.2).
func oggDuration(r *io.SectionReader) time.Duration {
	var head [oggHeader + 255 + 16]byte
	if _, err := r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return 0
	}
	packet := head[oggHeader+int(head[26]):]
	var rate uint32
	var skip uint64
	switch {
	case bytes.HasPrefix(packet, []byte("OpusHead")):
		rate, skip = opusRate, uint64(binary.LittleEndian.Uint16(packet[10:]))
	case bytes.HasPrefix(packet, []byte("\x01vorbis")):
		rate = binary.LittleEndian.Uint32(packet[12:])
	}
	end := oggEnd(r, head[14:18])
	if rate == 0 || end < skip {
		return 0
	}
	return ticks(end-skip, rate)
}

// oggEnd is the position of the stream's last page that has one.
func oggEnd(r *io.SectionReader, serial []byte) uint64 {
	tail := make([]byte, min(r.Size(), 2*oggLongest))
	if _, err := r.ReadAt(tail, r.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return 0
	}
	for {
		at := bytes.LastIndex(tail, []byte("OggS\x00"))
		if at < 0 {
			return 0
		}
		if page := tail[at:]; len(page) >= oggHeader && bytes.Equal(page[14:18], serial) {
			if position := int64(binary.LittleEndian.Uint64(page[6:])); position >= 0 {
				return uint64(position)
			}
		}
		tail = tail[:at]
	}
}

// flacDuration reads the block that every FLAC file begins with (RFC 9639, section 8.2).
func flacDuration(r *io.SectionReader) time.Duration {
	var info [8]byte // 20 bits of sample rate, 8 of other things, 36 of length
	if _, err := r.ReadAt(info[:], 18); err != nil {
		return 0
	}
	packed := binary.BigEndian.Uint64(info[:])
	return ticks(packed&(1<<36-1), uint32(packed>>44))
}

package media

import (
	"encoding/binary"
	"io"
	"time"
)

// mp3Header is what an MPEG audio layer III frame header says (ISO/IEC 11172-3
// section 2.4.2.3, 13818-3 for the lower sampling rates).
type mp3Header struct {
	bitRate    uint32 // bits per second
	sampleRate uint32 // Hz
	samples    uint32 // in each frame
	sideInfo   int    // bytes between the header and a Xing header
}

func parseMP3Header(b []byte) (h mp3Header, ok bool) {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 { // sync word, layer III
		return h, false
	}
	version, rate, sampling := b[1]>>3&3, b[2]>>4, b[2]>>2&3
	if version == 1 || rate == 0 || rate == 15 || sampling == 3 {
		return h, false // reserved values, and the free format nobody writes
	}
	mono := b[3]>>6 == 3
	h.sampleRate = [...]uint32{44100, 48000, 32000}[sampling]
	if version == 3 { // MPEG 1
		h.bitRate = 1000 * [...]uint32{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[rate]
		h.samples, h.sideInfo = 1152, 32
		if mono {
			h.sideInfo = 17
		}
		return h, true
	}
	h.bitRate = 1000 * [...]uint32{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[rate]
	h.samples, h.sideInfo = 576, 17
	if mono {
		h.sideInfo = 9
	}
	h.sampleRate /= 2 // MPEG 2
	if version == 0 {
		h.sampleRate /= 2 // MPEG 2.5
	}
	return h, true
}

// mp3Duration uses the number of frames in the Xing or Info header that
// encoders put into the first frame; without one the bit rate is taken to be
// constant. Walking all frames would read the whole file.
func mp3Duration(r *io.SectionReader) time.Duration {
	start := id3Length(r)
	window := make([]byte, 4<<10)
	n, _ := r.ReadAt(window, start)
	window = window[:n]
	for offset := range window { // some writers pad between tag and audio
		header, ok := parseMP3Header(window[offset:])
		if !ok {
			continue
		}
		if frames, ok := xingFrames(window[offset:], header); ok {
			return ticks(uint64(frames)*uint64(header.samples), header.sampleRate)
		}
		audio := r.Size() - start - int64(offset) - id3v1Length(r)
		return ticks(uint64(max(audio, 0))*8, header.bitRate)
	}
	return 0
}

func xingFrames(frame []byte, header mp3Header) (uint32, bool) {
	at := 4 + header.sideInfo
	if len(frame) < at+12 {
		return 0, false
	}
	tag, flags := string(frame[at:at+4]), binary.BigEndian.Uint32(frame[at+4:])
	if tag != "Xing" && tag != "Info" || flags&1 == 0 {
		return 0, false
	}
	return binary.BigEndian.Uint32(frame[at+8:]), true
}

// id3Length returns the length of the ID3v2 tag at the start (id3.org, ID3v2.4
// structure, section 3.1), 0 without one.
func id3Length(r io.ReaderAt) int64 {
	var b [10]byte
	if _, err := r.ReadAt(b[:], 0); err != nil || string(b[:3]) != "ID3" {
		return 0
	}
	length := int64(len(b))
	if b[5]&0x10 != 0 {
		length *= 2 // a footer repeats the header
	}
	return length + int64(b[6]&0x7f)<<21 + int64(b[7]&0x7f)<<14 + int64(b[8]&0x7f)<<7 + int64(b[9]&0x7f)
}

func id3v1Length(r *io.SectionReader) int64 {
	const length = 128
	var tag [3]byte
	if _, err := r.ReadAt(tag[:], r.Size()-length); err != nil || string(tag[:]) != "TAG" {
		return 0
	}
	return length
}

package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"
)

// page is one Ogg page with one packet.
func page(serial uint32, position int64, packet string) string {
	b := []byte("OggS\x00\x00")
	b = binary.LittleEndian.AppendUint64(b, uint64(position))
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = append(b, make([]byte, 8)...) // number and checksum
	b = append(b, 1, byte(len(packet)))
	return string(b) + packet
}

func TestOggDuration(t *testing.T) {
	opus := page(7, 0, "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00") // 312 samples to skip
	second := int64(48_000 + 312)
	for name, row := range map[string]struct {
		file string
		want time.Duration
	}{
		"a voice message":                   {opus + page(7, second/2, "x") + page(7, second, "x"), time.Second},
		"a last page in which nothing ends": {opus + page(7, second, "x") + page(7, -1, "x"), time.Second},
		"another stream at the end":         {opus + page(7, second, "x") + page(8, 10*second, "x"), time.Second},
		"far from the end":                  {opus + page(7, second, "x") + strings.Repeat("x", 3*oggLongest), 0},
		"shorter than what is skipped":      {opus + page(7, 300, "x"), 0},
		"no sound that is known":            {page(7, 0, "Speex   1.2") + page(7, second, "x"), 0},
		"a segment table and no more":       {page(7, 0, "x")[:26] + "\xff", 0},
		"cut in the first page":             {opus[:20], 0},
		"a rate of zero":                    {page(7, 0, "\x01vorbis\x00\x00\x00\x00\x01\x00\x00\x00\x00") + page(7, second, "x"), 0},
	} {
		got := oggDuration(io.NewSectionReader(bytes.NewReader([]byte(row.file)), 0, int64(len(row.file))))
		if got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

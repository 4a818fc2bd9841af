package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The figures are ffprobe's. Durations may differ by an encoder's padding.
func TestProbe(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	table := []struct {
		name          string
		mimeType      string
		kind          Kind
		width, height int
		duration      time.Duration
	}{
		{"still.png", "image/png", Image, 24, 16, 0},
		{"still.jpg", "image/jpeg", Image, 24, 16, 0},
		{"moving.gif", "image/gif", Image, 24, 16, 0},
		{"lossy.webp", "image/webp", Image, 24, 16, 0},
		{"lossless.webp", "image/webp", Image, 24, 16, 0},
		{"alpha.webp", "image/webp", Image, 24, 16, 0},
		{"clip.mp4", "video/mp4", Video, 64, 36, 1208 * time.Millisecond},
		{"tail.mp4", "video/mp4", Video, 64, 36, 1200 * time.Millisecond}, // moov at the end
		{"rotated.mp4", "video/mp4", Video, 36, 64, 1200 * time.Millisecond},
		{"fragmented.mp4", "video/mp4", Video, 64, 36, 0}, // only its fragments know
		{"clip.mov", "video/quicktime", Video, 64, 36, 1200 * time.Millisecond},
		{"clip.webm", "video/webm", Video, 0, 0, 0},
		{"speech.m4a", "audio/mp4", Audio, 0, 0, 1500 * time.Millisecond},
		{"soundonly.mp4", "audio/mp4", Audio, 0, 0, 1500 * time.Millisecond},
		{"xing.mp3", "audio/mpeg", Audio, 0, 0, 1541 * time.Millisecond},
		{"plain.mp3", "audio/mpeg", Audio, 0, 0, 1541 * time.Millisecond},
		{"lowrate.mp3", "audio/mpeg", Audio, 0, 0, 1567 * time.Millisecond},
		{"phone.mp3", "audio/mpeg", Audio, 0, 0, 1656 * time.Millisecond},
		{"tone.wav", "audio/wav", Audio, 0, 0, 1500 * time.Millisecond},
		{"tone.ogg", "audio/ogg", Audio, 0, 0, 1500 * time.Millisecond},
		{"tone.flac", "audio/flac", Audio, 0, 0, 1500 * time.Millisecond},
		{"words.txt", text, Text, 0, 0, 0},
		{"page.html", text, Text, 0, 0, 0},   // never HTML
		{"drawing.svg", text, Text, 0, 0, 0}, // never SVG
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join("testdata", row.name)
			got, err := Probe(path)
			if err != nil {
				t.Fatal(err)
			}
			absolute, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			want := File{
				Path: absolute, Name: row.name, Type: row.mimeType, Kind: row.kind,
				Size: int64(len(fixture(t, row.name))), Width: row.width, Height: row.height, Duration: got.Duration,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if off := (got.Duration - row.duration).Abs(); off > 60*time.Millisecond {
				t.Errorf("duration is %v, want %v", got.Duration, row.duration)
			}
		})
	}
}

func TestProbeMissing(t *testing.T) {
	if _, err := Probe(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Probe(t.TempDir()); err == nil {
		t.Error("a folder was probed")
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Probe(empty); err != nil || got.Type != unknownType || got.Kind != Other {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
}

func TestSniff(t *testing.T) {
	table := []struct{ head, ext string }{
		{"", ".bin"},
		{"\x00\x01\x02\x03", ".bin"},
		{"MZ\x90\x00", ".bin"},
		{"\x1f\x8b\x08", ".bin"},
		{`{"lyrics": "la"}`, ".txt"},
		{"<?xml version='1.0'?><svg/>", ".txt"},
		{"  <html>", ".txt"},
		{"%PDF-1.7", ".pdf"},
		{"PK\x03\x04", ".zip"},
		{"MThd\x00\x00\x00\x06", ".mid"},
		{"ID3\x04\x00", ".mp3"},
		{"\xff\xfb\x90\x00", ".mp3"},
		{"\xff\xf3\x40\xc0", ".mp3"},
		{"\xff\xfb\x00", ".bin"},     // too short to tell
		{"\xff\xff\x90\x00", ".bin"}, // layer I
		{"\xff\xeb\x90\x00", ".bin"}, // reserved version
		{"\xff\xfb\xf0\x00", ".bin"}, // bad bit rate
		{"\xff\xfb\x00\x00", ".bin"}, // free format
		{"\xff\xfb\x9c\x00", ".bin"}, // reserved sampling rate
		{"\x00\x00\x00\x18ftypisom", ".mp4"},
		{"\x00\x00\x00\x18ftypqt  ", ".mov"},
		{"\x00\x00\x00\x18ftypM4A ", ".m4a"},
		{"\x00\x00\x00\x18ftypavif", ".avif"},
		{"\x00\x00\x00\x18ftypheic", ".heic"},
		{"\x00\x00\x00\x18ftyp", ".bin"},
	}
	for _, row := range table {
		got := Sniff([]byte(row.head))
		if got.Ext != row.ext {
			t.Errorf("Sniff(%q) = %+v, want %s", row.head, got, row.ext)
		}
		if again, ok := formatByExt(got.Ext); !ok || again != got {
			t.Errorf("%s does not lead back to %+v", got.Ext, got)
		}
	}
	if got := Sniff(append(bytes.Repeat([]byte("a"), sniffLen), 0)); got.Kind != Text {
		t.Errorf("Sniff looked beyond its limit: %+v", got)
	}
}

func probeBytes(data []byte) File {
	return probe(bytes.NewReader(data), int64(len(data)), data[:min(len(data), sniffLen)])
}

// Headers that claim the impossible: the type stays, the claims are dropped,
// and no claim is believed enough to allocate for it.
func TestProbeMalformed(t *testing.T) {
	png := fixture(t, "still.png")
	jpeg := fixture(t, "still.jpg")
	mp4 := fixture(t, "tail.mp4")
	mp3 := fixture(t, "xing.mp3")
	wav := fixture(t, "tone.wav")
	patched := func(data []byte, after string, offset int, patch ...byte) []byte {
		at := bytes.Index(data, []byte(after))
		if at < 0 {
			t.Fatalf("no %q in the fixture", after)
		}
		data = bytes.Clone(data)
		copy(data[at+offset:], patch)
		return data
	}
	sized := func(width ...byte) []byte { // with the checksum the decoder asks for
		data := patched(png, "IHDR", 4, width...)
		binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
		return data
	}
	ff := bytes.Repeat([]byte{0xff}, 64)
	table := []struct {
		name string
		data []byte
		kind Kind
	}{
		{"PNG as wide as can be", sized(0x7f, 0xff, 0xff, 0xff), Image},
		{"PNG wider than any", sized(0, 1, 0, 1), Image},
		{"PNG with negative width", sized(0xff, 0xff, 0xff, 0xff), Image},
		{"PNG without width", sized(0, 0, 0, 0), Image},
		{"PNG with a wrong checksum", patched(png, "IHDR", 4, 0, 0, 0, 99), Image},
		{"PNG with huge chunk", patched(png, "IHDR", -4, 0x7f, 0xff, 0xff, 0xff), Image},
		{"PNG cut", png[:20], Image},
		{"JPEG with endless segments", append(jpeg[:2:2], bytes.Repeat([]byte("\xff\xe1\x00\x02"), 9999)...), Image},
		{"JPEG cut", jpeg[:30], Image},
		{"GIF without size", []byte("GIF89a\x00\x00\x00\x00\xff"), Image},
		{"WebP of nothing", []byte("RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\xff"), Image},
		{"MP4 cut before moov", mp4[:64], Video},
		{"MP4 whose moov exceeds the file", patched(mp4, "moov", -4, 0x7f, 0xff, 0xff, 0xff), Video},
		{"MP4 with boxes of size 1", append(mp4[:32:32], bytes.Repeat([]byte("\x00\x00\x00\x01free"), 99)...), Video},
		{"MP4 with box of negative size", append(mp4[:32:32], []byte("\x00\x00\x00\x01moov\xff\xff\xff\xff\xff\xff\xff\xff")...), Video},
		{"MP4 with tiny boxes", append(mp4[:32:32], bytes.Repeat([]byte("\x00\x00\x00\x08moov"), 9999)...), Video},
		{"MP4 with box of size 7", append(mp4[:32:32], []byte("\x00\x00\x00\x07moov")...), Video},
		{"WAV without fmt", []byte("RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00"), Audio},
		{"WAV without data", wav[:40], Audio},
		{"WAV with half a fmt", wav[:24], Audio},
		{"WAV without byte rate", patched(wav, "fmt ", 16, 0, 0, 0, 0), Audio},
		{"MP3 tag longer than the file", append([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), ff...), Audio},
		{"MP3 tag only", []byte("ID3\x04\x00\x10\x00\x00\x00\x00"), Audio},
		{"MP3 of years", patched(patched(mp3, "Info", 8, ff[:4]...), "Info", 4, 0, 0, 0, 1), Audio},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := probeBytes(row.data)
			runtime.ReadMemStats(&after)
			if got.Kind != row.kind {
				t.Errorf("kind is %q, want %q", got.Kind, row.kind)
			}
			if got.Width != 0 || got.Height != 0 || got.Duration != 0 {
				t.Errorf("got %dx%d, %v", got.Width, got.Height, got.Duration)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
				t.Errorf("allocated %d bytes", used)
			}
		})
	}
}

// One bad box must not hide what the others say.
func TestProbePartlyMalformedMP4(t *testing.T) {
	data := fixture(t, "tail.mp4")
	at := bytes.Index(data, []byte("mvhd"))
	forever := bytes.Clone(data)
	binary.BigEndian.PutUint32(forever[at+20:], 1<<32-1) // duration unknown, 14496-12 section 8.2.2
	if got := probeBytes(forever); got.Width != 64 || got.Height != 36 || got.Duration != 0 {
		t.Errorf("unknown duration: %+v", got)
	}
	noPicture := bytes.Clone(data)
	at = bytes.Index(data, []byte("tkhd"))
	binary.BigEndian.PutUint32(noPicture[at-4:], 12)
	if got := probeBytes(noPicture); got.Width != 0 || got.Kind != Video || got.Duration == 0 {
		t.Errorf("unreadable track: %+v", got)
	}
}

// Version 1 boxes hold 64-bit times; encoders write them for long files only.
func TestProbeMP4Version1(t *testing.T) {
	box := func(kind string, content ...[]byte) []byte {
		body := bytes.Join(content, nil)
		head := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		return append(append(head, kind...), body...)
	}
	be := binary.BigEndian
	mvhd := be.AppendUint64(be.AppendUint32(append([]byte{1}, make([]byte, 19)...), 1000), 7_200_500)
	tkhd := append([]byte{1}, make([]byte, 95)...)
	be.PutUint32(tkhd[52:], 1<<16)
	be.PutUint32(tkhd[88:], 1920<<16)
	be.PutUint32(tkhd[92:], 1080<<16)
	movie := box("moov", box("mvhd", mvhd), box("trak", box("edts"), box("tkhd", tkhd)))
	large := be.AppendUint64([]byte("\x00\x00\x00\x01mdat"), 16+5) // a 64-bit box size
	data := bytes.Join([][]byte{box("ftyp", []byte("isom0000")), large, []byte("media"), movie}, nil)
	got := probeBytes(data)
	if got.Width != 1920 || got.Height != 1080 || got.Duration != 2*time.Hour+500*time.Millisecond {
		t.Errorf("got %dx%d, %v", got.Width, got.Height, got.Duration)
	}
	be.PutUint32(data[bytes.Index(data, []byte("moov"))-4:], 0) // to the end of the file
	if again := probeBytes(data); again != got {
		t.Errorf("last box without a size: %+v", again)
	}
}

// A streamed WAV file claims the largest length there is.
func TestProbeStreamedWAV(t *testing.T) {
	data := bytes.Clone(fixture(t, "tone.wav"))
	binary.LittleEndian.PutUint32(data[bytes.Index(data, []byte("data"))+4:], 1<<32-1)
	if got := probeBytes(data); got.Duration != 1500*time.Millisecond {
		t.Errorf("duration is %v", got.Duration)
	}
}

// Tags around the audio are not audio: without a Xing header, its length is all
// there is to go by.
func TestProbeTaggedMP3(t *testing.T) {
	audio := fixture(t, "plain.mp3")
	want := probeBytes(audio).Duration
	head := append([]byte("ID3\x04\x00\x00\x00\x00\x08\x00"), make([]byte, 1024)...)
	footed := append([]byte("ID3\x04\x00\x10\x00\x00\x08\x00"), make([]byte, 1034)...)
	padding := make([]byte, 2048) // zeros that the tag does not count
	tail := append([]byte("TAG"), make([]byte, 125)...)
	for name, data := range map[string][]byte{
		"ID3v1":       bytes.Join([][]byte{audio, tail}, nil),
		"ID3v2":       bytes.Join([][]byte{head, audio}, nil),
		"with footer": bytes.Join([][]byte{footed, audio}, nil),
		"padded":      bytes.Join([][]byte{head, padding, audio, tail}, nil),
	} {
		if got := probeBytes(data); got.Duration != want || got.Kind != Audio {
			t.Errorf("%s: %v, want %v", name, got.Duration, want)
		}
	}
}

// countingReader is a file of 2 GiB that repeats a pattern.
type countingReader struct {
	pattern string
	reads   int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	for i := range p {
		p[i] = c.pattern[(off+int64(i))%int64(len(c.pattern))]
	}
	return len(p), nil
}

// A file made of tiny parts must not be read to its end.
func TestProbeBoundedWork(t *testing.T) {
	table := []struct{ name, head, pattern string }{
		{"MP4", "\x00\x00\x00\x08ftypisom", "\x00\x00\x00\x08free"},
		{"WAV", "RIFF\x00\x00\x00\x00WAVE", "\x00\x00\x00\x00free"},
		{"MP3", "ID3\x04\x00", "ID3\x04\x00\x00\x00\x00\x00\x10"},
	}
	for _, row := range table {
		r := &countingReader{pattern: row.pattern}
		got := probe(r, 2<<30, []byte(row.head))
		if r.reads > maxBoxes+10 {
			t.Errorf("%s: %d reads", row.name, r.reads)
		}
		if got.Kind == Other || got.Duration != 0 {
			t.Errorf("%s: got %+v", row.name, got)
		}
	}
}

func FuzzProbe(f *testing.F) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			f.Add(fixture(f, entry.Name()))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := probeBytes(data)
		if format := formatOf(got.Type); format.Type != got.Type || format.Kind != got.Kind {
			t.Errorf("type %q and kind %q are no known format", got.Type, got.Kind)
		}
		if strings.Contains(got.Type, "html") || strings.Contains(got.Type, "xml") {
			t.Errorf("type %q can run scripts", got.Type)
		}
		if min(got.Width, got.Height) < 0 || max(got.Width, got.Height) > maxSide || (got.Width == 0) != (got.Height == 0) {
			t.Errorf("dimensions %dx%d", got.Width, got.Height)
		}
		if got.Duration < 0 || got.Duration > maxDuration+time.Second {
			t.Errorf("duration %v", got.Duration)
		}
		if got.Size != int64(len(data)) {
			t.Errorf("size %d of %d bytes", got.Size, len(data))
		}
	})
}

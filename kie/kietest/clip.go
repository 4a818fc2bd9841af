package kietest

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strconv"
)

// clips are made once by media/clips.sh.
//
//go:embed media
var clips embed.FS

// audioSeconds is how long the music clips are.
const audioSeconds = 8

// choose picks a variant that depends on the prompt and the seed.
func choose(a artwork, variants ...string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", a.prompt, a.seed)
	return variants[h.Sum64()%uint64(len(variants))]
}

// remark is what a file's comment says.
func (a artwork) remark() string {
	return "model " + a.model + ", seed " + strconv.FormatUint(a.seed, 10)
}

// renderVideo returns a clip of the right shape with the prompt as its title
// and model and seed as its comment.
func renderVideo(a artwork) ([]byte, error) {
	shape := "square"
	switch {
	case a.width*10 > a.height*11:
		shape = "landscape"
	case a.height*10 > a.width*11:
		shape = "portrait"
	}
	clip, err := clips.ReadFile("media/" + shape + "-" + choose(a, "dawn", "day") + ".mp4")
	if err != nil {
		return nil, fmt.Errorf("reading the clip: %w", err)
	}
	return describe(clip, a)
}

// describe adds the tags that players show (moov/udta/meta/ilst, as iTunes and
// ffmpeg write them). The samples stand behind the header, the box moov, and
// move with its end.
func describe(clip []byte, a artwork) ([]byte, error) {
	extra := box("udta", tags(a))
	var out []byte
	found := false
	for name, whole := range boxes(clip) {
		if name == "moov" {
			header := box("moov", whole[boxHead:], extra)
			moveChunks(header[boxHead:], uint32(len(extra)))
			whole, found = header, true
		}
		out = append(out, whole...)
	}
	if !found {
		return nil, errors.New("describing the clip: it has no header")
	}
	return out, nil
}

// moveChunks adds to where the samples of every track are, in the boxes that
// lead to the tables of 32-bit offsets (ISO/IEC 14496-12, "Chunk Offset Box").
func moveChunks(inside []byte, by uint32) {
	const version, count = 4, 4
	for name, whole := range boxes(inside) {
		switch name {
		case "trak", "mdia", "minf", "stbl":
			moveChunks(whole[boxHead:], by)
		case "stco":
			for table := whole[boxHead+version+count:]; len(table) >= 4; table = table[4:] {
				binary.BigEndian.PutUint32(table, binary.BigEndian.Uint32(table)+by)
			}
		}
	}
}

// boxHead is the size of a box and its name.
const boxHead = 8

// boxes goes through the boxes that stand side by side.
func boxes(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(data) >= boxHead {
			size := int(binary.BigEndian.Uint32(data))
			if size < boxHead || size > len(data) || !yield(string(data[4:boxHead]), data[:size]) {
				return
			}
			data = data[size:]
		}
	}
}

// tags is the title and the comment (ISO/IEC 14496-12, "The Meta box"; the
// list's format is QuickTime's "Metadata").
func tags(a artwork) []byte {
	text := func(name, text string) []byte {
		const utf8, anywhere = "\x00\x00\x00\x01", "\x00\x00\x00\x00"
		return box(name, box("data", []byte(utf8+anywhere+text)))
	}
	const version = "\x00\x00\x00\x00"
	handler := box("hdlr", []byte(version+"\x00\x00\x00\x00mdirappl\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	return box("meta", []byte(version), handler, box("ilst", text("\xa9nam", a.prompt), text("\xa9cmt", a.remark())))
}

// box is one box of a file: its size, its name, and what is in it.
func box(name string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	out := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(out, name...), body...)
}

// renderAudio returns a clip with the prompt as its title and model and seed
// as its comment.
func renderAudio(a artwork) ([]byte, error) {
	name := choose(a, "music-bright", "music-calm")
	if a.speech {
		name = choose(a, "speech-high", "speech-low")
	}
	clip, err := clips.ReadFile("media/" + name + ".mp3")
	if err != nil {
		return nil, fmt.Errorf("reading the clip: %w", err)
	}
	const utf8, english, undescribed = "\x03", "eng", "\x00"
	title, remark := tagFrame("TIT2", utf8+a.prompt), tagFrame("COMM", utf8+english+undescribed+a.remark())
	const version, flags = "\x04\x00", "\x00"
	return slices.Concat([]byte("ID3"+version+flags), synchsafe(len(title)+len(remark)), title, remark, clip), nil
}

// tagFrame is one field of a tag (ID3 tag version 2.4.0, Main Structure, 4).
func tagFrame(name, text string) []byte {
	const flags = "\x00\x00"
	return slices.Concat([]byte(name), synchsafe(len(text)), []byte(flags), []byte(text))
}

// synchsafe is a size in four bytes of seven bits (the same, 6.2).
func synchsafe(n int) []byte {
	return []byte{byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}
}

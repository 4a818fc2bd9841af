package kietest

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/bogem/id3v2/v2"
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
	clip, err := clips.ReadFile("media/" + shape + "-" + choose(a, "dawn", "day", "night") + ".mp4")
	if err != nil {
		return nil, fmt.Errorf("reading the clip: %w", err)
	}
	file, err := mp4.DecodeFile(bytes.NewReader(clip))
	if err != nil {
		return nil, fmt.Errorf("decoding the clip: %w", err)
	}
	before := file.Moov.Size()
	if err := describe(file.Moov, a); err != nil {
		return nil, err
	}
	// The samples stand behind the header that just grew.
	if err := moveChunks(file.Moov, file.Moov.Size()-before); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := file.Encode(&out); err != nil {
		return nil, fmt.Errorf("encoding the clip: %w", err)
	}
	return out.Bytes(), nil
}

// describe adds the tags that players show (moov/udta/meta/ilst, as iTunes and
// ffmpeg write them).
func describe(moov *mp4.MoovBox, a artwork) error {
	handler, err := mp4.CreateHdlr("mdir")
	if err != nil {
		return fmt.Errorf("describing the clip: %w", err)
	}
	handler.Name = ""
	list := &mp4.IlstBox{}
	for _, tag := range []struct{ name, text string }{
		{"\xa9nam", a.prompt}, {"\xa9cmt", a.remark()},
	} {
		box := mp4.NewGenericContainerBox(tag.name)
		box.AddChild(&mp4.DataBox{Data: []byte(tag.text)})
		list.AddChild(box)
	}
	meta := mp4.CreateMetaBox(0, handler)
	meta.AddChild(list)
	data := &mp4.UdtaBox{}
	data.AddChild(meta)
	moov.AddChild(data)
	return nil
}

// moveChunks adds to where the samples of every track are.
func moveChunks(moov *mp4.MoovBox, by uint64) error {
	for _, trak := range moov.Traks {
		table := trak.Mdia.Minf.Stbl
		if table.Stco == nil {
			return fmt.Errorf("moving the samples: track %d has no 32-bit chunk offsets", trak.Tkhd.TrackID)
		}
		for i := range table.Stco.ChunkOffset {
			table.Stco.ChunkOffset[i] += uint32(by)
		}
	}
	return nil
}

// renderAudio returns a clip with the prompt as its title and model and seed
// as its comment.
func renderAudio(a artwork) ([]byte, error) {
	name := choose(a, "music-bright", "music-calm", "music-night")
	if a.speech {
		name = choose(a, "speech-high", "speech-low")
	}
	clip, err := clips.ReadFile("media/" + name + ".mp3")
	if err != nil {
		return nil, fmt.Errorf("reading the clip: %w", err)
	}
	tag := id3v2.NewEmptyTag()
	tag.SetDefaultEncoding(id3v2.EncodingUTF8)
	tag.SetTitle(a.prompt)
	tag.AddCommentFrame(id3v2.CommentFrame{Encoding: id3v2.EncodingUTF8, Language: "eng", Text: a.remark()})
	var out bytes.Buffer
	if _, err := tag.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("describing the clip: %w", err)
	}
	out.Write(clip)
	return out.Bytes(), nil
}

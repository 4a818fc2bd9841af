package kietest

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math"
)

// renderWave returns two seconds of sound in mono as a WAV file, with the
// prompt as its title and model and seed as its comment.
func renderWave(a artwork) []byte {
	const rate, seconds = 16_000, 2
	h := fnv.New64a()
	h.Write([]byte(a.tag()))
	pitch := 220 * math.Pow(2, float64(h.Sum64()%24)/12)
	samples := make([]int16, rate*seconds)
	for i := range samples {
		at := float64(i) / rate
		fade := min(at, seconds-at, 0.1) / 0.1
		samples[i] = int16(12_000 * fade * math.Sin(2*math.Pi*pitch*at))
	}
	var sound bytes.Buffer
	binary.Write(&sound, binary.LittleEndian, samples) // into memory

	format := binary.LittleEndian.AppendUint16(nil, 1) // PCM
	format = binary.LittleEndian.AppendUint16(format, 1)
	format = binary.LittleEndian.AppendUint32(format, rate)
	format = binary.LittleEndian.AppendUint32(format, rate*2)
	format = binary.LittleEndian.AppendUint16(format, 2)
	format = binary.LittleEndian.AppendUint16(format, 16)
	info := append([]byte("INFO"), chunk("INAM", append([]byte(a.prompt), 0))...)
	info = append(info, chunk("ICMT", append([]byte(a.remark()), 0))...)

	whole := append([]byte("WAVE"), chunk("fmt ", format)...)
	whole = append(whole, chunk("LIST", info)...)
	return chunk("RIFF", append(whole, chunk("data", sound.Bytes())...))
}

// chunk is one part of a RIFF file; its length is even.
func chunk(name string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

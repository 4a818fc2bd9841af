package media

import (
	"encoding/binary"
	"io"
	"time"
)

// mp4Facts reads the movie box of an ISO base media file (ISO/IEC 14496-12;
// QuickTime files have the same layout). It walks box headers in place instead
// of building the box tree, so neither the number nor the claimed size of boxes
// costs memory.
func mp4Facts(r *io.SectionReader) (found facts) {
	walk := boxWalk{r: r, left: maxBoxes}
	walk.each(0, r.Size(), func(kind string, start, end int64) bool {
		if kind != "moov" {
			return true
		}
		found = walk.movie(start, end)
		return false
	})
	return found
}

type boxWalk struct {
	r    *io.SectionReader
	left int // boxes that may still be looked at
}

// each calls visit with the content of each box between start and end, until
// visit returns false or the boxes stop making sense.
func (w *boxWalk) each(start, end int64, visit func(kind string, start, end int64) bool) {
	for start < end && w.left > 0 {
		w.left--
		var header [16]byte
		n, _ := w.r.ReadAt(header[:], start)
		if n < 8 {
			return
		}
		content, size := int64(8), int64(binary.BigEndian.Uint32(header[:]))
		switch {
		case size == 0: // to the end of what contains it
			size = end - start
		case size == 1 && n == len(header):
			content, size = 16, int64(binary.BigEndian.Uint64(header[8:]))
		}
		if size < content || size > end-start {
			return
		}
		if !visit(string(header[4:8]), start+content, start+size) {
			return
		}
		start += size
	}
}

// movie reads the moov box: the duration, and the size of the first track that
// has a picture.
func (w *boxWalk) movie(start, end int64) (found facts) {
	tracks, unread := 0, 0
	w.each(start, end, func(kind string, start, end int64) bool {
		switch kind {
		case "mvhd":
			found.duration = w.duration(start, end)
		case "trak":
			tracks++
			width, height, ok := w.track(start, end)
			if !ok {
				unread++
			}
			if found.width == 0 {
				found.width, found.height = width, height
			}
		}
		return true
	})
	found.silentPicture = tracks > 0 && unread == 0 && found.width == 0
	return found
}

// duration reads an mvhd box.
func (w *boxWalk) duration(start, end int64) time.Duration {
	var box [32]byte
	n, _ := w.r.ReadAt(box[:min(int64(len(box)), end-start)], start)
	switch {
	case n == len(box) && box[0] == 1:
		return ticks(binary.BigEndian.Uint64(box[24:]), binary.BigEndian.Uint32(box[20:]))
	case n >= 20 && box[0] == 0:
		return ticks(uint64(binary.BigEndian.Uint32(box[16:])), binary.BigEndian.Uint32(box[12:]))
	}
	return 0
}

// track reads the tkhd box of a trak box. Width and height are as displayed:
// exchanged when the matrix turns the picture by a quarter.
func (w *boxWalk) track(start, end int64) (width, height int, ok bool) {
	w.each(start, end, func(kind string, start, end int64) bool {
		if kind != "tkhd" {
			return true
		}
		var box [96]byte
		n, _ := w.r.ReadAt(box[:min(int64(len(box)), end-start)], start)
		tail := 40 // where the matrix begins
		if box[0] == 1 {
			tail = 52
		}
		if n < tail+44 {
			return false
		}
		be := binary.BigEndian
		matrix := box[tail:]
		width, height = int(be.Uint16(matrix[36:])), int(be.Uint16(matrix[40:]))
		if a, b := be.Uint32(matrix), be.Uint32(matrix[4:]); a == 0 && b != 0 {
			width, height = height, width
		}
		ok = true
		return false
	})
	return width, height, ok
}

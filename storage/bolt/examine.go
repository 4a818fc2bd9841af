package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
)

// ErrDamaged means that the file is not as it was written: cut off, overwritten, or no database at all.
var ErrDamaged = errors.New("the database is damaged or is none")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// What a bbolt file consists of (package comment of go.etcd.io/bbolt and its
// internal/common, version 1.5): pages with a header of 16 bytes (id, flags,
// count, overflow) and elements of 16 bytes each, in the machine's byte order.
const (
	headerBytes  = 16
	elementBytes = 16
	bucketBytes  = 16 // of a bucket in its parent: root page, sequence
	branchPage   = 1
	leafPage     = 2
	bucketFlag   = 1
	metaMagic    = 0xED0CDAED
	metaBytes    = 64 // with the checksum, its last 8
	noFreelist   = ^uint64(0)
)

// examiner walks a bbolt file by reading it. bbolt itself maps the file and
// trusts what is in it: a wrong offset ends the process, with no way to say
// why. So every file is walked before bbolt gets to see its pages.
type examiner struct {
	file     io.ReaderAt
	pageSize int
	pages    uint64 // that the file says to have
	seen     []bool // by page
	buffer   []byte // of the page that was read last
}

// examine answers ErrDamaged, and where, unless every page that can be reached
// is whole, is reached once, and has its keys in order. The caller holds the
// file's lock.
func examine(path string, pageSize int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	x := &examiner{file: f, pageSize: pageSize}
	root, err := x.meta()
	if err != nil {
		return err
	}
	if missing := int64(x.pages)*int64(pageSize) - info.Size(); missing > 0 {
		return damaged("the last %d of its bytes are missing", missing)
	}
	x.seen = make([]bool, x.pages)
	return x.bucket(root)
}

// meta reads the newer of the two pages that say where everything is.
func (x *examiner) meta() (root uint64, err error) {
	var newest uint64
	var freelist uint64
	found := false
	for i := range 2 {
		b := make([]byte, metaBytes)
		if _, err := x.file.ReadAt(b, int64(i*x.pageSize)+headerBytes); err != nil {
			return 0, damaged("its first pages cannot be read: %v", err)
		}
		sum := fnv.New64a()
		sum.Write(b[:metaBytes-8])
		word := func(at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
		txid := word(48)
		if binary.NativeEndian.Uint32(b) != metaMagic || word(56) != sum.Sum64() || found && txid < newest {
			continue
		}
		found, newest = true, txid
		root, freelist, x.pages = word(16), word(32), word(40)
	}
	switch {
	case !found:
		return 0, damaged("neither of its first two pages is whole")
	case freelist != noFreelist:
		return 0, damaged("it has a list of free pages, which kiebot does not write")
	case x.pages > 1<<40:
		return 0, damaged("it says to have %d pages", x.pages)
	}
	return root, nil
}

// bucket walks the pages of a bucket, and then those of the buckets in it.
func (x *examiner) bucket(root uint64) error {
	inner, err := x.tree(root, nil, nil)
	if err != nil {
		return err
	}
	for _, root := range inner {
		if err := x.bucket(root); err != nil {
			return err
		}
	}
	return nil
}

// tree walks the page and those below it, whose keys are at least low and less
// than high, and gives the roots of the buckets that are in it.
func (x *examiner) tree(id uint64, low, high []byte) (inner []uint64, err error) {
	p, err := x.read(id)
	if err != nil {
		return nil, err
	}
	switch p.flags {
	case leafPage:
		return x.leaf(p, low, high)
	case branchPage:
		return x.branch(p, low, high)
	}
	return nil, damaged("page %d is of no kind (%#x) that can be there", id, p.flags)
}

func (x *examiner) branch(p page, low, high []byte) (inner []uint64, err error) {
	p.data = slices.Clone(p.data) // its children are read into the same buffer
	if p.count == 0 {
		return nil, damaged("page %d has nothing in it", p.id)
	}
	keys := make([][]byte, p.count, p.count+1)
	for i := range keys {
		at := headerBytes + i*elementBytes
		pos, size := p.word32(at), p.word32(at+4)
		if keys[i], err = p.slice(at, pos, size); err != nil {
			return nil, err
		}
	}
	if err := inOrder(p.id, keys, low, high); err != nil {
		return nil, err
	}
	for i, key := range keys {
		next := high
		if i+1 < len(keys) {
			next = keys[i+1]
		}
		more, err := x.tree(p.word64(headerBytes+i*elementBytes+8), key, next)
		if err != nil {
			return nil, err
		}
		inner = append(inner, more...)
	}
	return inner, nil
}

func (x *examiner) leaf(p page, low, high []byte) (inner []uint64, err error) {
	keys := make([][]byte, p.count)
	for i := range keys {
		at := headerBytes + i*elementBytes
		flags, pos, keySize, valueSize := p.word32(at), p.word32(at+4), p.word32(at+8), p.word32(at+12)
		if keys[i], err = p.slice(at, pos, keySize); err != nil {
			return nil, err
		}
		value, err := p.slice(at, pos+keySize, valueSize)
		if err != nil {
			return nil, err
		}
		if flags&bucketFlag == 0 {
			continue
		}
		root, err := x.inner(p.id, value)
		if err != nil {
			return nil, err
		}
		if root != 0 {
			inner = append(inner, root)
		}
	}
	return inner, inOrder(p.id, keys, low, high)
}

// inner is the root page of a bucket, 0 when its only page is in the value.
func (x *examiner) inner(in uint64, value []byte) (root uint64, err error) {
	if len(value) < bucketBytes {
		return 0, damaged("page %d has a bucket of %d bytes", in, len(value))
	}
	if root = binary.NativeEndian.Uint64(value); root != 0 {
		return root, nil
	}
	p, err := parse(in, value[bucketBytes:])
	if err != nil {
		return 0, err
	}
	if p.flags != leafPage {
		return 0, damaged("page %d has a bucket of no kind (%#x) that can be there", in, p.flags)
	}
	_, err = x.leaf(p, nil, nil)
	return 0, err
}

func inOrder(id uint64, keys [][]byte, low, high []byte) error {
	for i, key := range keys {
		if bytes.Compare(key, low) < 0 || i > 0 && bytes.Equal(key, low) || high != nil && bytes.Compare(key, high) >= 0 {
			return damaged("page %d has its keys out of order", id)
		}
		low = key
	}
	return nil
}

// page is one page with those that continue it.
type page struct {
	id    uint64 // for messages
	flags uint16
	count int
	data  []byte // with the header
}

func parse(id uint64, data []byte) (page, error) {
	if len(data) < headerBytes {
		return page{}, damaged("page %d is cut off", id)
	}
	p := page{id, binary.NativeEndian.Uint16(data[8:]), int(binary.NativeEndian.Uint16(data[10:])), data}
	if headerBytes+p.count*elementBytes > len(data) {
		return page{}, damaged("page %d says to have %d elements", id, p.count)
	}
	return p, nil
}

func (p page) word32(at int) uint64 { return uint64(binary.NativeEndian.Uint32(p.data[at:])) }
func (p page) word64(at int) uint64 { return binary.NativeEndian.Uint64(p.data[at:]) }

// slice is what begins so far after the element.
func (p page) slice(element int, from, size uint64) ([]byte, error) {
	start := uint64(element) + from
	if from < elementBytes && size > 0 || start+size > uint64(len(p.data)) {
		return nil, damaged("page %d has an element that ends elsewhere", p.id)
	}
	return p.data[start : start+size], nil
}

// read reads a page for the first time. What it gives is good until the next.
func (x *examiner) read(id uint64) (page, error) {
	if id < 2 || id >= x.pages {
		return page{}, damaged("it leads to page %d of %d", id, x.pages)
	}
	data := x.room(x.pageSize)
	if _, err := x.file.ReadAt(data, int64(id)*int64(x.pageSize)); err != nil {
		return page{}, fmt.Errorf("reading page %d: %w", id, err)
	}
	overflow := uint64(binary.NativeEndian.Uint32(data[12:]))
	switch {
	case binary.NativeEndian.Uint64(data) != id:
		return page{}, damaged("page %d does not say that it is that", id)
	case id+overflow >= x.pages:
		return page{}, damaged("page %d goes on for %d pages", id, overflow)
	}
	for i := id; i <= id+overflow; i++ {
		if x.seen[i] {
			return page{}, damaged("page %d is there twice", i)
		}
		x.seen[i] = true
	}
	if overflow > 0 {
		data = x.room(x.pageSize * int(overflow+1))
		if _, err := x.file.ReadAt(data, int64(id)*int64(x.pageSize)); err != nil {
			return page{}, fmt.Errorf("reading page %d: %w", id, err)
		}
	}
	return parse(id, data)
}

// room is the buffer, as long as is asked for.
func (x *examiner) room(n int) []byte {
	if cap(x.buffer) < n {
		x.buffer = make([]byte, n)
	}
	return x.buffer[:n]
}

package telegramtest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// smallBlob is how many bytes a blob may have to stay in memory.
const smallBlob = 256 << 10

// blob is the content of a file, in memory or on the disk.
type blob struct {
	data []byte
	path string // on the disk, when data is nil
	size int64
	sum  [sha256.Size]byte
}

// newBlob stores what r yields. More than limit bytes are an error with code
// 413, after all was read.
func (s *Server) newBlob(r io.Reader, limit int64) (*blob, error) {
	sum := sha256.New()
	r = io.TeeReader(io.LimitReader(r, limit+1), sum)
	head, err := io.ReadAll(io.LimitReader(r, smallBlob+1))
	if err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	b := &blob{data: head, size: int64(len(head))}
	if len(head) > smallBlob || s.cfg.Local {
		if err := s.spool(b, r); err != nil {
			return nil, err
		}
	}
	if b.size > limit {
		b.remove()
		return nil, tooLarge()
	}
	sum.Sum(b.sum[:0])
	return b, nil
}

// spool moves a blob to the disk and appends what rest yields.
func (s *Server) spool(b *blob, rest io.Reader) error {
	dir, err := s.blobDir()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "file-*")
	if err != nil {
		return fmt.Errorf("keeping a file: %w", err)
	}
	n, err := io.Copy(f, io.MultiReader(bytes.NewReader(b.data), rest))
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("keeping a file: %w", err)
	}
	b.data, b.path, b.size = nil, f.Name(), n
	return nil
}

// blobDir is the directory for blobs. It is absolute.
func (s *Server) blobDir() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != "" {
		return s.dir, nil
	}
	if s.cfg.Dir != "" {
		dir, err := filepath.Abs(s.cfg.Dir)
		if err != nil {
			return "", fmt.Errorf("finding the directory of files: %w", err)
		}
		s.dir = dir
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "telegramtest-*")
	if err != nil {
		return "", fmt.Errorf("making the directory of files: %w", err)
	}
	s.dir, s.ownDir = dir, true
	return dir, nil
}

func (b *blob) remove() {
	if b.path != "" {
		os.Remove(b.path)
	}
}

func (b *blob) open() (io.ReadSeekCloser, error) {
	if b.data != nil || b.path == "" {
		return nopCloser{bytes.NewReader(b.data)}, nil
	}
	f, err := os.Open(b.path)
	if err != nil {
		return nil, fmt.Errorf("opening a file: %w", err)
	}
	return f, nil
}

// bytes is the whole content. It panics when the disk fails.
func (b *blob) bytes() []byte {
	r, err := b.open()
	if err != nil {
		panic(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return all
}

// head is the beginning, up to 64 KiB, enough for the header of a picture.
func (b *blob) head() []byte {
	r, err := b.open()
	if err != nil {
		return nil
	}
	defer r.Close()
	start, _ := io.ReadAll(io.LimitReader(r, 64<<10)) // what can be read is sniffed
	return start
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// partPattern names files that are still being downloaded. It cannot collide
// with a key, which has no dot.
const partPattern = ".part-*"

// Spool keeps fetched files in one directory, each under a key of its own. A
// file appears there complete and synced or not at all. One process at a time
// may use a directory; a Spool is safe for concurrent use.
type Spool struct {
	dir     string // absolute
	fetcher *Fetcher

	mu      sync.Mutex
	flights map[string]*flight
	swept   int64 // bytes that the last sweep left, or that were there at first
	added   int64 // bytes that came since
}

// flight is one download that is under way. Its fields are read after done is
// closed.
type flight struct {
	done      chan struct{}
	file      File
	err       error
	abandoned bool // its caller gave up, which says nothing about the file
}

// OpenSpool returns a spool in dir, which is created when missing, and removes
// what downloads that a crash cut off left there.
func OpenSpool(dir string, fetcher *Fetcher) (*Spool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the media folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the media folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the media folder: %w", err)
	}
	for _, entry := range entries {
		if left, _ := filepath.Match(partPattern, entry.Name()); !left {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			return nil, fmt.Errorf("removing an unfinished download: %w", err)
		}
	}
	s := &Spool{dir: dir, fetcher: fetcher, flights: make(map[string]*flight)}
	files, err := s.list()
	s.swept = bytesOf(files)
	return s, err
}

// Fetch returns the file stored under key; when there is none it downloads url
// first, and stores it with the extension that fits its bytes. kind is what was
// promised: a web page or other text where a picture, a video or a sound should
// be is an error. Calls for the same key at the same time share one download
// and its outcome, except that a caller who gives up only gives up for itself.
// A key has 1 to 64 characters of a-z, 0-9 and "-". A failed download leaves
// nothing behind, and its error holds an *Error.
func (s *Spool) Fetch(ctx context.Context, key, url string, kind Kind) (File, error) {
	if !validKey(key) {
		return File{}, fmt.Errorf("media key %q is not 1 to 64 characters of a-z, 0-9 and -", key)
	}
	for {
		current, leader := s.join(key)
		if leader {
			return s.lead(ctx, current, key, url, kind)
		}
		select {
		case <-current.done:
			if !current.abandoned {
				return current.file, current.err
			}
		case <-ctx.Done():
			return File{}, fmt.Errorf("spooling %s: %w", key, networkError("", ctx.Err()))
		}
	}
}

// join returns the download under way for key, or a new one to be led.
func (s *Spool) join(key string) (current *flight, leader bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current, ok := s.flights[key]; ok {
		return current, false
	}
	current = &flight{done: make(chan struct{}), abandoned: true}
	s.flights[key] = current
	return current, true
}

func (s *Spool) lead(ctx context.Context, current *flight, key, url string, kind Kind) (File, error) {
	defer func() {
		s.mu.Lock()
		delete(s.flights, key)
		s.mu.Unlock()
		close(current.done)
	}()
	file, err := s.stored(key)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = s.download(ctx, key, url, kind)
	}
	if err != nil {
		err = fmt.Errorf("spooling %s: %w", key, err)
	}
	current.file, current.err = file, err
	current.abandoned = err != nil && ctx.Err() != nil
	return file, err
}

// stored returns the finished file for key. The directory is the only record of
// what is there, so the file is probed again.
func (s *Spool) stored(key string) (File, error) {
	for _, format := range formats() {
		file, err := Probe(filepath.Join(s.dir, key+format.Ext))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return File{}, diskError(err)
		}
		use(file.Path)
		return file, nil
	}
	return File{}, fs.ErrNotExist
}

func (s *Spool) download(ctx context.Context, key, url string, kind Kind) (File, error) {
	part, err := os.CreateTemp(s.dir, partPattern)
	if err != nil {
		return File{}, diskError(err)
	}
	defer os.Remove(part.Name()) // fails once it has been renamed
	defer part.Close()
	if err := s.fill(ctx, part, url); err != nil {
		return File{}, err
	}
	file, err := probeFile(part, part.Name())
	if err != nil {
		return File{}, diskError(err)
	}
	if file.Kind == Text && (kind == Image || kind == Video || kind == Audio) {
		return File{}, &Error{Kind: NotMedia, Reason: "the host sent text in place of the " + string(kind)}
	}
	file.Name = key + formatOf(file.Type).Ext
	file.Path = filepath.Join(s.dir, file.Name)
	if err := os.Rename(part.Name(), file.Path); err != nil {
		return File{}, diskError(err)
	}
	if err := syncDir(s.dir); err != nil {
		return File{}, diskError(err)
	}
	use(file.Path)
	s.mu.Lock()
	s.added += file.Size
	s.mu.Unlock()
	return file, nil
}

// fill downloads url into part and makes it durable.
func (s *Spool) fill(ctx context.Context, part *os.File, url string) error {
	if _, err := s.fetcher.Fetch(ctx, url, part); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return diskError(err)
	}
	return nil
}

// syncDir makes a rename in dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Resolve returns file with the Path it has in this spool. The error is
// fs.ErrNotExist when the file is no longer there.
func (s *Spool) Resolve(file File) (File, error) {
	if !validName(file.Name) {
		return File{}, fmt.Errorf("media file %q: %w", file.Name, fs.ErrNotExist)
	}
	file.Path = filepath.Join(s.dir, file.Name)
	if _, err := os.Stat(file.Path); err != nil {
		return File{}, fmt.Errorf("finding a media file: %w", err)
	}
	return file, nil
}

// Open opens the spooled file named file.Name for reading; the caller closes it.
// The error is fs.ErrNotExist when the file is no longer there.
func (s *Spool) Open(file File) (*os.File, error) {
	file, err := s.Resolve(file)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file.Path)
	if err != nil {
		return nil, fmt.Errorf("opening a media file: %w", err)
	}
	use(file.Path)
	return f, nil
}

// Remove deletes the file stored under key, if there is one. A download for key
// that is under way goes on.
func (s *Spool) Remove(key string) error {
	if !validKey(key) {
		return fmt.Errorf("media key %q is not 1 to 64 characters of a-z, 0-9 and -", key)
	}
	for _, format := range formats() {
		err := os.Remove(filepath.Join(s.dir, key+format.Ext))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a media file: %w", err)
		}
	}
	return nil
}

func validKey(key string) bool {
	if len(key) == 0 || len(key) > 64 {
		return false
	}
	return strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// validName reports whether name is a key with the extension of a known format.
func validName(name string) bool {
	ext := filepath.Ext(name)
	_, known := formatByExt(ext)
	return known && validKey(strings.TrimSuffix(name, ext))
}

package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits bound what a spool keeps.
type Limits struct {
	Retention time.Duration // how long after its last use a file is kept
	Bytes     int64         // all files together; those used longest ago go first
}

// Swept says what a sweep did.
type Swept struct {
	Files int   // removed
	Freed int64 // bytes of theirs
	Left  int64 // bytes of the files that are still there
}

// spooled is one file as a sweep sees it.
type spooled struct {
	name string
	size int64
	used time.Time
}

// Sweep removes files that were last used longer than limits.Retention before
// now, and then the ones used longest ago until the rest fits into
// limits.Bytes. Files for which keep answers true stay, whatever the limits:
// it is asked by File.Name, once for each file that would go. Downloads under
// way, and files that are not the spool's, are neither removed nor counted.
//
// A file is used when it is fetched and when it is opened by [Spool.Open],
// which is noted to the hour. Sweep may run beside everything else; a reader
// that has a file open keeps it to the end. When ctx ends it stops between two
// files. What was done until an error comes back with it.
func (s *Spool) Sweep(ctx context.Context, now time.Time, limits Limits, keep func(name string) bool) (done Swept, err error) {
	s.mu.Lock()
	listed := s.added // at least: what comes just now may be in the list already
	s.mu.Unlock()
	files, err := s.list()
	if err != nil {
		return done, err
	}
	done.Left = bytesOf(files)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.swept, s.added = done.Left, s.added-listed
	}()
	for _, f := range files {
		if now.Sub(f.used) <= limits.Retention && done.Left <= limits.Bytes {
			return done, nil // all that follow were used later
		}
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
		if s.underWay(f.name) || keep(f.name) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return done, fmt.Errorf("removing a media file: %w", err)
		}
		done.Files++
		done.Freed += f.size
		done.Left -= f.size
	}
	return done, nil
}

// Keys lists under what the files are stored that were last used before the time.
func (s *Spool) Keys(before time.Time) ([]string, error) {
	files, err := s.list()
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, f := range files {
		if !f.used.Before(before) {
			break
		}
		keys = append(keys, strings.TrimSuffix(f.name, filepath.Ext(f.name)))
	}
	return keys, nil
}

// Exceeds reports whether files that were fetched since the last Sweep bring
// all of them above so many bytes: then there is something to sweep for.
func (s *Spool) Exceeds(bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.added > 0 && s.swept+s.added > bytes
}

func bytesOf(files []spooled) (sum int64) {
	for _, f := range files {
		sum += f.size
	}
	return sum
}

// list gives the finished files, the one used longest ago first.
func (s *Spool) list() ([]spooled, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the media folder: %w", err)
	}
	var files []spooled
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !validName(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the media folder: %w", err)
		}
		files = append(files, spooled{entry.Name(), info.Size(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b spooled) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.name, b.name))
	})
	return files, nil
}

// underWay reports whether somebody is fetching the file just now.
func (s *Spool) underWay(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, flying := s.flights[strings.TrimSuffix(name, filepath.Ext(name))]
	return flying
}

// usedGrain is how exactly the last use is noted.
const usedGrain = time.Hour

// use notes that the file was used. A failure is not worth an error: the file
// is then swept as if it had not been used.
func use(path string) {
	now := time.Now()
	if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()).Abs() >= usedGrain {
		_ = os.Chtimes(path, time.Time{}, now)
	}
}

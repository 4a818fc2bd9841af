package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kiebot/core/media"
)

const (
	// kieKeeps is for how long Kie has result files ("File Storage" on docs.kie.ai).
	kieKeeps = 14 * 24 * time.Hour
	// bringMax bounds the files that are fetched once more at the same time,
	// beside those of deliveries.
	bringMax = 8
)

// Bring finds the file of a result, or its cover, by the Name it has in the
// task's outputs. One that this spool does not have, because another replica
// has shown it or because it was swept, is fetched from Kie once more, with
// others who ask for it at the same time. That takes 15 minutes at most; it
// waits while eight others are fetched. The error is fs.ErrNotExist when the
// file is gone for good; any other may pass.
func (e *Engine) Bring(ctx context.Context, name string) (media.File, error) {
	if kept := e.resolved(&media.File{Name: name}); kept != nil {
		return *kept, nil
	}
	from, err := e.sourceOfName(ctx, name)
	if err != nil {
		return media.File{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	select {
	case e.bringing <- struct{}{}:
		defer func() { <-e.bringing }()
	case <-ctx.Done():
		return media.File{}, fmt.Errorf("waiting for other files to be fetched: %w", ctx.Err())
	}
	file, err := e.spool(ctx, from.key, from.url, from.kind)
	switch {
	case servesNoMore(err):
		return media.File{}, errors.Join(fs.ErrNotExist, err)
	case err != nil:
		e.log.Info("a result file could not be fetched once more", "file", name, "error", err)
		return media.File{}, err
	case file.Name != name: // the link serves something else by now
		return media.File{}, goneFile(name)
	}
	return file, nil
}

// fileOrigin is where a file of a result comes from.
type fileOrigin struct {
	key, url string
	kind     media.Kind
}

// sourceOfName finds from where the file of that name was fetched; fs.ErrNotExist
// when nothing of the kind is known, or Kie does not have it any more.
func (e *Engine) sourceOfName(ctx context.Context, name string) (fileOrigin, error) {
	key := strings.TrimSuffix(name, filepath.Ext(name))
	rest, cover := strings.CutSuffix(key, mediaCover)
	id, index, _ := strings.Cut(rest, mediaKeySep)
	n, err := strconv.Atoi(index)
	if err != nil || mediaKey(TaskID(id), n) != rest {
		return fileOrigin{}, goneFile(name)
	}
	t, err := e.load(ctx, TaskID(id))
	if errors.Is(err, ErrNotFound) || err == nil && (n < 0 || n >= len(t.Outputs)) {
		return fileOrigin{}, goneFile(name)
	}
	if err != nil {
		return fileOrigin{}, err
	}
	from := fileOrigin{key, t.Outputs[n].URL, media.Kind(t.Outputs[n].Kind)}
	if cover {
		from.url, from.kind = t.Outputs[n].CoverURL, media.Image
	}
	if !e.serves(t, from.url) {
		return fileOrigin{}, goneFile(name)
	}
	return from, nil
}

func goneFile(name string) error { return fmt.Errorf("media file %q: %w", name, fs.ErrNotExist) }

// serves reports whether Kie still has what it made for the task at that address.
func (e *Engine) serves(t Task, url string) bool {
	return url != "" && e.cfg.Now().Sub(t.Finished) < kieKeeps
}

// reach is resolve for who only names the files: those that Bring can fetch stay,
// without a Path.
func (e *Engine) reach(tasks []Task) {
	for _, t := range tasks {
		for i := range t.Outputs {
			out := &t.Outputs[i]
			out.File = e.reached(t, out.File, out.URL)
			out.Cover = e.reached(t, out.Cover, out.CoverURL)
		}
	}
}

// reached is resolved, and for a file that can be fetched once more the file
// without its path.
func (e *Engine) reached(t Task, file *media.File, url string) *media.File {
	found := e.resolved(file)
	if found != nil || file == nil || !e.serves(t, url) {
		return found
	}
	missing := *file
	missing.Path = ""
	return &missing
}

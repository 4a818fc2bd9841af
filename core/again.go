package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"

	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Again submits what an earlier task of the person asked for once more, as a
// new request with its own key and origin. A seed is left out, so that the
// result differs.
func (e *Engine) Again(ctx context.Context, id, key string, origin Origin) (Receipt, error) {
	return e.AgainWith(ctx, id, key, origin, func(*Request) {})
}

// AgainWith is Again for a request that edit changes first. What the request
// holds by reference is the earlier task's and must be replaced, not changed.
func (e *Engine) AgainWith(ctx context.Context, id, key string, origin Origin, edit func(*Request)) (Receipt, error) {
	task, err := e.Task(ctx, origin.Identity, id)
	if err != nil {
		return Receipt{}, err
	}
	req := task.Request
	req.Files = slices.Clone(req.Files)
	for i, f := range req.Files {
		if f.Platform == "" { // the button may be pressed on another platform than the files came from
			req.Files[i].Platform = req.Origin.Identity.Platform
		}
	}
	req.Key, req.Origin, req.Parent = key, origin, task.ID
	if model, err := e.cfg.Catalog.Lookup(req.Model); err == nil {
		if seed, ok := model.ByOption(catalog.Seed); ok && !seed.Required {
			req.Input = maps.Clone(req.Input)
			delete(req.Input, seed.Name)
		}
	}
	edit(&req)
	return e.Submit(ctx, req)
}

// outputPlatform is the InputFile.Platform of files that an earlier task made.
const outputPlatform = "kiebot:output"

// outputRef is the InputFile.Ref of such a file.
type outputRef struct {
	Task  TaskID `json:"task"`
	Index int    `json:"index"`
}

// OutputFile is what the task produced, by its index, as a file for a new
// request. It answers false when there is no such file. Kie still has it for a
// while, as it has what was uploaded at that time; after that our copy is
// given to Kie anew.
func OutputFile(t Task, index int) (InputFile, bool) {
	if index < 0 || index >= len(t.Outputs) || t.Outputs[index].URL == "" {
		return InputFile{}, false
	}
	out := t.Outputs[index]
	ref, err := json.Marshal(outputRef{Task: t.ID, Index: index})
	if err != nil {
		return InputFile{}, false // cannot happen with a text and a number
	}
	file := InputFile{
		Name: fmt.Sprintf("%s-%d", t.ID.Short(), index+1), Ref: ref, Platform: outputPlatform,
		URL: out.URL, Uploaded: t.Finished, KieAccount: t.KieAccount,
	}
	if out.File != nil {
		file.Name, file.Type, file.Size, file.Duration = out.File.Name, out.File.Type, out.File.Size, out.File.Duration
	}
	return file, true
}

// outputSource is the Source of files that earlier tasks made.
type outputSource struct{ e *Engine }

// Open opens our copy of the output, or fetches it from Kie once more.
func (s outputSource) Open(ctx context.Context, file InputFile) (io.ReadCloser, error) {
	var ref outputRef
	if err := json.Unmarshal(file.Ref, &ref); err != nil {
		return nil, fmt.Errorf("reading the reference of %q: %w", file.Name, err)
	}
	t, err := s.e.load(ctx, ref.Task)
	if errors.Is(err, ErrNotFound) || err == nil && ref.Index >= len(t.Outputs) {
		return nil, fmt.Errorf("the task that made %q is forgotten: %w", file.Name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	out := t.Outputs[ref.Index]
	kept, err := s.e.spool(ctx, mediaKey(t.ID, ref.Index), out.URL, media.Kind(out.Kind))
	if servesNoMore(err) {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	content, err := os.Open(kept.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("our copy of %q was swept at this moment", file.Name) // not gone for good
	}
	return content, err
}

// servesNoMore reports whether the error says that an old link has lost its file.
func servesNoMore(err error) bool {
	var known *media.Error
	return errors.As(err, &known) && (!known.Temporary() || known.Status == http.StatusNotFound || known.Kind == media.NotMedia)
}

// sourceOf finds the Source that opens a file of the request; nil when its
// platform is not connected.
func (e *Engine) sourceOf(r Request, f InputFile) Source {
	switch f.Platform {
	case outputPlatform:
		return outputSource{e}
	case "":
		return e.cfg.Sources[r.Origin.Identity.Platform]
	default:
		return e.cfg.Sources[f.Platform]
	}
}

package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kiebot/kie/catalog"
)

// Bounds of what is measured before a request is accepted.
const (
	measureBytes = 200e6       // the largest video or sound that any model takes
	measureFor   = time.Minute // for one file
	measuresMax  = 4           // files measured at once
)

// LengthError is the Refusal.Err of ReasonLength and ReasonLink.
type LengthError struct {
	File string // the name of the file, or the link
	Err  error  // why its length is not known; nil for a link
}

// Error is for operators.
func (e *LengthError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the price depends on the length of %q, which is a link", e.File)
	}
	return fmt.Sprintf("the price depends on the length of %q: %v", e.File, e.Err)
}

// Unwrap gives the cause.
func (e *LengthError) Unwrap() error { return e.Err }

var errNoLength = errors.New("its format does not tell how long it is")

// estimate says what one task of the request costs at most. Where that depends
// on how long a file is, the file is opened and measured, and its length noted
// in the request. A link is not measured: what is behind it can be another
// file by the time Kie fetches it.
func (e *Engine) estimate(ctx context.Context, model catalog.Model, req *Request) (Credits, error) {
	for _, value := range model.Unmeasured(req.Input) {
		n, isFile := fileNumber(value)
		if !isFile {
			return 0, &Refusal{Reason: ReasonLink, Err: &LengthError{File: value}}
		}
		if err := e.measureFile(ctx, req, n); err != nil {
			return 0, err
		}
	}
	estimate, err := model.EstimateFor(req.Input, req.lengths())
	if err != nil {
		return 0, &Refusal{Reason: ReasonUnpriced, Err: err}
	}
	return estimate, nil
}

// lengths are those of the request's files that are known.
func (r Request) lengths() catalog.Lengths {
	known := catalog.Lengths{}
	for n, f := range r.Files {
		if f.Duration > 0 {
			known[FileValue(n)] = f.Duration.Seconds()
		}
	}
	return known
}

// measureFile makes sure that the request's n-th file has a Duration. The
// caller's files stay as they are.
func (e *Engine) measureFile(ctx context.Context, req *Request, n int) error {
	if req.Files[n].Duration > 0 {
		return nil
	}
	select {
	case e.probing <- struct{}{}:
		defer func() { <-e.probing }()
	case <-ctx.Done():
		return &Refusal{Reason: ReasonUnavailable, Err: ctx.Err()}
	}
	duration, err := e.lengthOf(ctx, *req, req.Files[n])
	if ctx.Err() != nil {
		return &Refusal{Reason: ReasonUnavailable, Err: ctx.Err()}
	}
	if err != nil {
		return &Refusal{Reason: ReasonLength, Err: &LengthError{File: req.Files[n].Name, Err: err}}
	}
	req.Files = slices.Clone(req.Files)
	req.Files[n].Duration = duration
	return nil
}

// lengthOf reads the whole file: its length can stand at the end.
func (e *Engine) lengthOf(ctx context.Context, r Request, file InputFile) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, measureFor)
	defer cancel()
	content, err := e.open(ctx, r, file)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	measured, err := e.cfg.Spool.Measure(content, measureBytes)
	if err != nil {
		return 0, err
	}
	if measured.Duration <= 0 {
		return 0, errNoLength
	}
	return measured.Duration, nil
}

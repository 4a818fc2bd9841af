package main

import (
	"context"
	"encoding/json"
	"io"

	"kiebot/core"
)

// chat is a platform as the engine knows it.
type chat interface {
	core.Adapter
	core.Source
}

// lateChat lets the engine know a platform that needs the engine, and so is
// made after it: get gives it.
type lateChat struct {
	get  func() chat
	pace func(core.Lane) core.Pace
}

// Deliver implements core.Adapter.
func (c lateChat) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	return c.get().Deliver(ctx, p)
}

// Open implements core.Source.
func (c lateChat) Open(ctx context.Context, file core.InputFile) (io.ReadCloser, error) {
	return c.get().Open(ctx, file)
}

// Pace implements core.Paced.
func (c lateChat) Pace(lane core.Lane) core.Pace { return c.pace(lane) }

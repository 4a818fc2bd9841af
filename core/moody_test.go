package core_test

import (
	"context"
	"sync/atomic"
	"time"

	"kiebot/core"
	"kiebot/kie"
)

// trouble is what is wrong with a Kie account for a while.
type trouble int32

const (
	noTrouble  trouble = iota
	noCredits          // createTask is refused; what is there goes on
	keyRefused         // everything is refused
)

// moody is a Kie account that can be out of credits, or have its key refused.
// Nothing of a refused call reaches Kie.
type moody struct {
	core.Kie
	mood atomic.Int32
}

// be lets the trouble last for a while; the next one takes its place.
func (m *moody) be(what trouble, last time.Duration) {
	m.mood.Store(int32(what))
	time.AfterFunc(last, func() { m.mood.CompareAndSwap(int32(what), int32(noTrouble)) })
}

// refused is the refusal of a call, nil for one that goes through.
func (m *moody) refused(op string, spends bool) error {
	switch is := trouble(m.mood.Load()); {
	case is == keyRefused:
		return &kie.Error{Kind: kie.ErrAuth, Code: 401, Op: op, Message: "the key is refused"}
	case is == noCredits && spends:
		return &kie.Error{Kind: kie.ErrCredits, Code: 402, Op: op, Message: "out of credits"}
	}
	return nil
}

// Create implements core.Kie.
func (m *moody) Create(ctx context.Context, req kie.CreateRequest) (kie.Ref, error) {
	if err := m.refused("create task", true); err != nil {
		return kie.Ref{}, err
	}
	return m.Kie.Create(ctx, req)
}

// Status implements core.Kie.
func (m *moody) Status(ctx context.Context, ref kie.Ref) (kie.Status, error) {
	if err := m.refused("read task", false); err != nil {
		return kie.Status{}, err
	}
	return m.Kie.Status(ctx, ref)
}

// Upload implements core.Kie.
func (m *moody) Upload(ctx context.Context, f kie.File) (kie.UploadedFile, error) {
	if err := m.refused("upload", false); err != nil {
		return kie.UploadedFile{}, err
	}
	return m.Kie.Upload(ctx, f)
}

// Credits implements core.Kie.
func (m *moody) Credits(ctx context.Context) (kie.Credits, error) {
	if err := m.refused("credits", false); err != nil {
		return 0, err
	}
	if trouble(m.mood.Load()) == noCredits {
		return 0, nil
	}
	return m.Kie.Credits(ctx)
}

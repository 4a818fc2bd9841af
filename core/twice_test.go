package core_test

import (
	"context"
	"errors"

	"kiebot/core"
)

// twice is a store that runs every update once for nothing before it counts.
type twice struct{ core.Store }

var errForNothing = errors.New("for nothing")

// Update implements core.Store.
func (s twice) Update(ctx context.Context, fn func(core.Tx) error) error {
	err := s.Store.Update(ctx, func(tx core.Tx) error {
		_ = fn(tx)
		return errForNothing
	})
	if !errors.Is(err, errForNothing) {
		return err
	}
	return s.Store.Update(ctx, fn)
}

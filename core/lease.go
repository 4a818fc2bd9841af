package core

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// leaseFor is Config.Lease where it says nothing.
const leaseFor = 30 * time.Second

// leased runs do with a lease on the work that it claims. Its context ends
// early when the lease is lost, and the answer says so.
func (e *Engine) leased(ctx context.Context, do func(context.Context) error) error {
	lease, err := e.store.Renew(ctx, Lease{Owner: e.name}, e.cfg.Lease)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("getting a lease on the work: %w", err)
	}
	e.lease.Store(&lease)
	run, end := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := e.keepLease(run, lease); err != nil {
			end(err)
		}
	}()
	err = do(run)
	end(nil)
	<-kept
	e.lease.Store(nil)
	if cause := context.Cause(run); errors.Is(cause, ErrLeaseLost) {
		return errors.Join(cause, err)
	}
	if freed := e.store.Release(context.WithoutCancel(ctx), lease); freed != nil && !errors.Is(freed, ErrStoreClosed) {
		e.log.Error("releasing claimed work", "error", freed)
	}
	return err
}

// keepLease renews the lease until ctx ends. It gives up when the lease is
// lost, or has expired before the store could be asked. A closed store needs
// no lease: nobody can do anything with it.
func (e *Engine) keepLease(ctx context.Context, lease Lease) error {
	expires := time.Now().Add(e.cfg.Lease)
	ticker := time.NewTicker(e.cfg.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		asked := time.Now()
		err := e.renew(ctx, lease, expires)
		switch {
		case err == nil:
			expires = asked.Add(e.cfg.Lease)
			ticker.Reset(e.cfg.Lease / 3)
		case ctx.Err() != nil || errors.Is(err, ErrStoreClosed):
			return nil
		case errors.Is(err, ErrLeaseLost):
			return err
		case !time.Now().Before(expires):
			return fmt.Errorf("%w: it could not be renewed: %w", ErrLeaseLost, err)
		default:
			e.log.Warn("the lease on the work was not renewed", "error", err)
			ticker.Reset(e.cfg.Lease / 10)
		}
	}
}

// renew asks for more time, and waits for the answer no longer than there is.
func (e *Engine) renew(ctx context.Context, lease Lease, expires time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, expires)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := e.store.Renew(ctx, lease, e.cfg.Lease)
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

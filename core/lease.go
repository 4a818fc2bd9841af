package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// leaseFor is Config.Lease where it says nothing.
const leaseFor = 30 * time.Second

// leased runs do with a lease. Its context ends early when the lease is lost, and
// the answer says so.
func (e *Engine) leased(ctx context.Context, do func(context.Context) error) error {
	asked := time.Now()
	lease, err := e.store.Renew(ctx, Lease{Owner: e.name}, e.cfg.Lease)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("getting a lease on the work: %w", err)
	}
	e.lastUntil(asked.Add(e.cfg.Lease))
	e.lease.Store(&lease)
	run, end := context.WithCancelCause(ctx)
	var beside sync.WaitGroup
	for _, keep := range []func(context.Context, Lease) error{e.keepLease, e.follow} {
		beside.Go(func() {
			if err := keep(run, lease); err != nil {
				end(err)
			}
		})
	}
	err = do(run)
	end(nil)
	beside.Wait()
	e.posts.under.Wait()
	e.lease.Store(nil)
	if cause := context.Cause(run); errors.Is(cause, ErrLeaseLost) {
		return errors.Join(cause, err)
	}
	if freed := e.store.Release(context.WithoutCancel(ctx), lease); freed != nil && !errors.Is(freed, ErrStoreClosed) {
		e.log.Error("releasing the lease", "error", freed)
	}
	return err
}

// keepLease renews the lease until ctx ends. It gives up when the lease is
// lost, or has expired before the store could be asked. A closed store needs
// no lease: nobody can do anything with it.
func (e *Engine) keepLease(ctx context.Context, lease Lease) error {
	expires := *e.until.Load()
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
			e.lastUntil(expires)
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

func (e *Engine) lastUntil(expires time.Time) { e.until.Store(&expires) }

// lasts reports whether the lease cannot have expired yet. It is asked right
// before something is done that no commit can take back: a process that stood
// still may have to learn that another one does its work.
func (e *Engine) lasts() bool { return time.Now().Before(*e.until.Load()) }

// LeaseLeft is how long the lease of this replica lasts unless it is renewed; 0
// while it has none.
func (e *Engine) LeaseLeft() time.Duration {
	if e.lease.Load() == nil {
		return 0
	}
	return max(time.Until(*e.until.Load()), 0)
}

// follow hears of what other replicas do until ctx ends.
func (e *Engine) follow(ctx context.Context, lease Lease) error {
	return e.store.Follow(ctx, lease, e.hear, e.posts.ring)
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

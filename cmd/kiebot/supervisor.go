package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"kiebot/core"
)

// supervised tells systemd how the process is, until ctx ends: that it serves,
// and, when the unit has a watchdog, that the store still takes work. A store
// that does not any more only helps when it is opened again, so systemd is left
// to start the process anew. Without systemd it does nothing. See sd_notify(3).
func (a *app) supervised(ctx context.Context) {
	a.tell(daemon.SdNotifyReady)
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("WATCHDOG_USEC cannot be read, so systemd is not told that kiebot is alive", slog.Any("error", err))
	}
	var look <-chan time.Time // never, without a watchdog
	if every > 0 {
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		look = tick.C
	}
	defer a.tell(daemon.SdNotifyStopping)
	for {
		select {
		case <-ctx.Done():
			return
		case <-look:
		}
		if err := a.store.Healthy(); errors.Is(err, core.ErrStoreClosed) {
			a.log.Error("the store takes no work, so systemd is left to start kiebot again", slog.Any("error", err))
			continue
		}
		a.tell(daemon.SdNotifyWatchdog)
	}
}

func (a *app) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.log.Warn("systemd could not be told", slog.String("state", state), slog.Any("error", err))
	}
}

package core

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Alert is something that the operator should know about. Which fields are
// set depends on the kind.
type Alert struct {
	ID   uint64    `json:"id"` // ascending; the same when it is handed over again
	Kind AlertKind `json:"kind"`
	At   time.Time `json:"at"`

	KieAccount string `json:"kie_account,omitempty"`
	Task       TaskID `json:"task,omitempty"`
	Lane       Lane   `json:"lane,omitempty"`
	// Who asked for something in Lane, with the Origin's Name; of a stranger also
	// its Roles and Locale.
	Who    Identity `json:"who,omitzero"`
	Name   string   `json:"name,omitempty"`
	Roles  []string `json:"roles,omitempty"`
	Locale string   `json:"locale,omitempty"`
	// Reason is why a Kie account is parked: FailKey or FailNoCredits.
	Reason Reason `json:"reason,omitempty"`
	// Credits is the balance, or what is lost or may be.
	Credits Credits `json:"credits,omitempty"`
	// Count is of tasks, or of attempts to show it.
	Count int `json:"count,omitempty"`
	// More is how many like it were not told since the last that was, of kinds
	// that are told once an hour at most.
	More int `json:"more,omitempty"`
	// Detail is for the operator to read, such as the text of an error.
	Detail string `json:"detail,omitempty"`
}

// AlertKind says what an alert is about. The strings are stored.
type AlertKind string

// What the operator is alerted of.
const (
	AlertLowBalance  AlertKind = "low_balance"   // KieAccount has Credits left
	AlertParked      AlertKind = "parked"        // nothing is created at KieAccount, for Reason
	AlertResumed     AlertKind = "resumed"       // KieAccount can be used again
	AlertRemoved     AlertKind = "removed"       // Count tasks wait for KieAccount, which is not configured any more
	AlertSecondTask  AlertKind = "second_task"   // Kie has two tasks for Task; Credits is an operator loss
	AlertUnresolved  AlertKind = "unresolved"    // Task was refunded; Kie may have charged up to Credits
	AlertPaidBack    AlertKind = "paid_back"     // a platform returned a payment (Detail) by itself; Credits of it were spent and stay owed
	AlertStranger    AlertKind = "stranger"      // Who asked for something and is not let in
	AlertBlocked     AlertKind = "blocked"       // Who said what prompts may not, in Lane, and is blocked after Count warnings
	AlertUndelivered AlertKind = "not_delivered" // what is told of Task could not be shown in Lane, after Count attempts
	AlertBackup      AlertKind = "backup"        // a backup could not be made, for Detail
	AlertRestored    AlertKind = "restored"      // a copy of Detail took the store's place; Count queued tasks were ended
)

// Bounds of the outbox of alerts.
const (
	alertsSetting = "alerts"
	alertsMax     = 100 // that wait; of more the newest
	alertFor      = 30 * time.Second
	alertDetail   = 300 // bytes
)

// outbox is the alerts that Config.Alert has not taken yet, oldest first.
type outbox struct {
	Last   uint64  `json:"last"` // id that was given out last
	Alerts []Alert `json:"alerts"`
}

// alert stores the alert with this change, for whoever takes alerts, and has
// it logged once that is committed.
func (c *change) alert(a Alert) error {
	a.At, a.Detail = c.now, trimTo(a.Detail, alertDetail)
	if c.e.cfg.Alert != nil {
		var box outbox
		if _, err := settingJSON(c.Tx, alertsSetting, &box); err != nil {
			return err
		}
		box.Last++
		a.ID = box.Last
		box.Alerts = append(box.Alerts, a)
		box.Alerts = box.Alerts[max(len(box.Alerts)-alertsMax, 0):]
		if err := c.putJSON(alertsSetting, box); err != nil {
			return err
		}
	}
	c.alerts = append(c.alerts, a)
	return nil
}

// alertEvery is how often what could come all the time is told at most.
const alertEvery = time.Hour

// alertSeldom is alert for a kind that many tasks can cause at once, such as
// those of everybody who has blocked the bot: within the hour it only counts.
func (c *change) alertSeldom(a Alert) error {
	var last struct {
		At   time.Time `json:"at"`
		More int       `json:"more,omitempty"`
	}
	setting := "alerted/" + string(a.Kind)
	if _, err := settingJSON(c.Tx, setting, &last); err != nil {
		return err
	}
	if c.now.Sub(last.At).Abs() < alertEvery {
		last.More++
		return c.putJSON(setting, last)
	}
	a.More = last.More
	last.At, last.More = c.now, 0
	if err := c.putJSON(setting, last); err != nil {
		return err
	}
	return c.alert(a)
}

// LogValue says what is set.
func (a Alert) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(a.Kind))}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("kie_account", a.KieAccount)
	text("task", string(a.Task))
	text("lane", string(a.Lane))
	if a.Who != (Identity{}) {
		text("who", a.Who.String())
	}
	text("reason", string(a.Reason))
	if a.Credits != 0 || a.Kind == AlertLowBalance {
		text("credits", a.Credits.String())
	}
	if a.Count != 0 {
		attrs = append(attrs, slog.Int("count", a.Count))
	}
	text("detail", a.Detail)
	return slog.GroupValue(attrs...)
}

// announceAlert logs the alert, which is committed, and wakes the loop that hands it over.
func (e *Engine) announceAlert(a Alert) {
	e.log.Warn("the operator should know", "alert", a)
	e.wakeAlerts()
}

func (e *Engine) wakeAlerts() { signal(e.alerted) }

// alertLoop hands over what is in the outbox, one alert at a time.
func (e *Engine) alertLoop(ctx context.Context) {
	if e.cfg.Alert == nil {
		return
	}
	for failures := 0; ctx.Err() == nil; {
		wait := longestNap
		switch more, err := e.handAlert(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
			wait = backoff(failures, time.Second, maxBackoff)
			e.log.Warn("an alert could not be handed over; it is tried again", "attempt", failures, "wait", wait, "error", err)
		case more:
			failures, wait = 0, 0
		}
		e.untilAlerted(ctx, wait, failures > 0)
	}
}

// untilAlerted waits for so long, or until there is a new alert. One that
// cannot be handed over holds back those after it: they go the same way.
func (e *Engine) untilAlerted(ctx context.Context, wait time.Duration, failing bool) {
	alerted := e.alerted
	if failing {
		alerted = nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-alerted:
	case <-timer.C:
	}
}

// handAlert hands the oldest alert over and then removes it: should the
// process die in between, it is handed over again. False means that there was none.
func (e *Engine) handAlert(ctx context.Context) (bool, error) {
	var box outbox
	err := e.store.View(ctx, func(tx Tx) error {
		_, err := settingJSON(tx, alertsSetting, &box)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reading the alerts: %w", err)
	}
	if len(box.Alerts) == 0 {
		return false, nil
	}
	alertCtx, cancel := context.WithTimeout(ctx, alertFor)
	err = e.cfg.Alert(alertCtx, box.Alerts[0])
	cancel()
	if err != nil {
		return false, fmt.Errorf("handing over alert %d: %w", box.Alerts[0].ID, err)
	}
	return true, e.dropAlert(ctx, box.Alerts[0].ID)
}

// dropAlert removes an alert that was taken.
func (e *Engine) dropAlert(ctx context.Context, id uint64) error {
	err := e.update(context.WithoutCancel(ctx), func(c *change) error {
		var box outbox
		if _, err := settingJSON(c.Tx, alertsSetting, &box); err != nil {
			return err
		}
		box.Alerts = slices.DeleteFunc(box.Alerts, func(a Alert) bool { return a.ID == id })
		return c.putJSON(alertsSetting, box)
	})
	if err != nil {
		return fmt.Errorf("removing alert %d: %w", id, err)
	}
	return nil
}

package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
)

// wording is the part of bots.Bot that puts deliveries into words.
type wording interface {
	Show(ctx context.Context, p core.Parcel) bots.Message
	TooLarge(p core.Parcel, n int, until time.Time) string
}

// talker shows deliveries. Its fields but the last four are set before the
// first use and not changed.
type talker struct {
	api     *client
	words   wording
	moved   func(ctx context.Context, from, to core.Lane) error // core.Engine.MoveChat
	sharers func() int                                          // core.Engine.Sharers
	links   *media.Links                                        // nil when nothing is reached from outside
	limits  limits
	log     *slog.Logger
	now     func() time.Time

	traffic  traffic
	shrinker *media.Shrinker

	mu    sync.Mutex
	homes map[int64]int64 // the supergroups that groups became, since the start
}

// place is where a delivery is shown.
type place struct {
	lane     core.Lane // as core knows it
	chat     int64     // where that is now
	thread   int       // the topic; zero for none
	reply    int       // the message to answer; zero for none
	fallback core.Lane // where else it can be shown; may be empty
}

// place reads where the parcel's request came from. Of one that is shown
// somewhere else, the command and its topic are not there.
func (t *talker) place(p core.Parcel) (place, error) {
	lane, origin := p.Delivery.Lane, core.Origin{}
	if len(p.Tasks) > 0 { // news has none
		origin = p.Tasks[0].Request.Origin
	}
	chat := chatOf(lane)
	if chat == 0 {
		return place{}, &core.DeliveryError{Permanent: true, Err: fmt.Errorf("telegram: %q is no chat", lane)}
	}
	at := place{lane: lane, chat: chat, fallback: directly(origin, chat)}
	if lane == origin.Lane {
		r := readRef(origin.Ref)
		at.thread, at.reply = r.Thread, r.Message
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if home, ok := t.homes[chat]; ok {
		at.move(home)
	}
	return at, nil
}

// chatOf is the chat of a lane; zero when it is none of ours.
func chatOf(lane core.Lane) int64 {
	chat, err := strconv.ParseInt(strings.TrimPrefix(string(lane), Platform+":"), 10, 64)
	if err != nil {
		return 0
	}
	return chat
}

// move goes to the supergroup that the group became: messages and topics have
// other numbers there.
func (at *place) move(home int64) { at.chat, at.thread, at.reply = home, 0, 0 }

// replyTo is what a message answers. A command that somebody deleted must not
// take the result with it.
func (at place) replyTo() *models.ReplyParameters {
	if at.reply == 0 {
		return nil
	}
	return &models.ReplyParameters{MessageID: at.reply, AllowSendingWithoutReply: true}
}

// placesMax is how often one call looks for its place: a chat that moved, a
// topic that is gone, a message to reply to that is gone.
const placesMax = 4

// try makes a call to the place, of so many messages or edits. When Telegram
// says that the topic, the message to reply to or the whole chat is somewhere
// else or nowhere, it changes the place and calls again.
func (t *talker) try(ctx context.Context, at *place, messages int, call func() error) (err error) {
	for range placesMax {
		now := time.Now()
		if wait := max(t.traffic.wait(at.chat, now), t.traffic.room(at.chat, messages, now)); wait > 0 {
			return &waitError{wait}
		}
		t.traffic.note(at.chat, messages, now)
		err = call()
		switch meaning(err) {
		case failWait:
			t.refused(at.chat, err)
			return err
		case failMoved:
			home := movedTo(err)
			if home == 0 || home == at.chat {
				return err
			}
			t.follow(ctx, at, home)
		case failTopic:
			if at.thread == 0 {
				return err
			}
			at.thread, at.reply = 0, 0
		case failReply:
			if at.reply == 0 {
				return err
			}
			at.reply = 0
		default:
			return err
		}
	}
	return err
}

// follow goes where the chat went, and tells core. Should that fail, it is
// found out again after the next start.
func (t *talker) follow(ctx context.Context, at *place, home int64) {
	from, to := laneOf(at.chat), laneOf(home)
	t.log.Info("a group became a supergroup", "lane", string(from), "to", string(to))
	if t.moved != nil {
		if err := t.moved(ctx, from, to); err != nil {
			t.log.Error("storing where a group went", "lane", string(from), "error", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.homes == nil {
		t.homes = map[int64]int64{}
	}
	t.homes[at.chat] = home
	at.move(home)
}

// Deliver implements core.Adapter.
//
// While a request is under way one message stands for it and is edited in
// place. Its end is a new message that replies to the command, and then the
// old one is deleted: nobody is told of an edit, and people wait for minutes
// for a video without looking. The result comes first, so that nothing is ever
// missing, and the call that deletes is repeated until it is done, so that no
// two stay.
func (t *talker) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	at, err := t.place(p)
	if err != nil {
		return nil, err
	}
	if p.Delivery.Kind == core.DeliverNews {
		return nil, t.news(ctx, at, p.Delivery.Text)
	}
	if p.Tasks[0].Request.Private && p.Delivery.Kind != core.DeliverShow && at.fallback != "" {
		return nil, &core.DeliveryError{Permanent: true, Fallback: at.fallback, Err: errors.New("telegram: it is for one person alone")}
	}
	d := delivery{talker: t, at: at, parcel: p, before: readReceipt(p.Shown), after: readReceipt(p.Delivery.Part)}
	d.kept = len(d.after.Done)
	d.after.Chat = at.chat
	switch p.Delivery.Kind {
	case core.DeliverFinal, core.DeliverLate, core.DeliverShow:
		err = d.showEnd(ctx)
	default:
		err = d.showWay(ctx)
	}
	if err != nil {
		err = t.deliveryError(d.at, err)
		if !d.after.begun() && d.after.Cuts == 0 {
			return nil, err
		}
		part, failed := d.after.encode()
		if failed != nil {
			return nil, err
		}
		return part, err
	}
	d.after.Done, d.after.Cuts, d.after.Chat = nil, 0, d.at.chat
	return d.after.encode()
}

// news shows the operator's words as they are.
func (t *talker) news(ctx context.Context, at place, words string) error {
	says := &text{}
	says.add(words)
	err := t.try(ctx, &at, 1, func() error {
		_, err := t.api.sendText(ctx, at, says, nil, false)
		return err
	})
	if err != nil {
		return t.deliveryError(at, err)
	}
	return nil
}

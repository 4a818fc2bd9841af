package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
)

// wording is the part of bots.Bot that puts deliveries into words.
type wording interface {
	Show(ctx context.Context, p core.Parcel) bots.Message
	TooLarge(p core.Parcel, n int, until time.Time) string
	Labels(locale string) bots.Labels
}

// talker shows deliveries. Its first fields are set before the first use and
// not changed.
type talker struct {
	api      *client
	words    wording
	links    *media.Links // nil when nothing is reached from outside
	log      *slog.Logger
	now      func() time.Time
	shrinker *media.Shrinker
	openings openings

	mu      sync.Mutex
	directs map[string]string // the channels of direct messages, by person
	guilds  map[string]boost
}

// delivery is one call of Deliver.
type delivery struct {
	*talker
	parcel   core.Parcel
	ref      ref       // of the interaction that asked for it; empty in another lane
	channel  string    // empty when only the token leads there
	fallback core.Lane // where else it can be shown; may be empty
	before   receipt
	after    receipt
}

const directPrefix = Platform + ":dm:"

// directly is the lane of the person's direct messages.
func directly(who core.Identity) core.Lane {
	if who.Platform != Platform {
		return ""
	}
	return core.NewLane(Platform, "dm:"+who.User)
}

// Deliver implements core.Adapter.
func (t *talker) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	d, err := t.delivery(ctx, p)
	if err != nil {
		return nil, err
	}
	if p.Delivery.Kind == core.DeliverNews {
		if _, err := d.post(ctx, saying(plainly(p.Delivery.Text), nil), ""); err != nil {
			return nil, deliveryError(err, "")
		}
		return nil, nil
	}
	switch p.Delivery.Kind {
	case core.DeliverFinal, core.DeliverLate, core.DeliverShow:
		err = d.showEnd(ctx)
	default:
		err = d.showWay(ctx)
	}
	if err != nil {
		err = deliveryError(err, d.fallback)
		if !d.after.begun() {
			return nil, err
		}
		part, failed := d.after.encode()
		if failed != nil {
			return nil, err
		}
		return part, err
	}
	d.after.Done, d.after.Down = nil, nil
	return d.after.encode()
}

// delivery finds out where the parcel is shown. Of one that is shown somewhere
// else, the interaction is not there.
func (t *talker) delivery(ctx context.Context, p core.Parcel) (*delivery, error) {
	lane, origin := p.Delivery.Lane, core.Origin{}
	if len(p.Tasks) > 0 { // news has none
		origin = p.Tasks[0].Request.Origin
	}
	d := &delivery{talker: t, parcel: p, before: readReceipt(p.Shown), after: readReceipt(p.Delivery.Part)}
	if to := directly(origin.Identity); to != lane {
		d.fallback = to
	}
	if lane == origin.Lane {
		d.ref = readRef(origin)
	}
	if !d.after.begun() {
		d.after = d.before
	}
	id := strings.TrimPrefix(string(lane), Platform+":")
	if person, ok := strings.CutPrefix(string(lane), directPrefix); ok {
		var err error
		if id, err = t.direct(ctx, person); err != nil {
			return nil, deliveryError(err, "")
		}
	}
	d.channel = id
	return d, nil
}

// direct is the channel of the person's direct messages.
func (t *talker) direct(ctx context.Context, person string) (string, error) {
	t.mu.Lock()
	id := t.directs[person]
	t.mu.Unlock()
	if id != "" {
		return id, nil
	}
	var opened channel
	err := t.api.do(ctx, call{method: http.MethodPost, route: "/users/@me/channels", body: map[string]string{"recipient_id": person}}, &opened)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.directs == nil {
		t.directs = map[string]string{}
	}
	t.directs[person] = opened.ID
	return opened.ID, nil
}

// hooked says whether the interaction's token can be used.
func (d *delivery) hooked() bool {
	return d.ref.fresh(d.now()) && !d.after.Expired && !d.before.Expired
}

// posts says whether the bot may write in the channel by itself.
func (d *delivery) posts() bool { return d.ref.Token == "" || d.ref.Posts }

// showWay shows a batch that is under way.
func (d *delivery) showWay(ctx context.Context) error {
	m := d.words.Show(ctx, d.parcel)
	if m.Private && !d.hooked() && d.parcel.Delivery.Kind == core.DeliverProgress {
		return nil // it cannot be edited any more: the end comes as a direct message
	}
	if d.ref.Token != "" && !d.ref.Posts && !m.Private {
		m.Notes = append(m.Notes, d.words.Labels(d.parcel.Tasks[0].Request.Origin.Locale).Alone)
	}
	return d.put(ctx, saying(wayText(m), m.Buttons))
}

// put shows the draft in the batch's message, or in a new one where there is
// none, or none that can be edited; for progress alone no message is made.
// Nothing is done when it shows that already.
func (d *delivery) put(ctx context.Context, draft draft) error {
	shows := draft.digest()
	if d.after.shown() && d.after.Shows == shows && len(draft.uploads) == 0 {
		return nil
	}
	done, err := d.edit(ctx, draft)
	if err == nil && !done && d.parcel.Delivery.Kind != core.DeliverProgress {
		err = d.create(ctx, draft)
	}
	if err == nil {
		d.after.Shows = shows
	}
	return err
}

// edit puts the draft in place of what the batch's message says; false when
// there is no message that can be edited.
func (d *delivery) edit(ctx context.Context, draft draft) (bool, error) {
	if !d.after.shown() {
		return false, nil
	}
	if d.after.Hooked && d.hooked() {
		err := d.editHooked(ctx, draft)
		switch meaning(err) {
		case failExpired:
			d.after.Expired = true
		case failGone:
			d.after = receipt{Expired: d.after.Expired, Done: d.after.Done, Down: d.after.Down}
			return false, nil
		default:
			return err == nil, err
		}
	}
	if d.after.Message == "" || d.after.Alone || !d.posts() {
		return false, nil
	}
	err := d.api.do(ctx, call{
		method: http.MethodPatch, route: "/channels/{}/messages/{}", args: []string{d.after.Channel, d.after.Message},
		body: draft.editing(), files: draft.uploads,
	}, nil)
	switch meaning(err) {
	case failGone, failChat:
		return false, nil
	}
	return err == nil, err
}

// original names the message that an interaction was answered with.
const original = "@original"

// editHooked edits the answer to the interaction, and learns its id, for when
// the token is over.
func (d *delivery) editHooked(ctx context.Context, draft draft) error {
	id := original
	if d.after.Message != "" {
		id = d.after.Message
	}
	now, err := d.editAnswer(ctx, d.ref, id, draft)
	if err == nil {
		d.hookedTo(now)
	}
	return err
}

// editAnswer edits a message by an interaction's token.
func (t *talker) editAnswer(ctx context.Context, r ref, id string, draft draft) (m message, err error) {
	err = t.api.do(ctx, call{
		method: http.MethodPatch, route: "/webhooks/{}/{}/messages/{}", args: []string{r.Application, r.Token, id},
		body: draft.editing(), files: draft.uploads, open: true,
	}, &m)
	return m, err
}

// hookedTo notes which message the interaction was answered with.
func (d *delivery) hookedTo(m message) {
	d.after.Hooked = true
	if m.ID != "" {
		d.after.Message, d.after.Channel = m.ID, m.ChannelID
	}
	if d.after.Channel == "" {
		d.after.Channel = d.ref.Channel
	}
	d.after.Alone = d.ref.Private || m.Flags&flagEphemeral != 0
}

// create shows the draft as a new message: the answer to the interaction where
// that is still open, else a message of the bot's own.
func (d *delivery) create(ctx context.Context, draft draft) error {
	if d.ref.Private {
		draft = draft.alone()
	}
	if d.hooked() && !d.after.shown() {
		done, err := d.respond(ctx, draft)
		switch meaning(err) {
		case failExpired, failGone: // nothing was answered in time: a process that died, mostly
			d.after.Expired = true
		default:
			if done || err != nil {
				return err
			}
		}
	}
	if d.ref.Private || !d.posts() {
		return errOnlyAlone
	}
	m, err := d.post(ctx, draft, "")
	if err == nil {
		d.after.Message, d.after.Channel, d.after.Hooked, d.after.Alone = m.ID, d.channel, false, false
	}
	return err
}

// errOnlyAlone is a message that cannot be shown where it was asked for any more.
var errOnlyAlone = &callError{Call: "none", Status: http.StatusForbidden, Code: codeNoAccess}

// respond gives the interaction its answer: the first, or in place of "is
// thinking".
func (d *delivery) respond(ctx context.Context, draft draft) (bool, error) {
	o := d.openings.of(d.ref.Token)
	switch {
	case d.ref.Pressed:
		if o != nil {
			_, _, _ = o.answer(ctx, response{Type: respondNothing})
		}
		return true, soon(ctx, func() error { return d.followUp(ctx, draft) })
	case o == nil && d.now().Sub(madeAt(d.ref.ID)) < keepFor: // another replica is about to answer
		return true, soon(ctx, func() error { return d.editHooked(ctx, draft) })
	case o == nil:
		return true, d.editHooked(ctx, draft)
	}
	o.take()
	if o.tells && len(draft.uploads) == 0 {
		first, m, err := o.answer(ctx, response{Type: respondMessage, Data: draft})
		switch {
		case first && err == nil:
			d.hookedTo(m)
			return true, nil
		case first && meaning(err) != failUnknown && meaning(err) != failAnswered:
			return false, err
		}
	}
	// It has to have some answer before that can be edited.
	_, _, _ = o.answer(ctx, o.hold)
	return true, soon(ctx, func() error { return d.editHooked(ctx, draft) })
}

// soon makes a call about the first answer to an interaction, which may be on
// its way to Discord still.
func soon(ctx context.Context, call func() error) error {
	const tries, pause = 8, 150 * time.Millisecond
	for try := 1; ; try++ {
		err := call()
		var failed *callError
		if try == tries || !errors.As(err, &failed) || failed.Status != http.StatusNotFound {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// followUp is a further message by the interaction's token, which becomes the batch's.
func (d *delivery) followUp(ctx context.Context, draft draft) error {
	m, err := d.furtherTo(ctx, d.ref, draft)
	if err == nil {
		d.hookedTo(m)
	}
	return err
}

// furtherTo sends a further message by an interaction's token.
func (t *talker) furtherTo(ctx context.Context, r ref, draft draft) (m message, err error) {
	err = t.api.do(ctx, call{
		method: http.MethodPost, route: "/webhooks/{}/{}", args: []string{r.Application, r.Token}, query: url.Values{"wait": {"true"}},
		body: draft, files: draft.uploads, open: true,
	}, &m)
	return m, err
}

// post sends a message of the bot's own. The nonce, which the delivery's number
// is part of, lets Discord recognise one that is sent again.
func (d *delivery) post(ctx context.Context, draft draft, part string) (m message, err error) {
	if id := d.parcel.Delivery.ID; id != 0 {
		draft.Nonce, draft.Enforce = strconv.FormatUint(uint64(id), 36)+part, true
	}
	err = d.api.do(ctx, call{
		method: http.MethodPost, route: "/channels/{}/messages", args: []string{d.channel}, body: draft, files: draft.uploads,
	}, &m)
	return m, err
}

// Tell sends a person a message of its own, such as an alert to the operator.
func (t *talker) Tell(ctx context.Context, person, words string, buttons []bots.Button) error {
	channel, err := t.direct(ctx, person)
	if err != nil {
		return fmt.Errorf("opening a conversation: %w", err)
	}
	return patiently(ctx, func() error {
		return t.api.do(ctx, call{method: http.MethodPost, route: "/channels/{}/messages", args: []string{channel}, body: saying(plainly(words), buttons)}, nil)
	})
}

// How often a call for an answer is made, and how long it waits for leave.
const (
	answerTries = 4
	answerWait  = 30 * time.Second
	firstWait   = 500 * time.Millisecond
)

// patiently makes a call that may be made again: when Discord asks for a wait,
// and when no connection came about.
func patiently(ctx context.Context, call func() error) error {
	wait := firstWait
	for try := 1; ; try++ {
		err := call()
		pause, again := wait, notSent(err)
		if meaning(err) == failWait {
			asked := waitOf(err)
			pause, again = max(asked.RetryAfter, leastWait), true
		}
		if err == nil || !again || try == answerTries || pause > answerWait {
			return err
		}
		wait *= 2
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"kiebot/bots"
	"kiebot/bots/clip"
)

// atOnce is how many commands are worked on at the same time, and so how many
// can share a commit.
const atOnce = 128

// tooOld is the age from which on an interaction of the gateway is left alone.
// Discord waits for three seconds; the rest is for clocks that differ.
const tooOld = 15 * time.Second

// take begins with an interaction of the gateway.
func (d *Discord) take(raw json.RawMessage) {
	d.mu.Lock()
	ctx := d.working
	d.mu.Unlock()
	i := &interaction{}
	if err := json.Unmarshal(raw, i); err != nil || i.ID == "" || i.Token == "" {
		d.log.Error("an interaction cannot be read")
		return
	}
	if age := d.now().Sub(madeAt(i.ID)); age > tooOld {
		// Repeated after the connection was gone for long: the person was told
		// that there is no answer, and nothing must be made of it.
		d.log.Warn("an interaction is older than Discord waits for an answer, unless the clock is wrong here", "interaction", i.ID, "age", age)
		return
	}
	if !d.seen.add(i.ID) {
		return
	}
	d.work.Go(func() {
		d.handle(ctx, &opening{in: i, tells: true, send: func(ctx context.Context, r response) (message, error) { return d.respondTo(ctx, i, r) }})
	})
}

// respondTo gives the first answer to an interaction by a call of its own.
func (d *Discord) respondTo(ctx context.Context, i *interaction, r response) (message, error) {
	var made struct {
		Resource struct {
			Message message `json:"message"`
		} `json:"resource"`
	}
	err := d.api.do(ctx, call{
		method: http.MethodPost, route: "/interactions/{}/{}/callback", args: []string{i.ID, i.Token},
		query: map[string][]string{"with_response": {"true"}}, body: r, open: true,
	}, &made)
	if err != nil && ctx.Err() == nil {
		d.log.Warn("an interaction was not answered", "interaction", i.ID, "error", err)
	}
	return made.Resource.Message, err
}

// handle answers an interaction. A panic is contained: one interaction must not
// stop the bot.
func (d *Discord) handle(ctx context.Context, o *opening) {
	defer func() {
		if what := recover(); what != nil {
			d.unhandled(o, bots.Panicked(what))
		}
	}()
	switch o.in.Type {
	case typeComplete:
		_, _, _ = o.answer(ctx, response{Type: respondChoices, Data: d.choices(ctx, o.in)})
	case typeCommand:
		d.command(ctx, o)
	case typeComponent:
		d.press(ctx, o)
	case typeModal:
		d.submitted(ctx, o)
	default:
		d.log.Info("an interaction of an unknown type was left alone", "interaction", o.in.ID, "type", o.in.Type)
	}
}

func (d *Discord) unhandled(o *opening, err error) {
	d.log.Error("an interaction could not be handled", "interaction", o.in.ID, "error", err)
}

// command answers a command.
func (d *Discord) command(ctx context.Context, o *opening) {
	asked, ok := d.asked(o.in)
	if !ok {
		asked.says = d.cfg.Bot.Labels(o.in.Locale).Gone
	}
	if asked.says != "" {
		_, _, _ = o.answer(ctx, response{Type: respondMessage, Data: saying(plainly(asked.says), nil).alone()})
		return
	}
	if asked.form != nil && asked.kept != "" {
		if err := d.forms.keep(ctx, asked.kept, asked.in.Files); err != nil {
			d.unhandled(o, err)
			_, _, _ = o.answer(ctx, response{Type: respondMessage, Data: saying(replyText(d.cfg.Bot.Broken(o.in.Locale)), nil).alone()})
			return
		}
	}
	if asked.form != nil {
		_, _, _ = o.answer(ctx, response{Type: respondForm, Data: asked.form})
		return
	}
	o.hold = thinking(asked.alone && !o.in.direct())
	d.answering(ctx, o, func() bots.Reply {
		return d.hear(ctx, o, asked.in, asked.press)
	})
}

// hear lets the bot answer the words, or the press where there is one.
func (d *Discord) hear(ctx context.Context, o *opening, in bots.Incoming, press string) bots.Reply {
	in.Origin.Safe = d.safe(ctx, o.in.Channel)
	if press != "" {
		return d.cfg.Bot.Press(ctx, in, press)
	}
	return d.cfg.Bot.Command(ctx, in)
}

// press answers a press on a button.
func (d *Discord) press(ctx context.Context, o *opening) {
	o.hold = response{Type: respondNothing}
	d.answering(ctx, o, func() bots.Reply {
		return d.hear(ctx, o, d.incoming(o.in, false), o.in.Data.CustomID)
	})
}

// answering works out the reply while the opening sees to it that something is
// answered in time, and shows it.
func (d *Discord) answering(ctx context.Context, o *opening, reply func() bots.Reply) {
	d.openings.add(o)
	o.begin(ctx)
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	r := bots.Contain(func() bots.Reply {
		defer func() { <-d.slots }()
		return reply()
	}, func(err error) bots.Reply {
		d.unhandled(o, err)
		return d.cfg.Bot.Broken(o.in.Locale)
	})
	if ctx.Err() == nil {
		d.show(ctx, o, r)
	}
}

func thinking(alone bool) response {
	r := response{Type: respondThinking}
	if alone {
		r.Data = map[string]int{"flags": flagEphemeral}
	}
	return r
}

// show shows a reply. What was accepted is shown by its delivery.
func (d *Discord) show(ctx context.Context, o *opening, r bots.Reply) {
	var err error
	switch {
	case r.Deletes:
		err = d.remove(ctx, o)
	case len(r.Accepted) > 0:
		if !o.tells || !d.cfg.Engine.Has(o.in.lane().Duty()) { // its delivery could give no better answer
			_, _, err = o.answer(ctx, o.hold)
		}
	case r.Silent:
		err = d.silence(ctx, o)
	case r.Ask != "":
		err = d.ask(ctx, o, r)
	case r.Replaces && o.in.Type == typeComponent:
		err = d.replace(ctx, o, o.in.page(r))
	default:
		if err = d.say(ctx, o, saying(replyText(r), r.Buttons)); err == nil {
			err = errors.Join(d.picture(ctx, o, r.Items), d.document(ctx, o, r.Document))
		}
	}
	if err != nil && ctx.Err() == nil {
		d.log.Warn("an answer was not shown", "interaction", o.in.ID, "error", err)
	}
}

// say shows a message that is the person's alone, but in the bot's own
// conversation with the person, where messages stay.
func (d *Discord) say(ctx context.Context, o *opening, words draft) error {
	if !o.in.direct() {
		words = words.alone()
	}
	if first, _, err := o.answer(ctx, response{Type: respondMessage, Data: words}); first {
		return err
	}
	r := o.in.ref(false)
	switch {
	case !o.thinks():
		_, err := d.furtherTo(ctx, r, words)
		return err
	case o.heldAlone() || o.in.direct():
		return soon(ctx, func() error { return d.editOriginal(ctx, r, words) })
	}
	// The whole channel sees that the bot thinks. A further message before that
	// is resolved would take its place, whatever its flags say.
	if err := soon(ctx, func() error { return d.editOriginal(ctx, r, saying("…", nil)) }); err != nil {
		return err
	}
	if _, err := d.furtherTo(ctx, r, words); err != nil {
		return err
	}
	return d.deleteOriginal(ctx, r)
}

// heldAlone says whether only the person was told to wait.
func (o *opening) heldAlone() bool { return o.hold.Data != nil }

func (d *Discord) editOriginal(ctx context.Context, r ref, words draft) error {
	_, err := d.editAnswer(ctx, r, original, words)
	return err
}

func (d *Discord) deleteOriginal(ctx context.Context, r ref) error {
	return d.api.do(ctx, call{
		method: http.MethodDelete, route: "/webhooks/{}/{}/messages/{}", args: []string{r.Application, r.Token, original}, open: true,
	}, nil)
}

// silence shows nothing at all.
func (d *Discord) silence(ctx context.Context, o *opening) error {
	if o.in.Type == typeComponent {
		_, _, err := o.answer(ctx, o.hold)
		return err
	}
	if first, _, err := o.answer(ctx, thinking(true)); first && err != nil {
		return err
	}
	return soon(ctx, func() error { return d.deleteOriginal(ctx, o.in.ref(false)) })
}

// replace puts the next page in the place of the message whose button was pressed.
func (d *Discord) replace(ctx context.Context, o *opening, words draft) error {
	if first, _, err := o.answer(ctx, response{Type: respondUpdate, Data: words.editing()}); first {
		return err
	}
	return soon(ctx, func() error { return d.editOriginal(ctx, o.in.ref(false), words) })
}

// remove takes the message away whose button was pressed.
func (d *Discord) remove(ctx context.Context, o *opening) error {
	if _, _, err := o.answer(ctx, response{Type: respondNothing}); err != nil {
		return err
	}
	return soon(ctx, func() error { return d.deleteOriginal(ctx, o.in.ref(false)) })
}

// ask opens a form for words, which only a first answer can.
func (d *Discord) ask(ctx context.Context, o *opening, r bots.Reply) error {
	l := d.cfg.Bot.Labels(o.in.Locale)
	if first, _, err := o.answer(ctx, response{Type: respondForm, Data: wordsForm(r.Ask, l, r.Draft)}); first {
		return err
	}
	return d.say(ctx, o, saying(plainly(l.Late), nil))
}

// submitted answers a form that was sent.
func (d *Discord) submitted(ctx context.Context, o *opening) {
	written := o.in.written()
	if asked, ok := d.formed(o.in, written); ok {
		o.hold = thinking(asked.alone && !o.in.direct())
		d.answering(ctx, o, func() bots.Reply { return d.hearForm(ctx, o, asked) })
		return
	}
	o.hold = thinking(false)
	d.answering(ctx, o, func() bots.Reply {
		in := d.incoming(o.in, false)
		in.Text = written[fieldWords].Value
		return d.hear(ctx, o, in, o.in.Data.CustomID)
	})
}

// hearForm lets the bot answer a form that stands for a command.
func (d *Discord) hearForm(ctx context.Context, o *opening, asked asked) bots.Reply {
	if asked.kept != "" {
		files, err := d.forms.take(ctx, asked.kept)
		switch {
		case err != nil:
			d.unhandled(o, err)
			return d.cfg.Bot.Broken(o.in.Locale)
		case len(files) == 0:
			return bots.Reply{Refused: true, Text: d.cfg.Bot.Labels(o.in.Locale).Late}
		}
		asked.in.Files = append(files, asked.in.Files...)
	}
	return d.hear(ctx, o, asked.in, "")
}

// written are the fields of a form, by their names.
func (i *interaction) written() map[string]component {
	fields := map[string]component{}
	each(i.Data.Components, func(c component) {
		if c.CustomID != "" {
			fields[c.CustomID] = c
		}
	})
	return fields
}

// choices are what a field can be completed with.
func (d *Discord) choices(ctx context.Context, i *interaction) any {
	type choice struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	all := []choice{}
	at := slices.IndexFunc(i.Data.Options, func(o option) bool { return o.Focused })
	if at >= 0 {
		focused := i.Data.Options[at]
		for _, s := range d.cfg.Bot.Complete(ctx, d.unprefixed(i.Data.Name), focused.Name, focused.text(), given(i.Data.Options), i.Locale) {
			label := s.Label
			if s.Detail != "" {
				label += " · " + s.Detail
			}
			if clip.Units(s.Insert) <= choiceMax {
				all = append(all, choice{Name: clip.Shorten(label, choiceMax), Value: s.Insert})
			}
		}
	}
	return map[string]any{"choices": all}
}

const choiceMax = 100 // of the name and the value of a choice

package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"kiebot/bots"
	"kiebot/bots/web/site"
	"kiebot/core"
)

const (
	bodyMax    = 64 << 10
	recent     = 50 // batches that a page gets when it connects
	pageOf     = 100
	suggestMax = 4000 // bytes of text to look up; longer ones are prompts
)

// posted is the body of a command or a press.
type posted struct {
	Key  string `json:"key"`  // made by the page; the same key twice is one command
	Text string `json:"text"` // what was typed; for a press, the command it repeats
	Data string `json:"data"` // of the button
}

var keyShape = regexp.MustCompile(`^[0-9A-Za-z-]{8,64}$`)

// command answers with a reply. What is accepted is shown by the event stream.
func (w *Web) command(rw http.ResponseWriter, r *http.Request) {
	body, ok := readPosted(rw, r)
	if !ok {
		return
	}
	in := w.incoming(r, body, ref{Text: body.Text})
	w.answer(rw, w.cfg.Bot.Command(r.Context(), in))
}

func (w *Web) press(rw http.ResponseWriter, r *http.Request) {
	body, ok := readPosted(rw, r)
	if !ok {
		return
	}
	in := w.incoming(r, body, ref{Text: body.Text, Again: true})
	w.answer(rw, w.cfg.Bot.Press(r.Context(), in, body.Data))
}

func (w *Web) incoming(r *http.Request, body posted, what ref) bots.Incoming {
	kept, err := json.Marshal(what)
	if err != nil {
		kept = nil // cannot happen with strings; the command is shown without its flags then
	}
	return bots.Incoming{Key: keyPrefix + body.Key, Text: body.Text, Origin: core.Origin{
		Identity: w.cfg.Identity, Name: w.cfg.Name, Lane: w.lane, Locale: w.locale(r), Ref: kept,
	}}
}

// readPosted reads the body, or answers what is wrong with the request. The
// page words it for the person by the status alone.
func readPosted(rw http.ResponseWriter, r *http.Request) (posted, bool) {
	if !isJSON(r) {
		http.Error(rw, "the body has to be application/json", http.StatusUnsupportedMediaType)
		return posted{}, false
	}
	var body posted
	decoder := json.NewDecoder(http.MaxBytesReader(rw, r.Body, bodyMax))
	err := decoder.Decode(&body)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		http.Error(rw, fmt.Sprintf("the body has more than %d bytes", bodyMax), http.StatusRequestEntityTooLarge)
	case err != nil || decoder.More():
		http.Error(rw, "the body is not one JSON object", http.StatusBadRequest)
	case !keyShape.MatchString(body.Key):
		http.Error(rw, "the key has to be 8 to 64 letters, digits or dashes", http.StatusBadRequest)
	default:
		return body, true
	}
	return posted{}, false
}

func (w *Web) answer(rw http.ResponseWriter, r bots.Reply) {
	w.writeJSON(rw, w.reply(r))
}

func (w *Web) suggest(rw http.ResponseWriter, r *http.Request) {
	out := []suggestion{}
	if text := r.URL.Query().Get("text"); text != "" && len(text) <= suggestMax {
		for _, s := range w.cfg.Bot.Suggest(text, w.locale(r)) {
			out = append(out, suggestion(s))
		}
	}
	w.writeJSON(rw, out)
}

func (w *Web) writeJSON(rw http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.log.Error("encoding an answer", "error", err)
		http.Error(rw, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.Write(body)
}

// snapshot is the first event of every stream: all that is recent, oldest first.
type snapshot struct {
	Now      int64             `json:"now"` // milliseconds since 1970, for the clocks
	Messages []json.RawMessage `json:"messages"`
}

// events streams messages until the page goes, cannot keep up, or Close. What
// happens while the recent ones are read waits in the channel and comes after.
func (w *Web) events(rw http.ResponseWriter, r *http.Request) {
	c, err := w.hub.join()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer w.hub.leave(c)
	first, err := w.snapshot(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			w.log.Error("reading the recent messages", "error", err)
		}
		http.Error(rw, "the chat cannot be read at the moment", http.StatusServiceUnavailable)
		return
	}
	s := site.NewEvents(rw)
	if s.Send("sync", first) != nil {
		return
	}
	follow(r.Context(), s, c)
}

// follow passes messages on until the page or the chat ends it.
func follow(ctx context.Context, s site.Events, c *client) {
	beat := time.NewTicker(site.Heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case data, ok := <-c.messages:
			if !ok {
				return
			}
			err = s.Send("upsert", data)
		case <-beat.C:
			// An event and not a comment: the page can hear it, and so
			// notices a connection that died without a word.
			err = s.Send("beat", []byte("{}"))
		}
		if err != nil {
			return
		}
	}
}

func (w *Web) snapshot(ctx context.Context) ([]byte, error) {
	leads, err := w.leads(ctx)
	if err != nil {
		return nil, err
	}
	out := snapshot{Messages: []json.RawMessage{}}
	for _, lead := range slices.Backward(leads) {
		data, err := w.current(ctx, lead)
		if err != nil {
			return nil, err
		}
		if data != nil {
			out.Messages = append(out.Messages, data)
		}
	}
	out.Now = w.cfg.Now().UnixMilli()
	return json.Marshal(out)
}

// leads lists the recent batches of this chat, newest first.
func (w *Web) leads(ctx context.Context) ([]core.TaskID, error) {
	var leads []core.TaskID
	var before core.TaskID
	for {
		tasks, err := w.cfg.Engine.History(ctx, w.cfg.Identity, before, pageOf)
		if err != nil {
			return nil, fmt.Errorf("listing the person's tasks: %w", err)
		}
		for _, t := range tasks {
			before = t.ID
			if t.Request.Origin.Lane != w.lane || slices.Contains(leads, t.Lead()) {
				continue
			}
			if leads = append(leads, t.Lead()); len(leads) == recent {
				return leads, nil
			}
		}
		if len(tasks) < pageOf {
			return leads, nil
		}
	}
}

// current is the batch's message as it is now, nil when the batch has been pruned.
func (w *Web) current(ctx context.Context, lead core.TaskID) (json.RawMessage, error) {
	p, err := w.cfg.Engine.Snapshot(ctx, lead)
	var refusal *core.Refusal
	if errors.Is(err, core.ErrNotFound) || errors.As(err, &refusal) && refusal.Reason == core.ReasonNoTask {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading task %s: %w", lead, err)
	}
	m := w.message(ctx, p)
	if shown := w.hub.final(string(lead)); shown != nil && !m.Final {
		return shown, nil
	}
	var left receipt
	if m.Final && json.Unmarshal(p.Shown, &left) == nil && left.Details != "" {
		m.Details = left.Details
	}
	return json.Marshal(m)
}

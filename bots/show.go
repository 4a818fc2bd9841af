package bots

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Message is a delivery in words.
type Message struct {
	ID      string            // the lead's task id: what is shown again under the same ID replaces it
	Kind    core.DeliveryKind // as in the parcel
	State   core.State        // of the batch as people see it: not final before the end is shown
	Prompt  string            // what the person asked for
	Name    string            // who asked
	Model   string            // what makes it, by its title
	Status  string            // one line: where it stands, or why it failed and whether anything was charged
	Details string            // one line under an end: model, options, credits, job id
	Started time.Time         // since when it runs, for a live clock; zero when it does not
	Media   []Media           // what was made, in order
	Notes   []string          // further sentences
	// Spoiler says that the media is hidden until somebody looks.
	Spoiler bool
	// Private says that the result is for nobody but who asked: in a chat with
	// others it is shown to this person alone, or in a chat of their own.
	Private bool
	// Original says that the files are wanted as they are: as documents, not as
	// pictures or videos that the platform makes smaller.
	Original bool
	Buttons  []Button
}

// Media is one thing that was made. One of File, URL and Text is set.
type Media struct {
	Task  core.TaskID
	Kind  media.Kind
	File  *media.File // the fetched copy; not to be changed
	URL   string      // Kie's link, only when there is no copy; it expires, a note says when
	Title string      // of a song, may be empty
	Cover *media.File // the picture of a song or a video, may be nil; not to be changed
	Text  string      // the result itself when it is text
}

// What is known about Kie's result links: the files are deleted after 14 days,
// and the page "Get Task Details" of docs.kie.ai warns that a link may live
// only 24 hours.
const (
	linkLives = 24 * time.Hour
	fileLives = 14 * 24 * time.Hour
)

const balanceWait = time.Second // how long Show waits for the balance

// Show puts a delivery into words, in the language of the request. Under a
// result it says what is left of the person's credits, for which it asks the
// engine; when that takes over a second it leaves it out.
func (b *Bot) Show(ctx context.Context, p core.Parcel) Message {
	m := Message{ID: string(p.Delivery.Lead), Kind: p.Delivery.Kind}
	if len(p.Tasks) == 0 {
		return m
	}
	origin := p.Tasks[0].Request.Origin
	v := b.voice(origin.Locale)
	m.Prompt, m.Name, m.Model = p.Tasks[0].Request.Prompt, origin.Name, b.title(p.Tasks[0].Request.Model)
	if isEnd(p) {
		b.showEnd(v, &m, p.Tasks)
		m.Details = dots(b.details(v, p.Tasks), b.left(ctx, v, p.Tasks), v.job(p.Tasks[0].ID))
	} else {
		b.showWay(v, &m, p)
	}
	m.Spoiler, m.Private, m.Original = p.Tasks[0].Request.Spoiler, p.Tasks[0].Request.Private, p.Delivery.Original
	if m.Original { // beside the message that has them
		m.Buttons = nil
	}
	if gone := p.Tasks[0].Request.Instead; gone != "" {
		m.Notes = append(m.Notes, v.say("note.instead", args{"Name": b.title(gone), "Title": b.title(p.Tasks[0].Request.Model)}))
	}
	if p.Tasks[0].MovedTo != "" && !m.Private {
		m.Notes = append(m.Notes, v.say("note.moved", nil))
	}
	return m
}

// isEnd says whether the parcel shows the end: then the files are there, or given up.
func isEnd(p core.Parcel) bool {
	return endKind(p.Delivery.Kind) && count(p.Tasks, final) == len(p.Tasks)
}

func endKind(kind core.DeliveryKind) bool {
	return kind == core.DeliverFinal || kind == core.DeliverLate || kind == core.DeliverShow
}

func count(tasks []core.Task, is func(core.Task) bool) (n int) {
	for _, t := range tasks {
		if is(t) {
			n++
		}
	}
	return n
}

func final(t core.Task) bool { return t.State.Final() }

// arrived says that there is a result, in time or late.
func arrived(t core.Task) bool { return t.State == core.Succeeded || t.Late }

func in(state core.State) func(core.Task) bool {
	return func(t core.Task) bool { return t.State == state }
}

// showWay words a batch that is under way.
func (b *Bot) showWay(v voice, m *Message, p core.Parcel) {
	m.State = wayState(p.Tasks)
	switch m.State {
	case core.Queued:
		m.Status = v.waiting(p.Position)
	case core.Running:
		m.Started = started(p.Tasks)
		m.Status = v.generating(p, m.Started)
	default:
		m.Status = v.say("status."+string(m.State), nil)
	}
	if count(p.Tasks, overdue) > 0 {
		m.Notes = append(m.Notes, v.say("note.long", nil))
	}
	m.Notes = append(m.Notes, v.paused(p)...)
	if i := slices.IndexFunc(p.Tasks, in(core.Unresolved)); i >= 0 {
		m.Notes = append(m.Notes, v.unresolved(p.Tasks[i]))
	}
	if count(p.Tasks, in(core.Queued)) > 0 {
		m.Buttons = b.buttons(v, p.Tasks, core.Queued)
	}
}

// wayState is the state of a batch that is under way, as people see it.
func wayState(tasks []core.Task) core.State {
	moving := count(tasks, func(t core.Task) bool { return t.State == core.Running || t.State.Final() })
	switch {
	case moving > 0:
		return core.Running
	case count(tasks, in(core.Unresolved)) > 0:
		return core.Unresolved
	case count(tasks, in(core.Creating)) > 0:
		return core.Creating
	}
	return core.Queued
}

func (v voice) waiting(position int) string {
	if position == 0 {
		return v.say("status.queued", nil)
	}
	return v.say("status.position", args{"N": fmt.Sprint(position)})
}

// overdue says that it takes longer than it should, and that its owner was told.
func overdue(t core.Task) bool { return t.State == core.Running && !t.Overdue.IsZero() }

// started is since when the batch runs.
func started(tasks []core.Task) (first time.Time) {
	for _, t := range tasks {
		if !t.Started.IsZero() && (first.IsZero() || t.Started.Before(first)) {
			first = t.Started
		}
	}
	return first
}

func (v voice) generating(p core.Parcel, since time.Time) string {
	tasks := p.Tasks
	done := count(tasks, final)
	if done == len(tasks) {
		return v.say("status.fetching", nil)
	}
	var some, clock, usual string
	if len(tasks) > 1 {
		some = v.say("status.some", args{"N": fmt.Sprint(done), "Of": fmt.Sprint(len(tasks))})
	}
	if !since.IsZero() {
		clock = elapsed(v.now.Sub(since))
	}
	if p.Usual > 0 {
		usual = v.say("status.usual", args{"Time": elapsed(p.Usual)})
	}
	return dots(v.say("status.running", nil), some, clock, usual)
}

// paused says what keeps a queued task from being created, and until when it waits for that.
func (v voice) paused(p core.Parcel) []string {
	i := slices.IndexFunc(p.Tasks, in(core.Queued))
	if i < 0 {
		return nil
	}
	reason := p.Paused
	if reason == "" {
		reason = p.Tasks[i].Waiting
	}
	if reason == "" {
		return nil
	}
	return []string{v.say("waiting."+string(reason), args{"Time": v.clock(p.Patience)})}
}

func (v voice) unresolved(t core.Task) string {
	minutes := max(1, int((t.Due.Sub(v.now)+time.Minute-1)/time.Minute))
	return v.count("note.unresolved", minutes, args{"N": fmt.Sprint(minutes)})
}

// showEnd words a batch that is over.
func (b *Bot) showEnd(v voice, m *Message, tasks []core.Task) {
	m.State = endState(tasks)
	m.Buttons = b.buttons(v, tasks, m.State)
	if m.State != core.Succeeded {
		m.Status = v.failure(tasks)
		return
	}
	m.Media = mediaOf(tasks)
	took := elapsed(finished(tasks).Sub(tasks[0].Created))
	switch done := count(tasks, arrived); {
	case count(tasks, func(t core.Task) bool { return t.Late }) > 0:
		m.Status = v.say("status.late", nil)
	case done < len(tasks):
		m.Status = dots(v.say("status.some", args{"N": fmt.Sprint(done), "Of": fmt.Sprint(len(tasks))}), took)
	default:
		m.Status = dots(v.say("status.succeeded", nil), took)
	}
	m.Notes = append(v.partly(tasks), v.links(m.Media, tasks)...)
}

// finished is when the last task of the batch ended.
func finished(tasks []core.Task) (last time.Time) {
	for _, t := range tasks {
		if t.Finished.After(last) {
			last = t.Finished
		}
	}
	return last
}

// endState is how the batch ended, as people see it: one result is a success.
func endState(tasks []core.Task) core.State {
	if count(tasks, arrived) > 0 {
		return core.Succeeded
	}
	for _, t := range tasks {
		if t.State != core.Canceled {
			return t.State
		}
	}
	return core.Canceled
}

// failure says why nothing came, each reason once.
func (v voice) failure(tasks []core.Task) string {
	var said []string
	for _, t := range tasks {
		if why := v.why(t); !slices.Contains(said, why) {
			said = append(said, why)
		}
	}
	return sentences(append(said, v.say("nothing_charged", nil))...)
}

// why is the reason that one task did not succeed, with Kie's own words.
func (v voice) why(t core.Task) string {
	if t.State == core.Canceled {
		return v.say("status.canceled", nil)
	}
	failure := core.Failure{Reason: core.FailKie}
	if t.Failure != nil {
		failure = *t.Failure
	}
	why := v.say("failed."+string(failure.Reason), nil)
	if failure.Message == "" {
		return why
	}
	if failure.Reason == core.FailFile {
		return v.say("failed.file.named", args{"Name": shorten(failure.Message, 60)})
	}
	return sentences(why, v.say("kie_says", args{"Text": ended(failure.Message)}))
}

// ended is a text that ends like a sentence.
func ended(text string) string {
	text = strings.TrimSpace(text)
	if last, _ := utf8.DecodeLastRuneInString(text); unicode.IsPunct(last) {
		return text
	}
	return text + "."
}

// partly says what of a batch did not come, each reason once.
func (v voice) partly(tasks []core.Task) []string {
	var reasons []string
	times := map[string]int{}
	for _, t := range tasks {
		if arrived(t) {
			continue
		}
		why := v.why(t)
		if times[why] == 0 {
			reasons = append(reasons, why)
		}
		times[why]++
	}
	for i, why := range reasons {
		reasons[i] = v.say("note.partly", args{"N": fmt.Sprint(times[why]), "Of": fmt.Sprint(len(tasks)), "Why": why})
	}
	return reasons
}

func mediaOf(tasks []core.Task) []Media {
	var all []Media
	for _, t := range tasks {
		if !arrived(t) {
			continue
		}
		for _, o := range t.Outputs {
			one := Media{Task: t.ID, Kind: kindOf(o), File: o.File, Title: o.Title, Cover: o.Cover, Text: o.Text}
			if o.File == nil {
				one.URL = o.URL
			}
			all = append(all, one)
		}
	}
	return all
}

// kindOf prefers what the file's bytes say over what its address looked like.
func kindOf(o core.Output) media.Kind {
	if o.File != nil {
		return o.File.Kind
	}
	switch kind := media.Kind(o.Kind); kind {
	case media.Image, media.Video, media.Audio, media.Text:
		return kind
	}
	return media.Other
}

// links warns that a link to Kie does not last.
func (v voice) links(all []Media, tasks []core.Task) []string {
	n := 0
	for _, m := range all {
		if m.URL != "" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	since := finished(tasks)
	return []string{v.count("note.link", n, args{
		"N": fmt.Sprint(n), "Soon": v.date(since.Add(linkLives)), "Gone": v.date(since.Add(fileLives)),
	})}
}

// TooLarge says, in the language of the request, that n results do not fit into
// the chat as they are, and until when the links to them work. An adapter puts
// it under a result that it shows so.
func (b *Bot) TooLarge(p core.Parcel, n int, until time.Time) string {
	v := b.voice(p.Tasks[0].Request.Origin.Locale)
	return v.count("note.large", n, args{"N": fmt.Sprint(n), "Until": v.date(until)})
}

// details are the model, the options that were sent, and what it cost.
func (b *Bot) details(v voice, tasks []core.Task) string {
	req := tasks[0].Request
	parts := []string{b.title(req.Model)}
	if model, err := b.catalog.Lookup(req.Model); err == nil {
		for _, option := range []catalog.Option{catalog.AspectRatio, catalog.Resolution, catalog.Duration, catalog.Seed, catalog.Voice} {
			parts = append(parts, v.setting(model, option, req.Input))
		}
	}
	return dots(append(parts, v.cost(tasks))...)
}

// setting is one option as it was sent, or else as Kie fills it in. A seed that was not sent is Kie's secret.
func (v voice) setting(m catalog.Model, option catalog.Option, input map[string]any) string {
	field, ok := m.ByOption(option)
	used, sent := input[field.Name]
	if !sent && option != catalog.Seed {
		used = field.Default
	}
	value := typed(field, used)
	if !ok || value == "" {
		return ""
	}
	switch option {
	case catalog.Duration:
		return v.say("setting.seconds", args{"N": value})
	case catalog.Seed:
		return v.say("setting.seed", args{"Seed": value})
	case catalog.Voice:
		if value == typed(field, field.Default) {
			return "" // often an id that means nothing to people
		}
	}
	return value
}

// cost is what the batch's results cost; nothing when none came in time.
func (v voice) cost(tasks []core.Task) string {
	if count(tasks, in(core.Succeeded)) == 0 {
		return ""
	}
	var sum core.Credits
	for _, t := range tasks {
		sum += t.Charged
	}
	return v.charged(sum, count(tasks, func(t core.Task) bool { return t.Estimated }) > 0)
}

// left is what the person can still use today, said where something was used.
func (b *Bot) left(ctx context.Context, v voice, tasks []core.Task) string {
	if count(tasks, arrived) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, balanceWait)
	defer cancel()
	left, err := b.engine.Left(ctx, tasks[0].Request.Origin)
	if err != nil || left == core.Unlimited {
		return ""
	}
	return v.say("left_today", args{"Left": v.number(core.Credits(left))})
}

package telegram

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
	"kiebot/core/media"
)

// linkFor is how long a link of ours to a file works that does not fit into the chat.
const linkFor = 7 * 24 * time.Hour

// kieLinkFor is how long Kie's own link works at least ("Get Task Details" of docs.kie.ai).
const kieLinkFor = 24 * time.Hour

// item is one file of a result on its way into the chat.
type item struct {
	key    string
	title  string
	file   media.File // Path is empty when there is no copy any more
	cover  *media.File
	url    string    // Kie's
	ended  time.Time // when the task was finished
	steps  []shape   // as what it can be sent, best first; asLink is the last
	sentID string    // what Telegram has of it, as steps[0]
}

// showEnd shows how the batch ended: the files, what is said about them, and
// the buttons. Every message that was sent is noted, and not sent again when a
// later call fails. Then the message that stood for the batch goes.
func (d *delivery) showEnd(ctx context.Context) error {
	known := d.sent()
	m := d.words.Show(ctx, d.parcel)
	d.model = m.Model
	if done, err := d.closeInPlace(ctx, m); done || err != nil {
		return err
	}
	d.after.End = true
	if d.parcel.Delivery.Kind != core.DeliverShow {
		d.after.inherit(d.before)
	}
	if !d.after.has(stepSaid) {
		if err := d.showResult(ctx, m, d.items(m, known)); err != nil {
			return err
		}
		d.after.did(stepSaid)
	}
	return d.clear(ctx, m)
}

// stepSaid is that everything was sent; the others are the keys of items and
// the numbers of texts.
const stepSaid = "said"

// closeInPlace shows that the batch was canceled in the message that stood for
// it: its owner has just pressed the button there.
func (d *delivery) closeInPlace(ctx context.Context, m bots.Message) (bool, error) {
	if m.State != core.Canceled || d.before.End || d.before.Message == 0 || d.before.Chat != d.at.chat {
		return false, nil
	}
	done, err := d.rewrite(ctx, d.endText(m, nil, true).split(textMax)[0], keyboard(m.Buttons))
	d.after.End = done
	return done, err
}

// sent is what Telegram has of the batch's files. A file that is not stored
// here any more, but there, is shown from there: the parcel says so.
func (d *delivery) sent() map[string]sentFile {
	known := map[string]sentFile{}
	for _, r := range []receipt{readReceipt(d.parcel.Copied), d.before, d.after} {
		for key, file := range r.Files {
			if !d.parcel.Delivery.Original || file.As == asDocument {
				known[key] = file
			}
		}
	}
	d.parcel.Tasks = slices.Clone(d.parcel.Tasks)
	for i := range d.parcel.Tasks {
		task := &d.parcel.Tasks[i]
		task.Outputs = slices.Clone(task.Outputs)
		for n, o := range task.Outputs {
			if _, ok := known[outputKey(task.ID, n)]; ok && o.File == nil && o.Text == "" {
				task.Outputs[n].File = &media.File{Kind: media.Kind(o.Kind)}
			}
		}
	}
	return known
}

// items lists the files of the result.
func (d *delivery) items(m bots.Message, known map[string]sentFile) []*item {
	var all []*item
	count := map[core.TaskID]int{}
	for _, one := range m.Media {
		n := count[one.Task]
		count[one.Task]++
		if one.File == nil {
			continue
		}
		it := &item{key: outputKey(one.Task, n), title: one.Title, file: *one.File, cover: one.Cover, steps: []shape{asLink}}
		i := slices.IndexFunc(d.parcel.Tasks, func(t core.Task) bool { return t.ID == one.Task })
		if i >= 0 && n < len(d.parcel.Tasks[i].Outputs) {
			it.url, it.ended = d.parcel.Tasks[i].Outputs[n].URL, d.parcel.Tasks[i].Finished
		}
		if one.File.Path != "" {
			it.steps = d.ladder(*one.File)
		}
		if file, ok := known[it.key]; ok {
			it.sentID = file.ID
			it.steps = append([]shape{file.As}, it.steps...)
		}
		all = append(all, it)
	}
	return all
}

// ladder lists as what the file can be sent here: one that is wanted as it is,
// as a file or not at all.
func (d *delivery) ladder(f media.File) []shape {
	steps := d.limits.ladder(f)
	if !d.parcel.Delivery.Original {
		return steps
	}
	return slices.DeleteFunc(steps, func(s shape) bool { return s != asDocument && s != asLink })
}

// down takes the item to the next thing that can be tried.
func (it *item) down() { it.steps, it.sentID = it.steps[1:], "" }

func (it *item) isLink() bool { return it.steps[0] == asLink }

// showResult sends the files and what is said about them. One file alone
// carries the words and the buttons; several come in albums, which cannot have
// buttons, so a message that replies to them has.
func (d *delivery) showResult(ctx context.Context, m bots.Message, items []*item) error {
	if len(items) == 1 && len(m.Media) == 1 && !items[0].isLink() {
		sent, err := d.showOne(ctx, m, items[0])
		if sent || err != nil {
			return err
		}
	}
	if err := d.sendFiles(ctx, items); err != nil {
		return err
	}
	return d.sayAll(ctx, d.endText(m, items, false).split(textMax), 0, keyboard(m.Buttons))
}

// showOne sends the only file with everything under it. False without an error
// says that Telegram does not take it as anything.
func (d *delivery) showOne(ctx context.Context, m bots.Message, it *item) (bool, error) {
	pieces := func() []*text { return d.endText(m, []*item{it}, false).split(captionMax) }
	if !d.after.has(it.key) {
		keys := keyboard(m.Buttons)
		sent, err := d.sendOne(ctx, it, func() *text { return pieces()[0] }, keys)
		if err != nil || sent == nil {
			return false, err
		}
		d.after.did(it.key)
		d.after.Message, d.after.Shows = sent.ID, digest(pieces()[0], keys)
	}
	return true, d.sayAll(ctx, pieces(), 1, nil)
}

// sayAll sends the pieces of a text from the given one on, the buttons under
// the last, as replies to the first file where there is one.
func (d *delivery) sayAll(ctx context.Context, pieces []*text, from int, keys *models.InlineKeyboardMarkup) error {
	if files := append(slices.Clone(d.after.Others), d.after.Message); files[0] != 0 {
		d.at.reply = files[0]
	}
	for i := from; i < len(pieces); i++ {
		step := "text " + strconv.Itoa(i)
		if d.after.has(step) {
			continue
		}
		var under *models.InlineKeyboardMarkup
		if i == len(pieces)-1 {
			under = keys
		}
		id, err := d.say(ctx, pieces[i], under)
		if err != nil {
			return err
		}
		d.after.did(step)
		switch {
		case id == 0:
		case under != nil || d.after.Message == 0 && i == len(pieces)-1:
			d.after.Message, d.after.Shows = id, digest(pieces[i], under)
		default:
			d.after.Others = append(d.after.Others, id)
		}
	}
	return nil
}

// clear deletes the message that stood for the batch while it was under way.
// Where Telegram does not let us, its text says at least how it ended.
func (d *delivery) clear(ctx context.Context, m bots.Message) error {
	was := d.before
	if d.parcel.Delivery.Kind != core.DeliverFinal || was.End || was.Message == 0 || was.Chat != d.at.chat {
		return nil
	}
	err := d.try(ctx, &d.at, 0, func() error {
		if d.at.chat != was.Chat {
			return errMovedAway
		}
		_, err := d.api.DeleteMessage(ctx, &bot.DeleteMessageParams{ChatID: was.Chat, MessageID: was.Message})
		return err
	})
	switch meaning(err) {
	case failUnknown, failWait, failToken:
		return err
	case failKept:
		_ = d.edit(ctx, was.Message, d.endText(m, nil, true).split(textMax)[0], nil) // that is all we can do
	}
	return nil
}

// endText is what is said under a result, or in place of one.
func (d *delivery) endText(m bots.Message, items []*item, short bool) *text {
	says := &text{}
	for _, one := range m.Media {
		if one.Text != "" {
			says.line(one.Title)
			says.line(one.Text + "\n")
		}
	}
	if !says.empty() {
		says.add("\n")
	}
	says.code(clip.Shorten(m.Prompt, endPrompt))
	if !short {
		d.mention(says, m.Name)
	}
	if m.State != core.Succeeded || m.Kind == core.DeliverLate {
		says.line(m.Status)
	}
	d.addLinks(says, m, items)
	says.line(m.Details)
	for _, note := range m.Notes {
		says.line(note)
	}
	return says
}

// mention calls the person in a group where no reply does.
func (d *delivery) mention(says *text, name string) {
	user, err := strconv.ParseInt(d.parcel.Tasks[0].Request.Origin.Identity.User, 10, 64)
	if d.at.chat > 0 || d.at.reply != 0 || err != nil || user <= 0 || name == "" {
		return
	}
	if !says.empty() {
		says.add(" – ")
	}
	says.mention(clip.Shorten(name, 64), user)
}

// addLinks lists the results that are shown as links: Kie's own, of which the
// words say how long they work, and those to files that do not fit.
func (d *delivery) addLinks(says *text, m bots.Message, items []*item) {
	n := 0
	add := func(title, url string) {
		n++
		says.line("🔗 ")
		says.link(cmp.Or(title, strconv.Itoa(n)), url)
	}
	for _, one := range m.Media {
		if one.URL != "" {
			add(one.Title, one.URL)
		}
	}
	var until time.Time
	large := 0
	for _, it := range items {
		if !it.isReduced() {
			continue
		}
		if url, till := d.linkTo(it); url != "" {
			add(it.title, url)
			large++
			if until.IsZero() || till.Before(until) {
				until = till
			}
		}
	}
	if large > 0 {
		says.line(d.words.TooLarge(d.parcel, large, until))
	}
}

// isReduced reports whether the chat does not get the file itself.
func (it *item) isReduced() bool { return it.isLink() || it.steps[0] == asSmaller }

// linkTo is where a file can be had that does not fit, and until when: from us
// where we can be reached, else from Kie.
func (d *delivery) linkTo(it *item) (url string, until time.Time) {
	if d.links != nil && d.links.Base != "" && it.file.Path != "" {
		return d.links.URL(it.file.Name, linkFor), d.now().Add(linkFor)
	}
	return it.url, it.ended.Add(kieLinkFor)
}

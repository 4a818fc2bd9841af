package discord

import (
	"cmp"
	"context"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
	"kiebot/core/media"
)

// Sizes that Discord takes ("Uploading Files"). What an interaction says may
// be more, and is: above fileCap uploads fail.
const (
	fileLimit    = 10 << 20  // of a file, where nothing says more
	fileCap      = 100 << 20 // of a file, whatever says more
	requestLimit = 25 << 20  // of a message with all its files
)

// How long links work.
const (
	linkFor    = 7 * 24 * time.Hour // ours
	kieLinkFor = 24 * time.Hour     // Kie's, at least ("Get Task Details" of docs.kie.ai)
)

// The steps of the ladder: as it is, as a smaller picture, as a link.
type shape int

const (
	asFile shape = iota
	asSmaller
	asLink
)

const (
	renditionSide  = 2560
	renditionRatio = 100
)

// item is one file of a result on its way into the channel.
type item struct {
	key   string
	title string
	file  media.File
	url   string    // Kie's
	ended time.Time // when the task was finished
	steps []shape   // as what it can be sent, best first; asLink is the last
}

// items lists the files of the result.
func (d *delivery) items(m bots.Message, limit int64) []*item {
	var all []*item
	count := map[core.TaskID]int{}
	for _, one := range m.Media {
		n := count[one.Task]
		count[one.Task]++
		if one.File == nil && one.URL == "" {
			continue
		}
		it := &item{key: outputKey(one.Task, n), title: one.Title, url: one.URL, steps: []shape{asLink}}
		for _, t := range d.parcel.Tasks {
			if t.ID == one.Task && n < len(t.Outputs) {
				it.url, it.ended = t.Outputs[n].URL, t.Finished
			}
		}
		if one.File != nil {
			it.file = *one.File
			it.steps = ladder(*one.File, limit)
			it.steps = it.steps[min(d.after.Down[it.key], len(it.steps)-1):]
		}
		all = append(all, it)
	}
	return all
}

// limit is how large a file may be here and now.
func (d *delivery) limit(ctx context.Context) int64 {
	if d.hooked() {
		return min(max(d.ref.FileLimit, fileLimit), fileCap)
	}
	return d.boosted(ctx, d.ref.Guild)
}

// boost is what a guild's level lets a file have, as it was at a time.
type boost struct {
	limit int64
	at    time.Time
}

const boostFor = time.Hour

// boosted is how large a file of the bot's own may be in the guild: more where
// its members pay for that ("Premium Tier").
func (t *talker) boosted(ctx context.Context, guild string) int64 {
	if guild == "" {
		return fileLimit
	}
	t.mu.Lock()
	known, ok := t.guilds[guild]
	t.mu.Unlock()
	if ok && t.now().Sub(known.at) < boostFor {
		return known.limit
	}
	var found struct {
		Tier int `json:"premium_tier"`
	}
	if err := t.api.do(ctx, call{method: http.MethodGet, route: "/guilds/{}", args: []string{guild}}, &found); err != nil {
		return fileLimit
	}
	now := boost{limit: fileLimit, at: t.now()}
	switch found.Tier {
	case 2:
		now.limit = 50 << 20
	case 3:
		now.limit = 100 << 20
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.guilds == nil {
		t.guilds = map[string]boost{}
	}
	t.guilds[guild] = now
	return now.limit
}

func ladder(f media.File, limit int64) []shape {
	var steps []shape
	if f.Size > 0 && f.Size <= limit {
		steps = append(steps, asFile)
	}
	if f.Kind == media.Image && media.CanShrink(f) {
		steps = append(steps, asSmaller)
	}
	return append(steps, asLink)
}

// showEnd shows how the batch ended: in the message that stood for it, with as
// many files as one message takes; the others in further messages. What was
// shown is noted, and not shown again when a later call fails.
func (d *delivery) showEnd(ctx context.Context) error {
	if d.parcel.Delivery.Kind == core.DeliverShow && !d.after.begun() {
		d.after = receipt{}
	}
	m := d.words.Show(ctx, d.parcel)
	limit := d.limit(ctx)
	items := d.items(m, limit)
	for first := true; ; first = false {
		some, rest := next(items, max(requestLimit, limit))
		for {
			err := d.showSome(ctx, m, some, first)
			if err == nil {
				break
			}
			if meaning(err) != failTooLarge || !d.lower(some) {
				return err
			}
		}
		if items = rest; len(items) == 0 {
			return nil
		}
		if err := d.keep(ctx); err != nil {
			return err
		}
	}
}

// keep stores how far the delivery came.
func (d *delivery) keep(ctx context.Context) error {
	data, err := d.after.encode()
	if err != nil {
		return err
	}
	return d.parcel.Keep(ctx, data)
}

// next are the items that go into one message of so many bytes, and those that do not.
func next(items []*item, limit int64) (some, rest []*item) {
	var size int64
	for i, it := range items {
		if it.steps[0] == asFile {
			size += it.file.Size
		}
		if i == galleryMax || i > 0 && size > limit {
			return items[:i], items[i:]
		}
	}
	return items, nil
}

// lower takes the largest of the files one step down; false when nothing is
// left to be taken down.
func (d *delivery) lower(items []*item) bool {
	var largest *item
	for _, it := range items {
		if it.steps[0] != asLink && (largest == nil || it.steps[0] < largest.steps[0] || it.file.Size > largest.file.Size) {
			largest = it
		}
	}
	if largest == nil {
		return false
	}
	largest.steps = largest.steps[1:]
	if d.after.Down == nil {
		d.after.Down = map[string]int{}
	}
	d.after.Down[largest.key]++
	return true
}

// said is the step of an end without files.
const said = "said"

// showSome shows items in one message; the first has what is said about all,
// and the buttons.
func (d *delivery) showSome(ctx context.Context, m bots.Message, items []*item, first bool) error {
	key := said
	if len(items) > 0 {
		key = items[0].key
	}
	if d.after.has(key) {
		return nil
	}
	draft, err := d.result(ctx, m, items, first)
	if err != nil {
		return err
	}
	switch {
	case first:
		err = d.put(ctx, draft)
		d.after.Laid = d.after.Laid || err == nil && draft.Flags&flagComponents != 0
	default:
		err = d.add(ctx, draft, "-"+strconv.Itoa(len(d.after.Others)))
	}
	if err == nil {
		d.after.Done = append(d.after.Done, key)
	}
	return err
}

// add sends a further message with files: of the bot's own where it may, for
// that can be repeated harmlessly.
func (d *delivery) add(ctx context.Context, draft draft, part string) (err error) {
	var m message
	switch {
	case d.posts() && !d.ref.Private:
		m, err = d.post(ctx, draft, part)
	case d.hooked():
		if d.ref.Private {
			draft = draft.alone()
		}
		m, err = d.furtherTo(ctx, d.ref, draft)
	default:
		return errOnlyAlone
	}
	if err == nil && m.ID != "" {
		d.after.Others = append(d.after.Others, m.ID)
	}
	return err
}

// result is a message with the items: pictures as a gallery, anything else as
// attachments, which Discord plays where it can.
func (d *delivery) result(ctx context.Context, m bots.Message, items []*item, first bool) (draft, error) {
	pictures := len(items) > 0
	for _, it := range items {
		pictures = pictures && (it.file.Kind == media.Image || it.steps[0] == asLink)
	}
	laid := pictures && !allLinks(items) || first && d.after.Laid
	out := newDraft()
	for _, it := range items {
		if err := d.attach(ctx, &out, m, it); err != nil {
			return out, err
		}
	}
	words := ""
	if links, until := d.large(items); links > 0 {
		words = plainly(d.words.TooLarge(d.parcel, links, until))
	}
	if first {
		words = out.wordsOf(m, words, laid)
	}
	if laid {
		out.layOut(words, m.Spoiler)
	} else {
		out.say(words)
	}
	out.Components = append(out.Components, d.linkRows(items)...)
	if first {
		out.Components = append(out.Components, rowsOf(m.Buttons)...)
	}
	return out, nil
}

func allLinks(items []*item) bool {
	for _, it := range items {
		if it.steps[0] != asLink {
			return false
		}
	}
	return true
}

// attach adds the item's file as its present step.
func (d *delivery) attach(ctx context.Context, out *draft, m bots.Message, it *item) error {
	up := upload{name: fileName(it.title, it.file), kind: it.file.Type, path: it.file.Path, size: it.file.Size}
	switch it.steps[0] {
	case asLink:
		return nil
	case asSmaller:
		data, err := d.shrinker.JPEG(ctx, it.file, renditionSide, renditionRatio)
		if err != nil {
			return err
		}
		up = upload{name: it.key + "-smaller.jpg", kind: "image/jpeg", data: data}
	}
	out.attach(up, m.Spoiler)
	return nil
}

func (d *draft) attach(up upload, spoiler bool) {
	d.Files = append(d.Files, draftFile{ID: len(d.uploads), Name: up.name, Spoiler: spoiler})
	d.uploads = append(d.uploads, up)
}

// wordsOf is what is said about the whole result. A text that is too long for a
// message becomes a file.
func (d *draft) wordsOf(m bots.Message, large string, laid bool) string {
	most := contentMax
	if laid {
		most = displayMax
	}
	words := endText(m, large)
	if clip.Units(words) <= most {
		return words
	}
	var whole []string
	for _, one := range m.Media {
		whole = append(whole, one.Title, one.Text)
	}
	if text := lines(whole...); text != "" {
		d.attach(upload{name: m.ID + ".txt", kind: "text/plain; charset=utf-8", data: []byte(text)}, m.Spoiler)
		m.Media = nil
		words = endText(m, large)
	}
	return clip.Shorten(words, most)
}

// layOut shows the files by components of version 2, without which they would
// not be seen, and the words below them.
func (d *draft) layOut(words string, spoiler bool) {
	d.Flags |= flagComponents
	var gallery []discordgo.MediaGalleryItem
	var others []discordgo.MessageComponent
	for i, file := range d.Files {
		at := discordgo.UnfurledMediaItem{URL: "attachment://" + file.Name}
		if kind, _, _ := strings.Cut(d.uploads[i].kind, "/"); kind == "image" || kind == "video" {
			gallery = append(gallery, discordgo.MediaGalleryItem{Media: at, Spoiler: spoiler})
			continue
		}
		others = append(others, discordgo.FileComponent{File: at, Spoiler: spoiler})
	}
	if len(gallery) > 0 {
		d.Components = append(d.Components, discordgo.MediaGallery{Items: gallery})
	}
	d.Components = append(d.Components, others...)
	if words != "" {
		d.Components = append(d.Components, discordgo.TextDisplay{Content: words})
	}
}

// large counts the files that the channel does not get as they are, and says
// until when the links to them work.
func (d *delivery) large(items []*item) (n int, until time.Time) {
	for _, it := range items {
		if it.file.Path == "" || it.steps[0] == asFile {
			continue
		}
		if url, till := d.linkTo(it); url != "" {
			n++
			if until.IsZero() || till.Before(until) {
				until = till
			}
		}
	}
	return n, until
}

// linkRows are buttons that lead to what is not in the channel as it is.
func (d *delivery) linkRows(items []*item) []discordgo.MessageComponent {
	var rows []discordgo.MessageComponent
	var row []discordgo.MessageComponent
	for n, it := range items {
		url, _ := d.linkTo(it)
		if it.steps[0] == asFile || url == "" {
			continue
		}
		if row = append(row, linkButton(cmp.Or(it.title, strconv.Itoa(n+1)), url)); len(row) == rowMax {
			rows, row = append(rows, discordgo.ActionsRow{Components: row}), nil
		}
	}
	if len(row) > 0 {
		rows = append(rows, discordgo.ActionsRow{Components: row})
	}
	return rows
}

// linkTo is where a file can be had that does not fit, and until when: from us
// where we can be reached, else from Kie.
func (d *delivery) linkTo(it *item) (url string, until time.Time) {
	if d.links != nil && d.links.Base != "" && it.file.Path != "" {
		return d.links.URL(it.file.Name, linkFor), d.now().Add(linkFor)
	}
	return it.url, it.ended.Add(kieLinkFor)
}

// fileName is what the file is called in the channel. Components name it in an
// address, so it has only letters, digits and a few marks.
func fileName(title string, f media.File) string {
	ext := filepath.Ext(f.Name)
	title = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r == ' ':
			return '_'
		}
		return -1
	}, title)
	if title = strings.Trim(title, "_-"); title == "" {
		return f.Name
	}
	return clip.Shorten(title, nameMax) + ext
}

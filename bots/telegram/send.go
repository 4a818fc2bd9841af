package telegram

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots/clip"
	"kiebot/core/media"
)

// sendFiles sends the files that were not sent yet: those that go into one
// album together, the others alone. What Telegram takes as nothing stays as a link.
func (d *delivery) sendFiles(ctx context.Context, items []*item) error {
	var left []*item
	for _, it := range items {
		if !d.after.has(it.key) && !it.isLink() {
			left = append(left, it)
		}
	}
	for _, group := range d.groups(left) {
		if err := d.sendGroup(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// groups puts together what goes into one album: by kind in the order of the
// first of each, at most albumMax and no more bytes than one call takes, and
// of nearly the same size, since an album has two at least.
func (d *delivery) groups(items []*item) [][]*item {
	var kinds []string
	byKind := map[string][]*item{}
	for _, it := range items {
		kind := it.steps[0].album()
		if kind == "" {
			kind = it.key // alone
		}
		if byKind[kind] == nil {
			kinds = append(kinds, kind)
		}
		byKind[kind] = append(byKind[kind], it)
	}
	var all [][]*item
	for _, kind := range kinds {
		rest := byKind[kind]
		for albums := (len(rest) + albumMax - 1) / albumMax; len(rest) > 0; albums-- {
			n := d.fits(rest, (len(rest)+max(albums, 1)-1)/max(albums, 1))
			all = append(all, rest[:n])
			rest = rest[n:]
		}
	}
	return all
}

// fits is how many of the first n items one call takes, at least one.
func (d *delivery) fits(items []*item, n int) int {
	var bytes int64
	n = min(n, albumMax)
	for i, it := range items[:n] {
		if it.sentID == "" {
			bytes += it.file.Size
		}
		if i > 0 && bytes > d.limits.file {
			return i
		}
	}
	return n
}

// sendGroup sends an album. When Telegram does not take it, it does not say
// which of the files is the reason: each is then sent alone.
func (d *delivery) sendGroup(ctx context.Context, group []*item) error {
	if len(group) > 1 {
		sent, err := d.sendAlbum(ctx, group)
		switch {
		case err == nil || sentAnyway(err):
			d.noteAlbum(group, sent)
			return nil
		case !d.isRefusal(err):
			return err
		}
	}
	for _, it := range group {
		sent, err := d.sendOne(ctx, it, func() *text { return &text{} }, nil)
		if err != nil {
			return err
		}
		if sent != nil {
			d.after.did(it.key)
			d.after.keep(sent)
		}
	}
	return nil
}

// noteAlbum notes what was sent of an album. Its messages come in the order of
// the files.
func (d *delivery) noteAlbum(group []*item, sent []*models.Message) {
	for i, it := range group {
		d.after.did(it.key)
		if i < len(sent) {
			d.after.keepFile(it, sent[i])
			d.after.keep(sent[i])
		}
	}
}

// sendOne sends a file as the first thing that Telegram takes it as, and goes
// down one step for each refusal. Nil without an error says that only the link
// is left. The caption may depend on the step.
func (d *delivery) sendOne(ctx context.Context, it *item, caption func() *text, keys *models.InlineKeyboardMarkup) (*models.Message, error) {
	for !it.isLink() {
		sent, err := d.send(ctx, it, caption(), keys)
		switch {
		case err == nil:
			d.after.keepFile(it, sent)
			return sent, nil
		case sentAnyway(err):
			return &models.Message{}, nil
		case !d.isRefusal(err):
			return nil, err
		}
		d.log.Info("a file is not taken as it is", "task", d.parcel.Delivery.Lead, "as", string(it.steps[0]), "error", err)
		it.down()
	}
	return nil, nil
}

// isRefusal reports whether Telegram does not take what was sent, so that it is
// no use to send it again.
func (d *delivery) isRefusal(err error) bool {
	switch meaning(err) {
	case failContent, failTooLarge, failFileID:
		return true
	}
	return d.refusedByCut(err)
}

// cutMax is how often the connection may break while a file is still on its way
// before that is taken for a refusal: a server can close it on a file that is
// too large, and then nobody reads its answer.
const cutMax = 3

// refusedByCut reports whether a connection that broke under a file is taken
// for a refusal of it.
func (d *delivery) refusedByCut(err error) bool {
	if !cutOff(err) {
		return false
	}
	d.after.Cuts++
	return d.after.Cuts > cutMax
}

// content is the file as a field of a call, and what has to go out with it.
type content struct {
	field  models.InputFile // for a method of its own
	media  string           // in an album
	attach io.Reader        // likewise
	files  []*upload
	cover  models.InputFile // of a song or a video; nil for none
}

// contentOf prepares the file to be sent as its present step. Each call needs
// it anew.
func (d *delivery) contentOf(ctx context.Context, it *item) (content, error) {
	if it.sentID != "" {
		return content{field: &models.InputFileString{Data: it.sentID}, media: it.sentID}, nil
	}
	name, part := fileName(it.title, it.file), it.file.Name
	if it.steps[0] == asSmaller {
		data, err := d.shrinker.JPEG(ctx, it.file, renditionSide, photoRatio)
		if err != nil {
			return content{}, err
		}
		part = "smaller-" + it.key + ".jpg"
		return content{
			field: &models.InputFileUpload{Filename: part, Data: bytes.NewReader(data)},
			media: "attach://" + part, attach: bytes.NewReader(data),
		}, nil
	}
	up := newUpload(it.file.Path, it.file.Size)
	return content{
		field: up.file(name), media: "attach://" + part, attach: up.reader(), files: []*upload{up}, cover: d.coverOf(ctx, it),
	}, nil
}

// coverOf is the picture of a song or a video, nil where there is none that can
// be sent. Of a video without one, Telegram shows its first frame once it has
// looked into the file.
func (d *delivery) coverOf(ctx context.Context, it *item) models.InputFile {
	if as := it.steps[0]; it.cover == nil || as != asAudio && as != asVideo || !media.CanShrink(*it.cover) {
		return nil
	}
	data, err := d.shrinker.JPEG(ctx, *it.cover, coverSide, photoRatio)
	if err != nil {
		d.log.Info("a cover cannot be sent", "task", d.parcel.Delivery.Lead, "error", err)
		return nil
	}
	return &models.InputFileUpload{Filename: "cover-" + it.key + ".jpg", Data: bytes.NewReader(data)}
}

// send sends one file as its present step.
func (d *delivery) send(ctx context.Context, it *item, says *text, keys *models.InlineKeyboardMarkup) (sent *models.Message, err error) {
	as := it.steps[0]
	stop := d.action(ctx, as, it)
	defer stop()
	err = d.try(ctx, &d.at, 1, func() error {
		file, err := d.contentOf(ctx, it)
		if err != nil {
			return unreadable(err)
		}
		sent, err = d.sendAs(withUploads(ctx, file.files...), it, file, says, keys)
		return err
	})
	return sent, err
}

// unreadable is a picture that cannot be made smaller: like one that Telegram
// does not take, it goes down a step.
func unreadable(err error) error {
	if err == context.Canceled || err == context.DeadlineExceeded {
		return err
	}
	return &callError{Method: "none", Code: 400, Description: oneLine(err.Error())}
}

// sendAs makes the call. The facts about a video are what clients show before
// they have it.
func (d *delivery) sendAs(ctx context.Context, it *item, file content, says *text, keys *models.InlineKeyboardMarkup) (*models.Message, error) {
	f := it.file
	caption, entities, reply, under, quiet := says.String(), says.entities, d.at.replyTo(), markup(keys), d.after.begun()
	switch it.steps[0] {
	case asPhoto, asSmaller:
		return d.api.SendPhoto(ctx, &bot.SendPhotoParams{
			ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: reply, ReplyMarkup: under, DisableNotification: quiet,
			Photo: file.field, Caption: caption, CaptionEntities: entities, HasSpoiler: d.spoiler(),
		})
	case asVideo:
		return d.api.SendVideo(ctx, &bot.SendVideoParams{
			ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: reply, ReplyMarkup: under, DisableNotification: quiet,
			Video: file.field, Caption: caption, CaptionEntities: entities, HasSpoiler: d.spoiler(),
			Width: f.Width, Height: f.Height, Duration: seconds(f.Duration), SupportsStreaming: true, Thumbnail: file.cover,
		})
	case asAnimation:
		return d.api.SendAnimation(ctx, &bot.SendAnimationParams{
			ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: reply, ReplyMarkup: under, DisableNotification: quiet,
			Animation: file.field, Caption: caption, CaptionEntities: entities, HasSpoiler: d.spoiler(),
			Width: f.Width, Height: f.Height,
		})
	case asAudio:
		return d.api.SendAudio(ctx, &bot.SendAudioParams{
			ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: reply, ReplyMarkup: under, DisableNotification: quiet,
			Audio: file.field, Caption: caption, CaptionEntities: entities,
			Title: d.titleOf(it), Performer: d.model, Duration: seconds(f.Duration), Thumbnail: file.cover,
		})
	}
	return d.api.SendDocument(ctx, &bot.SendDocumentParams{
		ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: reply, ReplyMarkup: under, DisableNotification: quiet,
		Document: file.field, Caption: caption, CaptionEntities: entities, DisableContentTypeDetection: true,
	})
}

// titleOf is what a player shows of a sound; without a title of its own, what
// was asked for.
func (d *delivery) titleOf(it *item) string {
	return cmp.Or(it.title, clip.Shorten(strings.Join(strings.Fields(d.parcel.Tasks[0].Request.Prompt), " "), 64))
}

// spoiler reports whether what is seen is hidden until somebody touches it.
func (d *delivery) spoiler() bool { return d.parcel.Tasks[0].Request.Spoiler }

// seconds rounds up: a sound of half a second lasts one.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// sendAlbum sends two to ten files as one album.
func (d *delivery) sendAlbum(ctx context.Context, group []*item) (sent []*models.Message, err error) {
	largest := group[0]
	for _, it := range group {
		if it.file.Size > largest.file.Size {
			largest = it
		}
	}
	stop := d.action(ctx, largest.steps[0], group...)
	defer stop()
	err = d.try(ctx, &d.at, len(group), func() error {
		var files []*upload
		var album []models.InputMedia
		for _, it := range group {
			file, err := d.contentOf(ctx, it)
			if err != nil {
				return unreadable(err)
			}
			files = append(files, file.files...)
			album = append(album, d.inAlbum(it, file))
		}
		sent, err = d.api.SendMediaGroup(withUploads(ctx, files...), &bot.SendMediaGroupParams{
			ChatID: d.at.chat, MessageThreadID: d.at.thread, ReplyParameters: d.at.replyTo(), Media: album, DisableNotification: d.after.begun(),
		})
		return err
	})
	return sent, err
}

func (d *delivery) inAlbum(it *item, file content) models.InputMedia {
	f := it.file
	switch it.steps[0] {
	case asPhoto, asSmaller:
		return &models.InputMediaPhoto{Media: file.media, MediaAttachment: file.attach, HasSpoiler: d.spoiler()}
	case asVideo:
		return &models.InputMediaVideo{
			Media: file.media, MediaAttachment: file.attach, HasSpoiler: d.spoiler(),
			Width: f.Width, Height: f.Height, Duration: seconds(f.Duration), SupportsStreaming: true, Thumbnail: file.cover,
		}
	case asAudio:
		return &models.InputMediaAudio{
			Media: file.media, MediaAttachment: file.attach, Title: d.titleOf(it), Performer: d.model, Duration: seconds(f.Duration),
			Thumbnail: file.cover,
		}
	}
	return &models.InputMediaDocument{Media: file.media, MediaAttachment: file.attach, DisableContentTypeDetection: true}
}

// Chat actions: what is shown while a file is on its way.
const (
	actionEvery = 4 * time.Second // one lasts for five
	actionFrom  = 1 << 20         // bytes below which nobody would see it
)

// action shows what is being sent until it is stopped, when that may take a
// while. Its calls matter to nobody: the first that fails is the last, so that
// none is made before a time that Telegram asked for.
func (d *delivery) action(ctx context.Context, as shape, items ...*item) (stop func()) {
	var size int64
	for _, it := range items {
		if it.sentID == "" {
			size += it.file.Size
		}
	}
	if size < actionFrom {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	params := bot.SendChatActionParams{ChatID: d.at.chat, MessageThreadID: d.at.thread, Action: actionFor(as)}
	go func() {
		defer close(done)
		tick := time.NewTicker(actionEvery)
		defer tick.Stop()
		for {
			if _, err := d.api.SendChatAction(ctx, &params); err != nil {
				if meaning(err) == failWait {
					d.refused(params.ChatID.(int64), err)
				}
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

func actionFor(as shape) models.ChatAction {
	switch as {
	case asPhoto, asSmaller:
		return models.ChatActionUploadPhoto
	case asVideo, asAnimation:
		return models.ChatActionUploadVideo
	}
	return models.ChatActionUploadDocument
}

// keepFile notes what Telegram has of a file, by what it says it took it as.
func (r *receipt) keepFile(it *item, m *models.Message) {
	file, ok := fileOf(m)
	if !ok {
		return
	}
	if it.steps[0] == asSmaller {
		file.As = asSmaller
	}
	r.putFile(it.key, file)
}

func fileOf(m *models.Message) (sentFile, bool) {
	switch {
	case m == nil:
	case len(m.Photo) > 0:
		return sentFile{As: asPhoto, ID: m.Photo[len(m.Photo)-1].FileID}, true // the largest comes last
	case m.Video != nil:
		return sentFile{As: asVideo, ID: m.Video.FileID}, true
	case m.Animation != nil: // has a Document too
		return sentFile{As: asAnimation, ID: m.Animation.FileID}, true
	case m.Audio != nil:
		return sentFile{As: asAudio, ID: m.Audio.FileID}, true
	case m.Document != nil:
		return sentFile{As: asDocument, ID: m.Document.FileID}, true
	}
	return sentFile{}, false
}

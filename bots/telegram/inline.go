package telegram

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
)

// Bounds of an answer to an inline query.
const (
	inlineFor   = time.Second // finding and answering: the person is typing on
	inlineMost  = 20          // files offered; the Bot API takes 50
	inlineCache = 5           // seconds: a new result is offered soon
	inlineTitle = 100         // UTF-16 units of a prompt
)

// startWord is the word of a link that opens the private chat with the welcome.
// What was typed inline does not go with it: a prompt does not fit into the 64
// characters of a link, and one kept for every letter typed would be kept for
// nothing.
const startWord = "new"

// inlineQuery is what a person types after the bot's name, in any chat.
type inlineQuery struct {
	ID   string `json:"id"`
	From person `json:"from"`
	Text string `json:"query"`
}

// offer answers an inline query with the person's own results that Telegram
// has. Where one of them is not to be had any more, such as after a change of
// the bot, Telegram takes none: then there is only the button.
func (t *Telegram) offer(ctx context.Context, q *inlineQuery) {
	if q.From.IsBot {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, inlineFor)
	defer cancel()
	var offer bots.Offer
	t.receiver.working(ctx, func() {
		var err error
		origin := core.Origin{Identity: identity(q.From.ID), Lane: laneOf(q.From.ID), Locale: q.From.Language}
		if offer, err = t.cfg.Bot.Recent(ctx, origin, q.Text); err != nil {
			t.log.Warn("recent results were not found", "error", err)
		}
	})
	results := offered(offer.Tasks)
	err := t.answerInline(ctx, q, results, offer.New)
	if known := meaning(err); len(results) > 0 && (known == failFileID || known == failContent) {
		t.log.Warn("recent results are not offered", "error", err)
		err = t.answerInline(ctx, q, nil, offer.New)
	}
	switch meaning(err) {
	case failNone, failLate, failWait: // the next letter asks again
	default:
		t.log.Warn("an inline query was not answered", "error", err)
	}
}

func (t *Telegram) answerInline(ctx context.Context, q *inlineQuery, results []models.InlineQueryResult, label string) error {
	return t.try(ctx, &place{chat: q.From.ID}, 0, func() error {
		_, err := t.api.AnswerInlineQuery(ctx, &bot.AnswerInlineQueryParams{
			InlineQueryID: q.ID, Results: append([]models.InlineQueryResult{}, results...), CacheTime: inlineCache, IsPersonal: true,
			Button: &models.InlineQueryResultsButton{Text: label, StartParameter: startWord},
		})
		return err
	})
}

// offered are the files of the tasks that can be sent by their ids. The
// receipt of a batch is with its first task.
func offered(tasks []core.Task) (all []models.InlineQueryResult) {
	for _, task := range tasks {
		if !strings.HasPrefix(string(task.Lane()), Platform+":") {
			continue
		}
		files := readReceipt(task.Shown).Files
		for _, key := range slices.Sorted(maps.Keys(files)) {
			if result := cached(key, task.Request.Prompt, files[key]); result != nil && len(all) < inlineMost {
				all = append(all, result)
			}
		}
	}
	return all
}

// cached offers a file as what it was sent as; nil when that cannot be.
func cached(key, prompt string, file sentFile) models.InlineQueryResult {
	title := clip.Shorten(prompt, inlineTitle)
	if title == "" {
		title = key
	}
	switch file.As {
	case asPhoto, asSmaller:
		return &models.InlineQueryResultCachedPhoto{ID: key, PhotoFileID: file.ID, Title: title}
	case asVideo:
		return &models.InlineQueryResultCachedVideo{ID: key, VideoFileID: file.ID, Title: title}
	case asAnimation:
		return &models.InlineQueryResultCachedGif{ID: key, GifFileID: file.ID, Title: title}
	case asAudio:
		return &models.InlineQueryResultCachedAudio{ID: key, AudioFileID: file.ID}
	case asDocument:
		return &models.InlineQueryResultCachedDocument{ID: key, DocumentFileID: file.ID, Title: title}
	}
	return nil
}

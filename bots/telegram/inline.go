package telegram

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/core"
)

// Bounds of an answer to an inline query.
const (
	inlineFor   = time.Second // finding and answering: the person is typing on
	inlineMost  = 20          // files offered; the Bot API takes 50
	inlineCache = 5           // seconds: a new result is offered soon
	inlineTitle = 100         // UTF-16 units of a prompt
	// inlineStart is the word of the link to the private chat. It opens the
	// welcome: a prompt does not fit into the 64 characters of a link, and one
	// kept for every letter typed would be kept for nothing.
	inlineStart = "new"
)

// inlineQuery is what a person types after the bot's name, in any chat.
type inlineQuery struct {
	ID   string `json:"id"`
	From person `json:"from"`
	Text string `json:"query"`
}

// offer answers an inline query with the person's own results that Telegram has.
func (t *Telegram) offer(ctx context.Context, q *inlineQuery) {
	ctx, cancel := context.WithTimeout(ctx, inlineFor)
	defer cancel()
	results := []models.InlineQueryResult{}
	t.receiver.working(ctx, func() {
		tasks, err := t.cfg.Bot.Recent(ctx, identity(q.From.ID), q.Text)
		if err != nil {
			t.log.Warn("recent results were not found", "error", err)
			return
		}
		results = append(results, offered(tasks)...)
	})
	_, err := t.api.AnswerInlineQuery(ctx, &bot.AnswerInlineQueryParams{
		InlineQueryID: q.ID, Results: results, CacheTime: inlineCache, IsPersonal: true,
		Button: &models.InlineQueryResultsButton{Text: t.cfg.Bot.MakeNew(q.From.Language), StartParameter: inlineStart},
	})
	if err != nil && meaning(err) != failContent {
		t.log.Warn("an inline query was not answered", "error", err)
	}
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
	title := shortened(prompt, inlineTitle)
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

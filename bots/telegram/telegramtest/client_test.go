package telegramtest_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	tg "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots/telegram/telegramtest"
)

// echo is a small bot on a real client.
type echo struct {
	t     *testing.T
	photo []byte
}

func (e echo) handle(ctx context.Context, b *tg.Bot, u *models.Update) {
	ctx = context.WithoutCancel(ctx) // what was begun is finished
	switch {
	case u.CallbackQuery != nil:
		_, err := b.AnswerCallbackQuery(ctx, &tg.AnswerCallbackQueryParams{CallbackQueryID: u.CallbackQuery.ID, Text: "done"})
		e.check(err)
		m := u.CallbackQuery.Message.Message
		_, err = b.EditMessageMedia(ctx, &tg.EditMessageMediaParams{ChatID: m.Chat.ID, MessageID: m.ID, Media: &models.InputMediaPhoto{
			Media: "attach://p.png", MediaAttachment: bytes.NewReader(e.photo), Caption: "a cat", HasSpoiler: true,
		}})
		e.check(err)
		_, err = b.SendMediaGroup(ctx, &tg.SendMediaGroupParams{ChatID: m.Chat.ID, Media: []models.InputMedia{
			&models.InputMediaPhoto{Media: "attach://1.png", MediaAttachment: bytes.NewReader(e.photo), Caption: "album"},
			&models.InputMediaVideo{Media: "attach://2.mp4", MediaAttachment: bytes.NewReader([]byte("video")), Width: 16, Height: 9, Duration: 5, SupportsStreaming: true},
		}})
		e.check(err)
	case u.Message != nil && len(u.Message.Photo) > 0:
		f, err := b.GetFile(ctx, &tg.GetFileParams{FileID: u.Message.Photo[len(u.Message.Photo)-1].FileID})
		e.check(err)
		_, err = b.SendDocument(ctx, &tg.SendDocumentParams{
			ChatID: u.Message.Chat.ID, Document: &models.InputFileUpload{Filename: "copy.png", Data: bytes.NewReader(e.download(ctx, b, f))},
			Thumbnail: &models.InputFileUpload{Filename: "t.png", Data: bytes.NewReader(e.photo)},
		})
		e.check(err)
	case u.Message != nil:
		_, err := b.SetMessageReaction(ctx, &tg.SetMessageReactionParams{ChatID: u.Message.Chat.ID, MessageID: u.Message.ID, Reaction: []models.ReactionType{
			{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Emoji: "👀"}},
		}})
		e.check(err)
		_, err = b.SendChatAction(ctx, &tg.SendChatActionParams{ChatID: u.Message.Chat.ID, Action: models.ChatActionUploadPhoto})
		e.check(err)
		_, err = b.SendMessage(ctx, &tg.SendMessageParams{
			ChatID: u.Message.Chat.ID, Text: "you said " + u.Message.Text,
			ReplyParameters: &models.ReplyParameters{MessageID: u.Message.ID, AllowSendingWithoutReply: true},
			ReplyMarkup:     &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{{{Text: "🔄 again", CallbackData: "again"}}}},
		})
		e.check(err)
	}
}

func (e echo) check(err error) {
	if err != nil {
		e.t.Errorf("the bot failed: %v", err)
	}
}

func (e echo) download(ctx context.Context, b *tg.Bot, f *models.File) []byte {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.FileDownloadLink(f), nil)
	e.check(err)
	answer, err := http.DefaultClient.Do(r)
	e.check(err)
	defer answer.Body.Close()
	var all bytes.Buffer
	_, err = all.ReadFrom(answer.Body)
	e.check(err)
	return all.Bytes()
}

// A client that many bots use gets along with the server without a complaint.
func TestGoTelegram(t *testing.T) {
	s := telegramtest.NewServer(telegramtest.Config{Username: "catbot"})
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	photo := picture(t, 64, 32)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	b, err := tg.New(s.Token(), tg.WithServerURL(s.URL()), tg.WithHTTPClient(5*time.Second, client), tg.WithDefaultHandler(echo{t, photo}.handle),
		tg.WithNotAsyncHandlers(), tg.WithAllowedUpdates(tg.AllowedUpdates{"message", "callback_query"}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.Start(ctx); close(ended) }()
	defer func() { stop(); <-ended }()

	ann := s.Person("Ann", telegramtest.Language("ru"))
	said := ann.Types("привет 🐱")
	msg := ann.Next(t)
	if msg.Text != "you said привет 🐱" || msg.ReplyTo == nil || msg.ReplyTo.ID != said.ID {
		t.Errorf("the bot said %v", msg)
	}
	if got := ann.Private().Message(said.ID).Reactions; len(got) != 1 || got[0] != "👀" {
		t.Errorf("reactions are %q", got)
	}
	if got := ann.Presses(msg, "🔄").Answer(t); got.Text != "done" {
		t.Errorf("the press was answered %+v", got)
	}
	msg = ann.Private().Becomes(t, msg, func(m telegramtest.Message) bool { return m.Kind() == "photo" })
	if msg.Caption != "a cat" || !msg.Spoiler || !bytes.Equal(msg.Bytes(), photo) || msg.Edits != 1 {
		t.Errorf("the message became %v", msg)
	}
	one, two := ann.Next(t), ann.Next(t)
	if one.MediaGroupID == "" || one.MediaGroupID != two.MediaGroupID || two.File().Width != 16 || !two.File().Streaming {
		t.Errorf("the album is %v, %v", one, two)
	}
	ann.Sends(telegramtest.Photo(photo), "look")
	if got := ann.Next(t); got.Kind() != "document" || !bytes.Equal(got.Bytes(), photo) || got.File().FileName != "copy.png" || got.Thumbnail() == nil {
		t.Errorf("the copy is %v", got)
	}
	for _, c := range s.Complaints() {
		t.Errorf("complaint: %v", c)
	}
}

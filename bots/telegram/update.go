package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The part of the Bot API's types that receiving needs (Bot API, "Available
// types"). What is not here is not decoded, so that a new kind of message
// cannot break the reading of the others.

// update is one thing that happened, in the bytes that Telegram sent.
type update struct {
	ID      int64        `json:"update_id"`
	Message *message     `json:"message"`
	Post    *message     `json:"channel_post"`
	Press   *press       `json:"callback_query"`
	Inline  *inlineQuery `json:"inline_query"`
	// Checkout never gets into a receiver: see checkouts.
	Checkout *checkout `json:"pre_checkout_query"`

	raw json.RawMessage
}

type message struct {
	ID        int      `json:"message_id"`
	Thread    int      `json:"message_thread_id"`
	InTopic   bool     `json:"is_topic_message"`
	From      *person  `json:"from"`
	Sender    *chat    `json:"sender_chat"` // an anonymous admin's group, or a channel
	Forwarded bool     `json:"is_automatic_forward"`
	Chat      chat     `json:"chat"`
	Album     string   `json:"media_group_id"`
	Answers   *message `json:"reply_to_message"`
	Text      string   `json:"text"`
	Caption   string   `json:"caption"`

	Photo     []photo   `json:"photo"`
	Document  *document `json:"document"`
	Video     *document `json:"video"`
	Animation *document `json:"animation"`
	Audio     *document `json:"audio"`
	Voice     *document `json:"voice"`
	VideoNote *document `json:"video_note"`
	Sticker   *sticker  `json:"sticker"`

	Entities []entity `json:"entities"`

	MovedTo int64 `json:"migrate_to_chat_id"`

	Paid          *payment        `json:"successful_payment"`
	PaidBack      *payment        `json:"refunded_payment"`
	ForwardOrigin json.RawMessage `json:"forward_origin"`
}

type entity struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type person struct {
	ID       int64  `json:"id"`
	IsBot    bool   `json:"is_bot"`
	First    string `json:"first_name"`
	Last     string `json:"last_name"`
	Language string `json:"language_code"`
}

type chat struct {
	ID    int64  `json:"id"`
	Type  string `json:"type"` // private, group, supergroup or channel
	Title string `json:"title"`
}

type fileID struct {
	ID   string `json:"file_id"`
	Size *int64 `json:"file_size"` // not always there
}

type photo struct {
	fileID
	Width  int `json:"width"`
	Height int `json:"height"`
}

type document struct {
	fileID
	Name string `json:"file_name"`
	Type string `json:"mime_type"`
}

type sticker struct {
	fileID
	Animated bool `json:"is_animated"`
	Video    bool `json:"is_video"`
}

// press is a press on a button. Its message has a chat and an id at least.
type press struct {
	ID      string   `json:"id"`
	From    person   `json:"from"`
	Message *message `json:"message"`
	Data    string   `json:"data"`
}

// errNoID says that something that came as an update has no id.
var errNoID = errors.New("an update without an id")

// readUpdate decodes one update. A broken one still has its id, if that can be
// read; an error that is errNoID says that it has none.
func readUpdate(raw json.RawMessage) (update, error) {
	var id struct {
		ID int64 `json:"update_id"`
	}
	u := update{raw: raw}
	if err := json.Unmarshal(raw, &u); err == nil && u.ID > 0 {
		return u, nil
	}
	if json.Unmarshal(raw, &id) != nil || id.ID <= 0 {
		return update{}, errNoID
	}
	return update{ID: id.ID}, fmt.Errorf("update %d is not of a form that is known", id.ID)
}

// message is what the update is about, nil when it is about nothing of ours.
func (u update) message() *message {
	switch {
	case u.Message != nil:
		return u.Message
	case u.Post != nil:
		return u.Post
	case u.Press != nil:
		return u.Press.Message
	}
	return nil
}

// chatID is the chat that the update belongs to: its updates are handled in order.
func (u update) chatID() int64 {
	if m := u.message(); m != nil {
		return m.Chat.ID
	}
	if u.Press != nil {
		return u.Press.From.ID
	}
	if u.Inline != nil {
		return u.Inline.From.ID
	}
	return 0
}

package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An admin's news go to the chats that asked for them (ChatSettings.News), as
// one delivery each. All of them are stored in one commit, so that a process
// that dies in the middle has told everybody or nobody, and the courier shows
// them like any other, when nothing else waits.

const (
	ReasonNoNews    Reason = "no_news"    // news without words, or of more than Refusal.Max characters
	ReasonNewsTwice Reason = "news_twice" // the same words went out a moment ago
	ReasonNewsFull  Reason = "news_full"  // no more than Refusal.Max chats can have news
)

const (
	// newsMax is how long news may be, in characters: what one message takes
	// everywhere, even with each of them escaped.
	newsMax = 1000
	// newsChats bounds the commit.
	newsChats = 5000
	// newsAgain is how long the same words are not sent again.
	newsAgain = time.Hour

	newsSetting     = "news"      // the lanes that asked for news
	newsLastSetting = "news_last" // what went out last
)

// newsSent is the last broadcast.
type newsSent struct {
	Sum string    `json:"sum"`
	At  time.Time `json:"at"`
}

// Broadcast tells every chat that asked for news, and answers how many there
// are. They are told one after the other; a chat that cannot be reached any
// more gets none from then on.
func (e *Engine) Broadcast(ctx context.Context, act Act, text string) (chats int, err error) {
	if err := act.check(); err != nil {
		return 0, err
	}
	text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
	sum := sha256.Sum256([]byte(text))
	sent := newsSent{Sum: hex.EncodeToString(sum[:])}
	err = e.act(ctx, act, "broadcast", "everybody", func(c *change) (string, error) {
		if text == "" || utf8.RuneCountInString(text) > newsMax {
			return "", &Refusal{Reason: ReasonNoNews, Max: newsMax}
		}
		var last newsSent
		if _, err := settingJSON(c.Tx, newsLastSetting, &last); err != nil {
			return "", err
		}
		if last.Sum == sent.Sum && c.now.Sub(last.At).Abs() < newsAgain {
			return "", &Refusal{Reason: ReasonNewsTwice}
		}
		sent.At = c.now
		if err := c.putJSON(newsLastSetting, sent); err != nil {
			return "", err
		}
		lanes, err := newsLanes(c.Tx)
		if err != nil {
			return "", err
		}
		for _, lane := range lanes {
			if err := c.tell(Delivery{Lane: lane, Kind: DeliverNews, Text: text}); err != nil {
				return "", err
			}
		}
		chats = len(lanes)
		return text, nil
	})
	return chats, err
}

// newsLanes are the chats that asked for news, in the order of their names.
func newsLanes(tx Tx) (lanes []Lane, err error) {
	_, err = settingJSON(tx, newsSetting, &lanes)
	return lanes, err
}

// SetNews lets the chat of the origin have news or not. Who may say so is an
// admin of the chat, and a person in a conversation with the bot.
func (e *Engine) SetNews(ctx context.Context, origin Origin, on bool) error {
	origin.Admin = origin.Admin || origin.Place == ""
	return e.actThere(ctx, origin, "news", func(c *change, asked asked) (string, error) {
		detail := "off"
		if on {
			detail = "on"
		}
		return detail, c.setNews(asked.chat, on)
	})
}

// setNews stores whether the chat has news, with the chat and in the list.
func (c *change) setNews(chat Chat, on bool) error {
	lanes, err := newsLanes(c.Tx)
	if err != nil {
		return err
	}
	at, listed := slices.BinarySearch(lanes, chat.Lane)
	switch {
	case on && !listed && len(lanes) >= newsChats:
		return &Refusal{Reason: ReasonNewsFull, Max: newsChats}
	case on && !listed:
		lanes = slices.Insert(lanes, at, chat.Lane)
	case !on && listed:
		lanes = slices.Delete(lanes, at, at+1)
	}
	chat.Settings.News = on
	return errors.Join(c.PutChat(chat), c.putJSON(newsSetting, lanes))
}

// moveNews lets the chat have its news where it is now, and no more where it was.
func (c *change) moveNews(old, chat Chat) error {
	on := old.Settings.News || chat.Settings.News
	if !on {
		return c.PutChat(chat)
	}
	if err := c.setNews(old, false); err != nil {
		return err
	}
	return c.setNews(chat, true)
}

// tryNews makes one attempt to show news.
func (c *courier) tryNews(work context.Context, w *waiting) outcome {
	d := w.Delivery
	var chat Chat
	err := c.e.store.View(work, func(tx Tx) (err error) {
		chat, err = chatOrNone(tx, d.Lane)
		return err
	})
	switch {
	case err != nil:
		return c.again(work, d, err)
	case !chat.Settings.News: // not wanted any more
		return c.drop(work, d)
	}
	p := Parcel{Delivery: d, Keep: func(ctx context.Context, part json.RawMessage) error {
		d.Part = part
		return c.store(ctx, d)
	}}
	data, err := c.hand(work, p)
	w.Delivery.Part = d.Part
	if err == nil {
		return c.keep(work, d, &receipt{data}, nil)
	}
	var known *DeliveryError
	switch {
	case errors.As(err, &known) && known.Permanent:
		return c.stopNews(work, d, err)
	case d.Attempts+1 >= maxTries && c.e.cfg.Now().Sub(d.Created) >= patience:
		return c.drop(work, d)
	}
	return c.again(work, d, err)
}

// stopNews commits that the chat is gone: it gets no news from now on.
func (c *courier) stopNews(work context.Context, d Delivery, reason error) outcome {
	c.e.log.Info("a chat cannot be told news and gets none any more", "lane", string(d.Lane), "error", reason)
	err := c.e.update(context.WithoutCancel(work), func(ch *change) error {
		chat, err := chatOrNone(ch.Tx, d.Lane)
		if err != nil {
			return err
		}
		return errors.Join(ch.setNews(chat, false), ch.DeleteDelivery(d.ID))
	})
	if err != nil {
		return c.again(work, d, err)
	}
	return outcome{delivery: d, over: true}
}

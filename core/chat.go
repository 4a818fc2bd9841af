package core

import (
	"cmp"
	"context"
	"errors"
)

// MoveChat notes that the platform gave a chat another lane, as Telegram does
// when a group becomes a supergroup: the chat keeps its limits, and what it has
// used today and holds. It may be called again for the same move.
//
// Nothing that was booked is rewritten: the windows of a chat keep the name of
// its first lane. What waits in the old lane stays there for the adapter, which
// knows the way.
func (e *Engine) MoveChat(ctx context.Context, from, to Lane) error {
	err := e.update(ctx, func(c *change) error {
		old, err := chatOrNone(c.Tx, from)
		if err != nil {
			return err
		}
		chat, err := chatOrNone(c.Tx, to)
		if err != nil || chat.First != "" || from == to {
			return err
		}
		chat.First = cmp.Or(old.First, from)
		chat.Limits = chat.Limits.over(old.Limits)
		chat.Settings = chat.Settings.over(old.Settings)
		chat.Rules = chat.Rules.over(old.Rules)
		return c.moveNews(old, chat)
	})
	return unavailable(err)
}

// chatOrNone is what is kept about the chat; the zero value but for its lane when nothing is.
func chatOrNone(tx Tx, lane Lane) (Chat, error) {
	chat, err := tx.Chat(lane)
	if errors.Is(err, ErrNotFound) {
		return Chat{Lane: lane}, nil
	}
	return chat, err
}

package bots

import (
	"context"
	"slices"
	"strings"

	"kiebot/core"
)

const recentSearched = 100 // tasks that are looked through

// Recent lists the person's tasks that succeeded and whose prompt has every
// one of the words, in any case, newest first. A stranger has none.
func (b *Bot) Recent(ctx context.Context, who core.Identity, words string) ([]core.Task, error) {
	tasks, err := b.engine.History(ctx, who, "", recentSearched)
	wanted := strings.Fields(strings.ToLower(words))
	return slices.DeleteFunc(tasks, func(t core.Task) bool {
		prompt := strings.ToLower(t.Request.Prompt)
		return t.State != core.Succeeded || slices.ContainsFunc(wanted, func(word string) bool { return !strings.Contains(prompt, word) })
	}), err
}

// MakeNew names a button that leads to where something new can be made.
func (b *Bot) MakeNew(locale string) string { return b.voice(locale).say("make_new", nil) }

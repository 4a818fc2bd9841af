package bots

import (
	"context"
	"slices"
	"strings"

	"kiebot/core"
)

const recentSearched = 100 // tasks that are looked through

// Offer is what a person can choose from while they type somewhere else.
type Offer struct {
	Tasks []core.Task // of which something may have come out, newest first
	New   string      // names a button that leads to where something new can be made
}

// Recent offers the person's own tasks whose prompt has every one of the
// words, in any case. A stranger has none. With an error there are no tasks,
// and the button is named all the same.
func (b *Bot) Recent(ctx context.Context, origin core.Origin, words string) (Offer, error) {
	offer := Offer{New: b.session(ctx, Incoming{Origin: origin}).say("make_new", nil)}
	tasks, err := b.engine.History(ctx, origin.Identity, "", recentSearched)
	wanted := strings.Fields(strings.ToLower(words))
	offer.Tasks = slices.DeleteFunc(tasks, func(t core.Task) bool {
		prompt := strings.ToLower(t.Request.Prompt)
		return slices.ContainsFunc(wanted, func(word string) bool { return !strings.Contains(prompt, word) })
	})
	return offer, err
}

package discord

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"kiebot/core"
)

// receipt is what core keeps for us about the messages of a batch. In
// Delivery.Part it is how far a delivery came before a call failed.
type receipt struct {
	Channel string `json:"channel,omitempty"`
	// Message is the one that has the buttons and is edited in place; empty
	// when there is none, or when only the interaction's token names it.
	Message string `json:"message,omitempty"`
	// Hooked says that the message is the interaction's answer, which its token edits.
	Hooked bool `json:"hooked,omitempty"`
	// Alone says that only the person sees it, so that the bot cannot edit it by itself.
	Alone bool `json:"alone,omitempty"`
	// Expired says that Discord has refused the interaction's token.
	Expired bool `json:"expired,omitempty"`
	// Laid says that the message has components of version 2, which stays so.
	Laid bool `json:"laid,omitempty"`
	// Shows is a digest of what the message says.
	Shows string `json:"shows,omitempty"`
	// Others are the further messages of a result.
	Others []string `json:"others,omitempty"`
	// Done names the files that were sent, in a Part.
	Done []string `json:"done,omitempty"`
	// Down says how many steps down the ladder a file had to go, in a Part.
	Down map[string]int `json:"down,omitempty"`
}

// outputKey names the n-th output of a task, as the media spool does.
func outputKey(task core.TaskID, n int) string { return string(task) + "-" + strconv.Itoa(n) }

// readReceipt decodes what core gives back; what is not ours is nothing.
func readReceipt(data json.RawMessage) receipt {
	var r receipt
	if err := json.Unmarshal(data, &r); err != nil {
		return receipt{}
	}
	return r
}

func (r receipt) encode() (json.RawMessage, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a receipt: %w", err)
	}
	return data, nil
}

// shown says whether there is a message to edit.
func (r receipt) shown() bool { return r.Message != "" || r.Hooked }

func (r receipt) has(key string) bool { return slices.Contains(r.Done, key) }

func (r receipt) begun() bool { return len(r.Done) > 0 || len(r.Down) > 0 || r.Expired }

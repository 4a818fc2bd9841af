package telegram

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/go-telegram/bot/models"

	"kiebot/core"
)

// receipt is what core keeps for us about the messages of a batch. In
// Delivery.Part it is how far a delivery came before a call failed.
type receipt struct {
	Chat int64 `json:"chat"`
	// Message is the one that has the buttons and is edited in place; zero when
	// there is none: somebody deleted it, or Telegram gave it no id.
	Message int `json:"message,omitempty"`
	// Shows is a digest of what the message says, so that an edit that changes
	// nothing, which Telegram refuses, is not asked for.
	Shows string `json:"shows,omitempty"`
	// Others are the further messages of a result, such as an album's.
	Others []int `json:"others,omitempty"`
	// Files are what Telegram has of the outputs, by outputKey.
	Files map[string]sentFile `json:"files,omitempty"`
	// End says that it is about the end of the batch.
	End bool `json:"end,omitempty"`
	// Done names the steps that were taken, in a Part.
	Done []string `json:"done,omitempty"`
	// Cuts is how often the connection broke under a file, in a Part.
	Cuts int `json:"cuts,omitempty"`
}

// sentFile is a file that Telegram has: sent again by its id it costs no
// upload, but only as what it was sent as.
type sentFile struct {
	As shape  `json:"as"`
	ID string `json:"id"`
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

func (r *receipt) did(step string)        { r.Done = append(r.Done, step) }
func (r *receipt) has(step string) bool   { return slices.Contains(r.Done, step) }
func (r *receipt) begun() bool            { return len(r.Done) > 0 }
func (r *receipt) keep(m *models.Message) { r.Others = append(r.Others, idOf(m)...) }

// inherit keeps the files of an earlier receipt of the batch.
func (r *receipt) inherit(before receipt) {
	for key, file := range before.Files {
		if _, newer := r.Files[key]; !newer {
			r.putFile(key, file)
		}
	}
}

func (r *receipt) putFile(key string, file sentFile) {
	if r.Files == nil {
		r.Files = map[string]sentFile{}
	}
	r.Files[key] = file
}

// idOf is the message's id as a list: empty for one that Telegram gave none,
// as it does when it shows a message later.
func idOf(m *models.Message) []int {
	if m == nil || m.ID == 0 {
		return nil
	}
	return []int{m.ID}
}

// digest is what a message shows, in few characters.
func digest(t *text, keys *models.InlineKeyboardMarkup) string {
	h := fnv.New64a()
	fmt.Fprint(h, t.String(), "\x00", t.entities, "\x00")
	if keys != nil {
		for _, row := range keys.InlineKeyboard {
			for _, b := range row {
				fmt.Fprint(h, b.Text, "\x00", b.CallbackData, "\x00")
			}
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

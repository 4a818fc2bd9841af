package discord

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"

	"kiebot/bots"
	"kiebot/bots/clip"
)

// How long texts may be. Discord counts characters; UTF-16 units are never fewer.
const (
	contentMax = 2000 // of a message without components of version 2
	displayMax = 4000 // of all texts of one with them
	labelMax   = 80   // of a button
)

// How many there may be.
const (
	galleryMax = 10 // files in one message
	rowMax     = 5  // buttons side by side
	rowsMax    = 5  // rows in a message without components of version 2
)

// The flags of messages (Discord docs, "Message Flags").
const (
	flagNoEmbeds   = 1 << 2 // no previews of links
	flagEphemeral  = 1 << 6
	flagComponents = 1 << 15 // components of version 2; it cannot be taken back
)

// draft is a message to be sent, or what one becomes.
type draft struct {
	Content    json.RawMessage              `json:"content,omitempty"`
	Flags      int                          `json:"flags,omitempty"`
	Components []discordgo.MessageComponent `json:"components"`
	Files      []draftFile                  `json:"attachments"`
	Mentions   mentions                     `json:"allowed_mentions"`
	Nonce      string                       `json:"nonce,omitempty"`
	Enforce    bool                         `json:"enforce_nonce,omitempty"`

	uploads []upload
}

// draftFile is one of the uploads, by its number.
type draftFile struct {
	ID      int    `json:"id"`
	Name    string `json:"filename"`
	Spoiler bool   `json:"is_spoiler,omitempty"`
}

// mentions calls nobody: without it Discord reads mentions out of the text.
type mentions struct {
	Parse []string `json:"parse"`
}

// newDraft is an empty message: its lists are sent empty, not left out.
func newDraft() draft {
	return draft{Components: []discordgo.MessageComponent{}, Files: []draftFile{}, Mentions: mentions{Parse: []string{}}}
}

// saying is a message of words and buttons.
func saying(words string, buttons []bots.Button) draft {
	d := newDraft()
	d.Components = rowsOf(buttons)
	if len(d.Components) > rowsMax || laidOut(buttons) {
		return layingOut(words, buttons)
	}
	d.say(clip.Shorten(words, contentMax))
	return d
}

// layingOut is a page of a menu, which has more rows.
func layingOut(words string, buttons []bots.Button) draft {
	d := newDraft()
	d.Flags = flagComponents
	d.Components = append(d.Components, discordgo.TextDisplay{Content: orBlank(clip.Shorten(words, displayMax))})
	d.Components = append(d.Components, rowsOf(buttons)...)
	return d
}

// page is the reply in place of the message whose button was pressed. One that
// is laid out stays so: that cannot be taken back.
func (i *interaction) page(r bots.Reply) draft {
	if i.Message != nil && i.Message.Flags&flagComponents != 0 {
		return layingOut(replyText(r), r.Buttons)
	}
	return saying(replyText(r), r.Buttons)
}

// laidOut says whether the buttons have rows of their own, as a menu's have.
func laidOut(buttons []bots.Button) bool {
	for _, b := range buttons {
		if b.Row > 0 {
			return true
		}
	}
	return false
}

func (d *draft) say(words string) {
	data, err := json.Marshal(words)
	if err != nil {
		panic(fmt.Sprintf("a text does not encode: %v", err))
	}
	d.Content = data
	d.Flags |= flagNoEmbeds
}

// editing is the draft as an edit: the text that it does not have is taken away.
func (d draft) editing() draft {
	if d.Content == nil {
		d.Content = json.RawMessage("null")
	}
	d.Flags &^= flagEphemeral // as it was
	return d
}

// alone is the draft for one person's eyes.
func (d draft) alone() draft {
	d.Flags |= flagEphemeral
	return d
}

// orBlank is the text, or one that nobody sees where there must be one.
func orBlank(text string) string {
	if strings.TrimSpace(text) == "" {
		return "\u200b"
	}
	return text
}

// digest is what the draft shows, in few characters.
func (d draft) digest() string {
	data, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("a message does not encode: %v", err))
	}
	h := fnv.New64a()
	h.Write(data)
	return strconv.FormatUint(h.Sum64(), 36)
}

// rowsOf lays the buttons out: in their rows, or in as few as there is room for.
func rowsOf(buttons []bots.Button) []discordgo.MessageComponent {
	rows := []discordgo.MessageComponent{}
	var row []discordgo.MessageComponent
	last := 0
	end := func() {
		if len(row) > 0 {
			rows = append(rows, discordgo.ActionsRow{Components: row})
		}
		row = nil
	}
	for _, b := range buttons {
		if b.Data == "" || b.Needs == bots.CanSendFile { // a picture is shown as the file that it is
			continue
		}
		if b.Row != last || len(row) == rowMax {
			end()
		}
		last = b.Row
		row = append(row, buttonOf(b))
	}
	end()
	return rows
}

func buttonOf(b bots.Button) discordgo.Button {
	button := discordgo.Button{Label: clip.Shorten(b.Label, labelMax), Style: discordgo.SecondaryButton, CustomID: b.Data}
	if b.Emoji != "" {
		button.Emoji = &discordgo.ComponentEmoji{Name: b.Emoji}
	}
	return button
}

// linkButton leads out of Discord.
func linkButton(label, url string) discordgo.Button {
	return discordgo.Button{Label: clip.Shorten(label, labelMax), Style: discordgo.LinkButton, URL: url, Emoji: &discordgo.ComponentEmoji{Name: "🔗"}}
}

// plainly is a text that shows as it was typed: what Discord reads as markup
// is marked as text.
func plainly(text string) string {
	var out strings.Builder
	begins := true // a line
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if strings.ContainsRune("\\*_~`|<[", r) || begins && strings.ContainsRune("#-+>", r) {
			out.WriteByte('\\')
		}
		begins = r == '\n' || begins && r == ' '
		out.WriteRune(r)
	}
	return out.String()
}

// replyText is a reply in one text: what it says, and the lines of its list.
func replyText(r bots.Reply) string {
	var out strings.Builder
	out.WriteString(plainly(r.Text))
	if r.Menu {
		return out.String() // the buttons lead to the items
	}
	group := ""
	for _, item := range r.Items {
		if item.Group != group {
			group = item.Group
			out.WriteString("\n\n**" + plainly(group) + "**")
		}
		out.WriteString("\n" + plainly(clip.Shorten(item.Title, itemPrompt)))
		if item.Detail != "" {
			out.WriteString(" – " + plainly(item.Detail))
		}
	}
	return out.String()
}

const itemPrompt = 120 // UTF-16 units of a prompt in a list

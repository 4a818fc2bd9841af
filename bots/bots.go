package bots

import (
	"context"
	"errors"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Incoming is one thing a person sent: a command, or a press on a button.
type Incoming struct {
	// Key names the platform's update; the same key twice starts nothing new.
	Key string
	// Origin says who, where and in which language. Identity and Lane are required.
	Origin core.Origin
	// Text is what was typed, unused by Press.
	Text string
}

// Config is what a Bot needs. Engine and Catalog are required.
type Config struct {
	Engine   *core.Engine
	Catalog  *catalog.Catalog
	Locale   string           // default language, BCP 47; empty means English
	Now      func() time.Time // nil means time.Now
	Location *time.Location   // in which times are shown; nil means UTC
}

// Bot answers people. Its methods may be called concurrently and never panic,
// whatever they are given.
type Bot struct {
	cfg Config
}

// New checks the configuration and reads the embedded texts.
func New(cfg Config) (*Bot, error) {
	if cfg.Engine == nil || cfg.Catalog == nil {
		return nil, errors.New("bots: Config.Engine and Config.Catalog are required")
	}
	return &Bot{cfg: cfg}, nil
}

// Reply is the immediate answer to a command or a press. When Accepted is
// set, Text is empty: the request is durable and the lane shows the rest.
type Reply struct {
	Text     string        // plain text, may have several lines
	Accepted []core.TaskID // the batch, its lead first
	Refused  bool          // nothing was done; Text says why
	Items    []Item        // the lines of a list, when the answer is one
	Buttons  []Button
}

// Item is one line of a list such as /models or /history. Text holds no part of it.
type Item struct {
	Title  string      // a model's name, a prompt, a command
	Detail string      // price, choices, state and time
	Insert string      // what to put into the input field when it is chosen; may be empty
	Task   core.TaskID // the task of a /history line
	State  core.State  // the state of that task
}

// Button is something to press. Data goes to Press as it is; it is at most 64
// bytes and keeps working after a restart.
type Button struct {
	Emoji string // one symbol for the label's meaning
	Label string // in the person's language, without the emoji
	Data  string
}

// Message is a delivery in words.
type Message struct {
	ID      string            // the lead's task id: what is shown again under the same ID replaces it
	Kind    core.DeliveryKind // as in the parcel
	State   core.State        // of the batch: running or waiting as long as one task is not final
	Prompt  string            // what the person asked for
	Name    string            // who asked
	Status  string            // one line: where it stands, or why it failed and whether anything was charged
	Details string            // one line under a result: model, options, credits, job id
	Started time.Time         // since when it runs, for a live clock; zero when it does not
	Media   []Media           // what was made, in order
	Notes   []string          // further sentences
	Buttons []Button
}

// Media is one thing that was made. Either File or URL or Text is set.
type Media struct {
	Task  core.TaskID
	Kind  media.Kind
	File  *media.File // the fetched copy; not to be changed
	URL   string      // Kie's link, only when there is no copy; it expires, a note says when
	Title string      // of a song, may be empty
	Text  string      // the result itself when it is text
}

// Suggestion is one way to go on typing.
type Suggestion struct {
	Insert string // the whole new text
	Label  string // what is inserted, short
	Detail string // what it means, or what it costs
}

// Command answers what a person typed. It blocks until the request is durable
// or refused, and returns no error: the answer is always a sentence.
func (b *Bot) Command(ctx context.Context, in Incoming) Reply { return Reply{} }

// Press answers a press on a button. in.Text is not used.
func (b *Bot) Press(ctx context.Context, in Incoming, data string) Reply { return Reply{} }

// Show puts a delivery into words, in the language of the request. It asks
// the engine for the person's balance and for nothing else.
func (b *Bot) Show(ctx context.Context, p core.Parcel) Message { return Message{} }

// Suggest offers up to 25 ways to go on typing, from memory, best first.
func (b *Bot) Suggest(text, locale string) []Suggestion { return nil }

package bots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// Text is what was typed; for Press, what somebody answered to Reply.Ask, else unused.
	Text string
	// Given are options that came in fields of their own, beside the text.
	Given []Given
	// Attach gives what the value of a file option such as --image means in
	// this chat, for instance a local path; it may block. Its error says that
	// there is no such file (fs.ErrNotExist) or that it cannot be read. It is
	// not called for https links, which go to Kie as they are. Nil means that
	// this chat takes no files.
	Attach func(typed string) (core.InputFile, error)
	// Files came with the text, or with the message that it answers, in order.
	Files []Attached
	// Answers is whose message the person answered; zero when it is nobody's.
	Answers core.Identity
	// Alone finds out whether the person can be shown something alone: it is
	// empty when they can, else the link to where they have to write first. It
	// may block, and is asked only about what is for the person alone. Nil means
	// that they can.
	Alone func(ctx context.Context) (link string)
}

// Catalog is the part of catalog.Catalog that a Bot uses. It may answer
// differently from call to call.
type Catalog interface {
	core.Catalog
	DefaultFor(kind catalog.Kind) catalog.Model
	Families(kind ...catalog.Kind) []catalog.Family
	Resolve(name string, options map[catalog.Option]string) (catalog.Model, error)
}

// Config is what a Bot needs. Engine and Catalog are required.
type Config struct {
	Engine   *core.Engine
	Catalog  Catalog
	Locale   string           // default language, BCP 47, one that has texts; empty means English
	Now      func() time.Time // nil means time.Now
	Location *time.Location   // in which times are shown; nil means UTC
	// Answers is how many answers one person gets at once, results not
	// counted; one more is earned every three seconds. Beyond that one sentence
	// says so, and then there is silence for half a minute. Zero means 20, a
	// negative number no bound.
	Answers int
	// Admins run the bot.
	Admins []core.Identity
	// Sale is what people can buy.
	Sale Sale
	// Tell says something to a person, or to a chat as itself, without being
	// asked; nil says nothing to anybody. It may block.
	Tell func(ctx context.Context, to core.Identity, words string) error
}

// Bot answers people. Its methods may be called concurrently and never panic,
// whatever they are given.
type Bot struct {
	engine   *core.Engine
	catalog  offered
	texts    *texts
	now      func() time.Time
	location *time.Location
	pace     *pace
	admins   []core.Identity
	sale     Sale
	tell     func(ctx context.Context, to core.Identity, words string) error
}

// New checks the configuration and reads the embedded texts.
func New(cfg Config) (*Bot, error) {
	if cfg.Engine == nil || cfg.Catalog == nil {
		return nil, errors.New("bots: Config.Engine and Config.Catalog are required")
	}
	texts, err := readTexts(cfg.Locale)
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	b := &Bot{engine: cfg.Engine, catalog: offered{cfg.Catalog, cfg.Engine}, texts: texts, now: cfg.Now, location: cfg.Location, pace: newPace(cfg.Answers), admins: cfg.Admins, sale: cfg.Sale, tell: cfg.Tell}
	if b.now == nil {
		b.now = time.Now
	}
	if b.location == nil {
		b.location = time.UTC
	}
	return b, nil
}

// voice speaks the language that fits the locale best.
func (b *Bot) voice(locale string) voice {
	return voice{speaker: b.texts.speakers[b.texts.code(locale)], now: b.now(), location: b.location}
}

// Reply is the immediate answer to a command or a press. When Accepted is
// set, Text is empty: the request is durable and the lane shows the rest.
type Reply struct {
	Text     string        // plain text, may have several lines
	Accepted []core.TaskID // the batch, its lead first; the lane shows it
	Refused  bool          // nothing was done; Text says why
	Wrong    bool          // beside Refused, of Admin: the words mean nothing
	Asks     bool          // nothing was done yet: Text asks about the price, and the first of Buttons agrees
	Silent   bool          // the person had too many answers: show nothing at all
	Private  bool          // for nobody else's eyes: in a chat with others show it to this person alone, or not at all
	Items    []Item        // the lines of a list, shown below Text, when the answer is one
	Buttons  []Button      // what can be done next
	// Menu says that Buttons lead to everything in Items, page by page: a chat
	// with little room can leave Items out.
	Menu bool
	// Ask says that Text asks for words, and what they are for: where the chat
	// can tell which message is the answer, its text goes to Press as
	// Incoming.Text, with this as the data. A chat that cannot shows Text alone.
	// Draft is what to begin with; it may be empty.
	Ask, Draft string

	// Document is for the person, below Text; only where CanAttach.
	Document *Document

	// Invoice asks for a payment; Text is empty then. Only on Sale.Platform.
	Invoice *Invoice

	// The rest is about the message whose button was pressed, so only an
	// answer to a press has it.

	// Replaces says that Text, Items and Buttons take the place of that
	// message: it is a menu, and this is its next page. Without a message to
	// change they are shown like any other answer.
	Replaces bool
	// Deletes says that the message goes, with all others that show the same
	// end. A chat that cannot delete takes its buttons away. Lead is the batch
	// whose end it is; empty for a message that stands for itself.
	Deletes bool
	Lead    core.TaskID
	// Alert says that Text is for nobody but who pressed and need not stay: it
	// is shown over the chat where the platform can do that.
	Alert bool
}

// Item is one line of a list such as /models or /history.
type Item struct {
	Group  string      // the heading that it stands under; items of a group follow each other; may be empty
	Title  string      // a model's name, a prompt, a command
	Detail string      // price, choices, state and time
	Insert string      // what to put into the input field when it is chosen; may be empty
	Task   core.TaskID // the task of a /history line
	State  core.State  // the state of that task
	// Picture is of what the task made; nil for none. It can be made smaller
	// (media.CanShrink) and is not to be changed. Without a Path it has to be
	// fetched first, as Thumbs and links do. With Spoiler it is hidden until
	// somebody looks.
	Picture *media.File
	Spoiler bool

	bring func(ctx context.Context, name string) (media.File, error) // a Picture that is not here
}

// Button is something to press. Data goes to Press as it is; it is at most 64
// bytes and keeps working after a restart. Text is the command that does the
// same. With Edit it is to be changed first: it goes into the input field, and
// a chat that cannot do that sends Data, which asks for the words instead.
type Button struct {
	Emoji string // one symbol for the label's meaning
	Label string // in the person's language, without the emoji
	Data  string
	Text  string // may be empty
	Edit  bool   // Text is to be changed before it is sent
	// Row says which buttons stand side by side: those of the same number, and
	// those of the next below them. Zero leaves it to the chat.
	Row int
	// Needs is what a chat must be able to do; one that cannot leaves the button out.
	Needs Ability
}

// Ability is something that not every chat can do.
type Ability string

// The abilities.
const (
	CanDelete   Ability = "delete"    // take messages away
	CanSendFile Ability = "send_file" // send a picture as the file it is, beside showing it
	CanAttach   Ability = "attach"    // attach a Document
)

// session is one command being answered.
type session struct {
	voice
	in       Incoming
	call     call
	settings core.Settings // what the person and the chat chose
	unread   error         // why the settings are not known
	// What create finds out about the jobs that the command works from.
	parent core.TaskID                       // the job, if there is one
	shown  string                            // what it was asked for
	files  map[catalog.Option]core.InputFile // results that were given as files
}

// Command answers what a person typed. It blocks until the request is durable
// or refused, and returns no error: the answer is always a sentence.
func (b *Bot) Command(ctx context.Context, in Incoming) Reply {
	s := b.session(ctx, in)
	s.call = parse(in.Text, in.Given...)
	reply := b.answer(ctx, s)
	reply.Replaces = false // the first page of a menu is a message of its own
	return reply
}

func (b *Bot) answer(ctx context.Context, s session) Reply {
	switch {
	case s.call.known && s.call.command.makes != "":
		return b.pacedUnless(s.voice, s.in, b.create(ctx, s))
	case s.call.known && !b.has(s.call.command):
		return b.paced(s.voice, s.in, func() Reply { return s.refuse([]string{s.problem(command{}, noSuchCommand(s.call.command.name))}) })
	case len(s.call.problems) > 0:
		return b.paced(s.voice, s.in, func() Reply { return s.refuse(s.problems(s.call, s.call.problems)) })
	default:
		return b.paced(s.voice, s.in, func() Reply { return s.call.command.answer(b, ctx, s) })
	}
}

// session reads what the person and the chat chose. A chosen language is also
// that of what comes later.
func (b *Bot) session(ctx context.Context, in Incoming) session {
	settings, err := b.engine.Settings(ctx, in.Origin)
	in.Origin.Locale = cmp.Or(settings.Person.Language, in.Origin.Locale)
	return session{voice: b.voice(in.Origin.Locale), in: in, settings: settings, unread: err}
}

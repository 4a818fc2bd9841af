package core

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
)

// Credits are Kie credits in thousandths.
type Credits = catalog.Credits

// Identity is a person on one platform.
type Identity struct {
	Platform string `json:"platform"` // "web", "telegram", "discord"
	User     string `json:"user"`     // the platform's own id
}

// String is "platform:user".
func (i Identity) String() string { return i.Platform + ":" + i.User }

// Lane is a chat on one platform, "platform:chat". Deliveries in a lane keep their order.
type Lane string

// NewLane names the chat on the platform.
func NewLane(platform, chat string) Lane { return Lane(platform + ":" + chat) }

// Platform is the part of the lane before the colon.
func (l Lane) Platform() string {
	platform, _, _ := strings.Cut(string(l), ":")
	return platform
}

// Account is a person. It may have identities on several platforms and has one quota.
type Account struct {
	ID         AccountID  `json:"id"`
	Identities []Identity `json:"identities"`
	Created    time.Time  `json:"created"`
	// Limits override the general ones for this person.
	Limits Limits `json:"limits,omitzero"`
	// Tier is a name that an admin gave, for limits by tier.
	Tier string `json:"tier,omitempty"`
	// Blocked says that nothing is accepted from this person, and why.
	Blocked *Block `json:"blocked,omitempty"`
	// Warnings are the requests that said what they may not, the oldest first;
	// unblocking forgets them.
	Warnings []Warning `json:"warnings,omitempty"`
	// Into is the account that this one was linked with and that has
	// everything since; a permanent redirect.
	Into AccountID `json:"into,omitempty"`
	// From are the accounts that were linked into this one; their finished
	// tasks and their ledgers stay where they are and belong to it.
	From []AccountID `json:"from,omitempty"`
	// Settings are what the person chose.
	Settings PersonSettings `json:"settings,omitzero"`
}

// Block is an admin's or the program's decision to accept nothing more.
type Block struct {
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// Limits are credits that windows allow; nil leaves it to the more general rule.
type Limits struct {
	Daily   *Limit `json:"daily,omitempty"`
	Monthly *Limit `json:"monthly,omitempty"`
}

// Chat is what is kept about one chat: its lane and its own limits. A place is
// kept as one, too, with its name for a lane.
type Chat struct {
	Lane   Lane   `json:"lane"`
	Limits Limits `json:"limits,omitzero"`
	// First is the lane that the chat had before its platform gave it another
	// one; empty when it has always been this. Its windows keep that name.
	First Lane `json:"first,omitempty"`
	// Settings are what the chat's admins chose.
	Settings ChatSettings `json:"settings,omitzero"`
	// Rules are what the admins of a place chose.
	Rules PlaceRules `json:"rules,omitzero"`
}

// Audit is one action of an admin, or of the program in an admin's place.
type Audit struct {
	Seq    uint64    `json:"seq"` // assigned by the store, ascending
	At     time.Time `json:"at"`
	By     string    `json:"by"`               // an Identity, CommandLine or Kiebot
	Action string    `json:"action"`           // "limit", "grant", "block", …
	Target string    `json:"target"`           // what it was done to
	Detail string    `json:"detail,omitempty"` // the new value, for people
	Why    string    `json:"why,omitempty"`
}

// Origin says who asked, where, and what the adapter needs to answer there.
type Origin struct {
	Identity Identity        `json:"identity"`
	Name     string          `json:"name,omitempty"`   // how to address the person
	Lane     Lane            `json:"lane"`             // where the answer goes
	Place    Place           `json:"place,omitempty"`  // what the chat is part of, if anything
	Locale   string          `json:"locale,omitempty"` // BCP 47, the language of the answer
	Roles    []string        `json:"roles,omitempty"`  // that the person has there, such as "discord:role:123"; limits can go by them
	Admin    bool            `json:"admin,omitempty"`  // the platform says that the person is an admin of the chat and its place
	Safe     bool            `json:"safe,omitempty"`   // what is not fit for everybody must not be shown there
	Ref      json.RawMessage `json:"ref,omitempty"`    // the adapter's own, opaque to core: message, topic, interaction
}

// Request is what a person asked for, already translated from the platform.
type Request struct {
	// Key names the platform's update. Submitting the same key again within
	// SeenFor gives the answer of the first time and creates nothing.
	Key     string `json:"key"`
	Origin  Origin `json:"origin"`
	Command string `json:"command"` // "imagine", as typed in the chat
	Prompt  string `json:"prompt"`  // what to show as the request's text
	Model   string `json:"model"`   // a catalogue id
	// Input goes to Kie as it is. Numbers are json.Number after a round trip through the store.
	Input map[string]any `json:"input"`
	// Files are what the person gave with it, in the order of FileValue: the
	// Input has FileValue(0) where the first one's address goes.
	Files []InputFile `json:"files,omitempty"`
	// Count is how many tasks to make, 1 to MaxBatch; zero means one.
	Count int `json:"count,omitempty"`
	// Confirmed is the price that the person has agreed to, all tasks
	// together. A request that costs more than Policy.ConfirmAbove and more
	// than this is refused with ReasonConfirm. It is not stored.
	Confirmed Credits `json:"-"`
	// Parent is the task whose button was pressed, if any.
	Parent TaskID `json:"parent,omitempty"`
	// Spoiler says that the result is hidden until somebody looks. In a Parcel
	// it also is set where the chat wants that for all.
	Spoiler bool `json:"spoiler,omitempty"`
	// Private says that the result is for nobody but who asked.
	Private bool `json:"private,omitempty"`
	// Instead is the model that was chosen for those who name none, when it
	// cannot be had any more and Model is another one; empty else.
	Instead string `json:"instead,omitempty"`
}

// InputFile is a file that a person gave with a request. It is stored as a
// reference; before the task is created it is opened through the platform's
// Source and given to Kie, and Input gets the address it has there.
type InputFile struct {
	Name string          `json:"name"`           // as the person knows it
	Type string          `json:"type,omitempty"` // media type, as far as known
	Size int64           `json:"size,omitempty"` // bytes, as far as known
	Ref  json.RawMessage `json:"ref"`            // the adapter's own, opaque to core
	// Platform is whose Source opens it; empty means the origin's.
	Platform string `json:"platform,omitempty"`
	// Duration is how long a video or a sound is. Submit measures it where it
	// decides the price; what a platform says about it is not to be trusted.
	Duration time.Duration `json:"duration,omitempty"`
	// URL is where Kie has it, since Uploaded, for tasks of the Kie account.
	// Kie keeps uploads for a day at least.
	URL        string    `json:"url,omitempty"`
	Uploaded   time.Time `json:"uploaded,omitzero"`
	KieAccount string    `json:"kie_account,omitempty"`
}

// MaxBatch is the largest Request.Count.
const MaxBatch = 10

// Hold is what was reserved for a task and in which windows. Settlement and
// refund go back to these windows whatever the clock says later.
type Hold struct {
	Amount Credits `json:"amount"`
	Shares []Share `json:"shares"`
}

// Share is the part of a hold that one window bears. Every window bears all
// of it, except that what granted credits pay is not borne by the windows of
// the person.
type Share struct {
	Window WindowID `json:"window"`
	Amount Credits  `json:"amount"`
}

// Reason says why something was refused or failed. The strings are stored and
// are the keys of the texts that people read.
type Reason string

// Why a request is refused.
const (
	ReasonQuota       Reason = "quota"        // a window has no room for the estimate; Refusal.Window
	ReasonActive      Reason = "active"       // too many requests under way; Refusal.Max
	ReasonTooDear     Reason = "too_dear"     // one request may not cost as much; Refusal.Limit
	ReasonConfirm     Reason = "confirm"      // the person has to agree to the price first; Refusal.Need
	ReasonStranger    Reason = "stranger"     // neither the person nor the place is allowed; Refusal.Who
	ReasonBlocked     Reason = "blocked"      // an admin blocked the account; Refusal.Why
	ReasonInput       Reason = "input"        // the input does not fit the model; Refusal.Err lists the problems
	ReasonModel       Reason = "model"        // no such model; Refusal.Err names the nearest
	ReasonCount       Reason = "count"        // more than MaxBatch at once
	ReasonRetired     Reason = "retired"      // Kie has the model no more; Refusal.Err says why and names the nearest
	ReasonUnpriced    Reason = "unpriced"     // the catalogue cannot say what it costs
	ReasonLength      Reason = "length"       // the price depends on how long a file is, and that cannot be found out; Refusal.Err is a *LengthError
	ReasonLink        Reason = "link"         // likewise for what is behind a link; Refusal.Err is a *LengthError
	ReasonUnavailable Reason = "unavailable"  // the store cannot commit, or kiebot is stopping
	ReasonNoTask      Reason = "no_task"      // no task with this id
	ReasonNotYours    Reason = "not_yours"    // somebody else's task
	ReasonNotCancel   Reason = "cannot_stop"  // it runs at Kie and cannot be stopped
	ReasonFinished    Reason = "finished"     // it is over already
	ReasonUncertain   Reason = "uncertain"    // unresolved: nobody knows yet whether Kie has it
	ReasonCancelLater Reason = "cancel_later" // being created: canceled if Kie does not take it
)

// Why a task failed.
const (
	FailRefused   Reason = "kie_refused" // Kie refused the request; Failure.Message is Kie's text
	FailKie       Reason = "kie_failed"  // Kie tried and failed
	FailUnknown   Reason = "unknown"     // the answer was lost and nobody claimed the task
	FailNoCredits Reason = "kie_credits" // the operator's Kie account has no credits
	FailKey       Reason = "kie_key"     // the operator's key is refused
	FailEmpty     Reason = "empty"       // success without outputs
	FailLate      Reason = "deadline"    // unfinished at the hard deadline
	FailFile      Reason = "file"        // a file of the request could not be had or given to Kie; Failure.Message names it
	FailAway      Reason = "kie_away"    // no connection to Kie for an hour
	FailUpkeep    Reason = "kie_upkeep"  // Kie was in maintenance for an hour
	FailModel     Reason = "model_gone"  // while it was queued the model left the catalogue, was retired or lost its price
	FailRestored  Reason = "restored"    // it was queued in a backup that was restored: it may have been sent since
)

// WaitBusy is why a task that Kie's rate limit turned away waits. It waits
// for its next turn and never fails for this. The other reasons in
// Task.Waiting are FailNoCredits, FailKey, FailAway and FailUpkeep.
const WaitBusy Reason = "kie_busy"

// Failure is why a task did not succeed.
type Failure struct {
	Reason  Reason `json:"reason"`
	Code    string `json:"code,omitempty"`    // Kie's code
	Message string `json:"message,omitempty"` // Kie's words, cut and without control characters
}

// Output is one produced file or text.
type Output struct {
	URL      string        `json:"url,omitempty"`
	Kind     kie.Kind      `json:"kind"`
	Text     string        `json:"text,omitempty"`
	Title    string        `json:"title,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	// File is the fetched copy; nil until the courier has it, and for ever
	// when the file could not be fetched: then the link is what can be shown.
	File *media.File `json:"file,omitempty"`
	// CoverURL is the picture that belongs to a sound or a video, and Cover its
	// fetched copy; nobody waits for it, and nil means that there is none to show.
	CoverURL string      `json:"cover_url,omitempty"`
	Cover    *media.File `json:"cover,omitempty"`
}

// Task is the durable record of one request: exactly one Kie task.
type Task struct {
	ID      TaskID    `json:"id"`
	Account AccountID `json:"account"`
	// Batch holds the ids of all tasks accepted together, this one included, in order.
	Batch   []TaskID `json:"batch"`
	State   State    `json:"state"`
	Request Request  `json:"request"`
	Hold    Hold     `json:"hold"`
	// Charged is what was settled. Estimated says that Kie reported nothing and the hold was taken.
	Charged   Credits `json:"charged,omitempty"`
	Estimated bool    `json:"estimated,omitempty"`
	// OperatorLoss is what Kie charged and nobody could be charged for.
	OperatorLoss Credits `json:"operator_loss,omitempty"`
	// Lost names the Kie tasks whose charge is in OperatorLoss.
	Lost []string `json:"lost,omitempty"`
	// Refunded is what an admin gave back of Charged after the end.
	Refunded Credits `json:"refunded,omitempty"`
	// KieAccount names the Kie account that the task is at. While it is queued
	// this is only where it should go, empty when any will do, unless KieBound
	// says that no other can serve it. Empty with Kie set is of a time when
	// there was one account, or of a callback about a task that the store does
	// not know to have been sent: it is looked for at all of them.
	KieAccount string  `json:"kie_account,omitempty"`
	KieBound   bool    `json:"kie_bound,omitempty"`
	Kie        kie.Ref `json:"kie,omitzero"`
	// Endpoint and ModelValue are what createTask left with, the last time: the
	// catalogue may say otherwise by now. Empty before, and of older tasks.
	Endpoint   kie.Endpoint `json:"endpoint,omitempty"`
	ModelValue string       `json:"model_value,omitempty"`

	Outputs []Output `json:"outputs,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
	// Waiting says why a queued task waits for the operator, if it does.
	Waiting Reason `json:"waiting,omitempty"`
	// CancelWanted remembers a cancel that came while creating.
	CancelWanted bool `json:"cancel_wanted,omitempty"`
	// Late says that a success came after the end and was delivered free.
	Late bool `json:"late,omitempty"`

	Created  time.Time `json:"created"`           // accepted
	Sent     time.Time `json:"sent,omitzero"`     // createTask left, the last time
	Started  time.Time `json:"started,omitzero"`  // Kie's id became known
	EmptyAt  time.Time `json:"empty_at,omitzero"` // first success without outputs
	Overdue  time.Time `json:"overdue,omitzero"`  // first found unfinished after the soft deadline; the person was told
	Finished time.Time `json:"finished,omitzero"` // final
	// Due is when the engine looks at the task next; zero when there is nothing to do.
	Due      time.Time `json:"due,omitzero"`
	Attempts int       `json:"attempts,omitempty"` // of the present step

	// Shown is the adapter's receipt for the message that stands for the
	// batch. Only the batch's first task carries it.
	Shown json.RawMessage `json:"shown,omitempty"`
	// Delivered is when the end was shown. Only the batch's first task carries it.
	Delivered time.Time `json:"delivered,omitzero"`
	// Undelivered says that the end, or a late result, cannot be shown in the
	// chat; it can still be asked for. Only the batch's first task carries it.
	Undelivered *Undelivered `json:"undelivered,omitempty"`
	// MovedTo is where the batch is shown because it cannot be where it was
	// asked for. Every task of the batch carries it.
	MovedTo Lane `json:"moved_to,omitempty"`
}

// Undelivered is why something was given up that people were waiting for.
type Undelivered struct {
	Kind   DeliveryKind `json:"kind"`
	At     time.Time    `json:"at"`
	Reason string       `json:"reason"` // the adapter's words, for the operator
}

// Lane is where the task is shown.
func (t *Task) Lane() Lane {
	if t.MovedTo != "" {
		return t.MovedTo
	}
	return t.Request.Origin.Lane
}

// Lead is the batch's first task, the one that carries Shown and Delivered.
func (t *Task) Lead() TaskID {
	if len(t.Batch) == 0 {
		return t.ID
	}
	return t.Batch[0]
}

// Refusal is the error for a request that was not accepted, or an action that
// cannot be done. Nothing was charged.
type Refusal struct {
	Reason   Reason
	Need     Credits   // what it would have cost at most
	Window   WindowID  // the window without room
	Left     Credits   // what can still be spent of it, with what is granted
	Granted  Credits   // what is left of granted credits, if they could be used
	Limit    Credits   // what the window, or one request, allows
	ResetsAt time.Time // when the window ends
	Who      Identity  // whom an admin would have to allow,
	Roles    []string  // or one of these
	Known    bool      // the operator was told of Who
	Max      int       // how many tasks may be under way, or whatever the Reason says
	Count    int       // of ReasonPrompt: which warning it is
	Model    string    // the model it is about, by catalogue id, if any
	Why      string    // an admin's words, for people
	Task     TaskID    // the task it is about, if any
	Question string    // of ReasonConfirm: what Confirm and Decline take
	Err      error     // the cause, for the operator, or the list of problems
}

// Error is for operators; people read the text of the Reason.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("refused (%s): %v", r.Reason, r.Err)
	}
	if r.Reason == ReasonQuota {
		return fmt.Sprintf("refused (quota): needs %s credits, %s of %s left until %s", r.Need, r.Left, r.Limit, r.ResetsAt.Format(time.RFC3339))
	}
	return fmt.Sprintf("refused (%s)", r.Reason)
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// DeliveryKind says what a delivery shows.
type DeliveryKind string

// The kinds of delivery. All but Progress are stored in the commit that caused them.
const (
	DeliverAccepted DeliveryKind = "accepted" // the request is durable and waits
	DeliverProgress DeliveryKind = "progress" // an edit of what is shown; never stored, dropped when something better waits
	DeliverNotice   DeliveryKind = "notice"   // unresolved, or overdue at Kie: the person is told
	DeliverFinal    DeliveryKind = "final"    // every task of the batch is final
	DeliverLate     DeliveryKind = "late"     // a result after the end, free
	DeliverNews     DeliveryKind = "news"     // an admin's words to the chat: Delivery.Text; there are no tasks
	DeliverShow     DeliveryKind = "show"     // the end once more, for somebody who asked for it, as a new message
)

// Delivery is the intent to show something in a chat.
type Delivery struct {
	// ID stays the same through every attempt, restart and move to another
	// lane: where a platform takes a key that makes a repeated call harmless
	// (Discord's nonce), this is it. Zero for progress.
	ID       DeliveryID   `json:"id"`
	Lane     Lane         `json:"lane"`
	Lead     TaskID       `json:"lead"`           // the batch, by its first task; empty for news
	Task     TaskID       `json:"task,omitempty"` // the one task it is about, for notice and late
	Kind     DeliveryKind `json:"kind"`
	Created  time.Time    `json:"created"`
	Attempts int          `json:"attempts,omitempty"` // that failed
	// Key and Origin are those of a request to show, for show. In the parcel
	// they stand in the place of the tasks' own.
	Key    string  `json:"key,omitempty"`
	Origin *Origin `json:"origin,omitempty"`
	// Original says, for show, that the files are wanted as they are, not as
	// the chat would show them.
	Original bool `json:"original,omitempty"`
	// Text is what to say, for news.
	Text string `json:"text,omitempty"`
	// Due is when it is tried again; zero before the first attempt.
	Due time.Time `json:"due,omitzero"`
	// Rest says what else must not be called before Due.
	Rest Scope `json:"rest,omitempty"`
	// Part is what the adapter said it had shown of it when an attempt failed.
	Part json.RawMessage `json:"part,omitempty"`
}

// Scope is what a platform's wish to be left alone is about.
type Scope string

// The scopes.
const (
	RestNothing  Scope = ""         // the wait is ours
	RestLane     Scope = "lane"     // no call to this lane
	RestPlatform Scope = "platform" // no call to any lane of the platform
)

// WindowID names one quota window, such as one account's one day.
type WindowID string

// Usage is what a window has seen: used = Settled, plus what is Held for open tasks.
type Usage struct {
	Held    Credits `json:"held"`
	Settled Credits `json:"settled"`
	// Granted is what admins gave and people bought; only the window of granted credits has it.
	Granted Credits `json:"granted,omitempty"`
}

// WindowUsage is a window with its usage.
type WindowUsage struct {
	Window WindowID
	Usage  Usage
}

// EntryKind says what a ledger entry did.
type EntryKind string

// The kinds of ledger entries.
const (
	EntryHold    EntryKind = "hold"
	EntrySettle  EntryKind = "settle"
	EntryRefund  EntryKind = "refund"
	EntryGrant   EntryKind = "grant"   // an admin gave or took credits
	EntryBuy     EntryKind = "buy"     // credits were paid for
	EntryPayback EntryKind = "payback" // the money for credits goes back, and they with it
	EntryAdjust  EntryKind = "adjust"  // an admin corrected what was used
	EntryMerge   EntryKind = "merge"   // windows moved because accounts were linked
	EntryCarry   EntryKind = "carry"   // the sum of older entries that were pruned
	EntryLoss    EntryKind = "loss"    // what Kie charged and nobody could be charged for
)

// Entry is one line of the append-only ledger. For every window the sums of
// its postings over all entries are the window's Usage.
type Entry struct {
	Seq      uint64    `json:"seq"` // assigned by the store, ascending
	Account  AccountID `json:"account"`
	Task     TaskID    `json:"task,omitempty"`
	Kind     EntryKind `json:"kind"`
	Postings []Posting `json:"postings"`
	By       string    `json:"by,omitempty"`  // who, when it was no task
	Why      string    `json:"why,omitempty"` // in an admin's words
	At       time.Time `json:"at"`
}

// Posting is what an entry changed in one window.
type Posting struct {
	Window  WindowID `json:"window"`
	Held    Credits  `json:"held,omitempty"`
	Settled Credits  `json:"settled,omitempty"`
	Granted Credits  `json:"granted,omitempty"`
}

// Seen remembers what a platform's update led to.
type Seen struct {
	Key     string    `json:"key"`
	Tasks   []TaskID  `json:"tasks"`
	Expires time.Time `json:"expires"`
}

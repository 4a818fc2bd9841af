package core

// State is where a task stands. The strings are stored and shown; they never change.
type State string

// The states of a task. Succeeded, Failed, Expired and Canceled are final.
const (
	Queued     State = "queued"     // accepted, credits held, waiting to be created at Kie
	Creating   State = "creating"   // createTask is about to leave or has left; committed before it leaves
	Unresolved State = "unresolved" // createTask left and no answer came back: Kie may or may not have it
	Running    State = "running"    // Kie has it and gave it an id
	Succeeded  State = "succeeded"
	Failed     State = "failed"
	Expired    State = "expired" // still unfinished at Kie when the hard deadline passed
	Canceled   State = "canceled"
)

// States lists every state, in the order of a task's life.
func States() []State {
	return []State{Queued, Creating, Unresolved, Running, Succeeded, Failed, Expired, Canceled}
}

// Final reports whether the state is the end of a task.
func (s State) Final() bool {
	return s == Succeeded || s == Failed || s == Expired || s == Canceled
}

// atKie reports whether Kie has the task, or may have it, unfinished.
func (s State) atKie() bool { return s == Creating || s == Unresolved || s == Running }

// Event is something that happened to a task.
type Event string

// The events that the engine feeds to the state machine.
const (
	Send      Event = "send"       // its turn came; createTask leaves after this commit
	Created   Event = "created"    // Kie answered with its id
	NotTaken  Event = "not taken"  // Kie surely took nothing: 429, 430, 455, 401, 402, 433, no connection
	Refused   Event = "refused"    // Kie answered with any other error
	Lost      Event = "lost"       // createTask was sent and no usable answer came, or the process died waiting for it
	Callback  Event = "callback"   // an authenticated callback named the Kie task
	Success   Event = "success"    // Kie finished and the outputs are there
	Fail      Event = "fail"       // Kie says it failed
	Empty     Event = "empty"      // Kie says success but there were no outputs for two minutes
	Deadline  Event = "deadline"   // past the hard deadline, and a read just said it is unfinished
	GraceOver Event = "grace over" // nobody claimed an unresolved task in time
	GiveUp    Event = "give up"    // no usable key, or no connection, for an hour, or its model is offered no more
	Cancel    Event = "cancel"     // its owner asked for it

	Unprepared Event = "unprepared" // a file of the request cannot be given to Kie
)

// Events lists every event.
func Events() []Event {
	return []Event{Send, Created, NotTaken, Refused, Lost, Callback, Success, Fail, Empty, Deadline, GraceOver, GiveUp, Cancel, Unprepared}
}

// Money is what a transition does to the held credits.
type Money string

// What a transition does with the hold.
const (
	KeepHold Money = ""       // nothing yet
	Settle   Money = "settle" // charge what Kie consumed, give back the rest
	Refund   Money = "refund" // give everything back
)

// Tell is what a transition shows in the chat, committed together with it.
type Tell string

// What a transition tells.
const (
	TellNothing  Tell = ""         // at most a progress edit, which is not durable
	TellNotice   Tell = "notice"   // something the person should know before the end
	TellFinal    Tell = "final"    // the end, once every task of the batch is final
	TellProgress Tell = "progress" // what the chat shows has changed
)

// Transition is one decided move of the state machine.
type Transition struct {
	From  State
	On    Event
	To    State
	Money Money
	Tell  Tell
}

// transitions is the whole state machine: every pair that is not here and not
// in ignored is an error. The diagram in the package documentation is checked
// against it.
var transitions = [...]Transition{
	{From: Queued, On: Send, To: Creating},
	{From: Queued, On: Cancel, To: Canceled, Money: Refund, Tell: TellFinal},
	{From: Queued, On: GiveUp, To: Failed, Money: Refund, Tell: TellFinal},
	{From: Queued, On: Unprepared, To: Failed, Money: Refund, Tell: TellFinal},
	// A refused or unanswered createTask may have put the task back to queued
	// and still have been executed: the callback proves it.
	{From: Queued, On: Callback, To: Running, Tell: TellProgress},

	{From: Creating, On: Created, To: Running, Tell: TellProgress},
	{From: Creating, On: Callback, To: Running, Tell: TellProgress},
	{From: Creating, On: NotTaken, To: Queued, Tell: TellProgress},
	{From: Creating, On: Refused, To: Failed, Money: Refund, Tell: TellFinal},
	{From: Creating, On: Lost, To: Unresolved, Tell: TellNotice},

	{From: Unresolved, On: Callback, To: Running, Tell: TellProgress},
	{From: Unresolved, On: GraceOver, To: Failed, Money: Refund, Tell: TellFinal},

	{From: Running, On: Success, To: Succeeded, Money: Settle, Tell: TellFinal},
	{From: Running, On: Fail, To: Failed, Money: Refund, Tell: TellFinal},
	{From: Running, On: Empty, To: Failed, Money: Refund, Tell: TellFinal},
	{From: Running, On: Deadline, To: Expired, Money: Refund, Tell: TellFinal},
}

// ignored are the pairs that can happen in honest operation and change nothing.
var ignored = [...]struct {
	In  State
	On  Event
	Why string
}{
	{Creating, Cancel, "remembered; applied if the task comes back to queued"},
	{Unresolved, Cancel, "nothing can be stopped while it is unknown whether Kie has it"},
	{Running, Cancel, "Kie cannot be stopped"},
	{Running, Created, "the callback was faster than the answer"},
	{Running, Refused, "a callback proved that Kie has it; an answer that says otherwise is late"},
	{Running, NotTaken, "a callback proved that Kie has it; an answer that says otherwise is late"},
	{Running, Lost, "the callback was faster than the answer that got lost"},
	{Running, Callback, "the task is read at once; the callback itself is only a hint"},
	{Succeeded, Callback, "a callback may come more than once"},
	{Failed, Callback, "read once more: a late success is delivered free, as an operator loss"},
	{Expired, Callback, "read once more: a late success is delivered free, as an operator loss"},
	{Canceled, Callback, "read once more: a late success is delivered free, as an operator loss"},
	{Succeeded, Created, "callback, read and success were all faster than the answer"},
	{Succeeded, NotTaken, "the same"},
	{Succeeded, Refused, "the same"},
	{Succeeded, Lost, "the same"},
	{Failed, Created, "callback, read and failure were all faster than the answer"},
	{Failed, NotTaken, "the same"},
	{Failed, Refused, "the same"},
	{Failed, Lost, "the same"},
	{Succeeded, Success, "read twice"},
	{Failed, Success, "a late success: delivered free"},
	{Expired, Success, "a late success: delivered free"},
	{Canceled, Success, "a late success: delivered free"},
	{Failed, Fail, "read twice"},
	{Expired, Fail, "it failed after the deadline"},
	{Canceled, Fail, "it failed after it was canceled"},
	{Succeeded, Cancel, "too late"},
	{Failed, Cancel, "too late"},
	{Expired, Cancel, "too late"},
	{Canceled, Cancel, "pressed twice"},
}

// Verdict says what the state machine decided about an event.
type Verdict uint8

// The verdicts.
const (
	Impossible Verdict = iota // a mistake in the engine: nothing may be committed
	Ignored                   // understood, changes nothing
	Moved                     // the transition applies
)

// Decide looks the pair up. The transition is valid only when the verdict is Moved.
func Decide(in State, on Event) (Transition, Verdict) {
	for _, t := range transitions {
		if t.From == in && t.On == on {
			return t, Moved
		}
	}
	for _, i := range ignored {
		if i.In == in && i.On == on {
			return Transition{}, Ignored
		}
	}
	return Transition{}, Impossible
}

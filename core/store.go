package core

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is what a Tx answers when a record is not there.
var ErrNotFound = errors.New("no such record")

// ErrStoreClosed is what a Store answers after Close, and after a write whose
// outcome is unknown: only opening it again shows what was committed.
var ErrStoreClosed = errors.New("the store is closed")

// ErrLeaseLost is what a Store answers to an owner whose Lease is not current
// any more: somebody else may do its work.
var ErrLeaseLost = errors.New("the lease on the work is lost")

// Lease is an owner's right to write, and to its duties, until it expires.
type Lease struct {
	Owner   string    // for people to read
	Fence   uint64    // assigned by the store; every lease has a greater one than those before
	Expires time.Time // by the store's clock
}

// Store holds records and gives transactions. It knows no rule about quotas
// or states. All methods may be called concurrently.
type Store interface {
	// View runs fn on a consistent snapshot. fn must not write, must not wait
	// for anything outside the store and must not start another transaction.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn and commits what it wrote. Updates are serializable.
	// When Update returns nil everything is durable; when fn returns an error
	// nothing is written and that error comes back unwrapped. Any other error
	// means that the outcome is unknown, and the store refuses work until it
	// is opened again. fn may run more than once: it must not have effects
	// outside the transaction, and must not start another transaction.
	Update(ctx context.Context, fn func(Tx) error) error

	// Renew lets the lease last for so long from now; one without a Fence is
	// granted anew. ErrLeaseLost says that it expired or was released. A store
	// that only one process can open may take it away for a newer one at once.
	Renew(ctx context.Context, lease Lease, last time.Duration) (Lease, error)

	// Take gives the lease those of the duties that no other current lease has,
	// and answers with these, in their order.
	Take(ctx context.Context, lease Lease, duties []Duty) ([]Duty, error)

	// Yield gives up duties of the lease. What it does not have is no error.
	Yield(ctx context.Context, lease Lease, duties []Duty) error

	// Replicas lists the current leases and what they have, the oldest first.
	Replicas(ctx context.Context) ([]Replica, error)

	// Work lists what is to be done under the duties (all of it when there are
	// none): tasks with a due time in any order that stays, then deliveries by
	// number; those behind after (from the first when it is zero), at most limit.
	// What is written between two calls may be listed or not.
	Work(ctx context.Context, duties []Duty, after Work, limit int) ([]Work, error)

	// Follow tells what other processes on the same store do, from when the lease
	// was granted until ctx ends: heard has the notes (Tx.Notify) of what they
	// commit, each once, in the order of the commits, and moved is called when
	// leases or duties may have changed. What was committed before an update of
	// this process is heard before that Update returns. Both are called by one
	// goroutine at a time and must neither block nor use the store. ErrLeaseLost
	// says that some notes are not there any more. One Follow at a time.
	Follow(ctx context.Context, lease Lease, heard func(note []byte), moved func()) error

	// Release ends the lease: its duties are free. One that is lost is no error.
	Release(ctx context.Context, lease Lease) error
}

// Replica is a process that works on the store, as its lease says.
type Replica struct {
	Lease
	Since  time.Time // when the lease was granted
	Duties []Duty    // by name
}

// Work is something to do: exactly one of Task and Delivery is set.
type Work struct {
	Task  TaskID
	State State     // the task's
	Due   time.Time // the task's

	// Account and KieAccount are the task's, too; Account is empty when an
	// older version stored that the task is due.
	Account    AccountID
	KieAccount string

	Delivery DeliveryID
	Lane     Lane // the delivery's
}

// Tx is one transaction over typed records. It is valid only inside the
// function it was given to, and only in that goroutine. Records that it
// returns belong to the caller. Methods that look something up return
// ErrNotFound when it is not there.
type Tx interface {
	// Guard answers ErrLeaseLost unless the lease is current, and stays so
	// until this is committed.
	Guard(Lease) error

	// Notify has the processes that follow the store hear the note once this is
	// committed. It is not encoded when there are none.
	Notify(note func() ([]byte, error)) error

	Account(AccountID) (Account, error)
	AccountOf(Identity) (Account, error)
	// PutAccount stores the account and makes AccountOf find it by each of its identities.
	PutAccount(Account) error
	// Accounts lists accounts by id, those greater than after, at most limit.
	Accounts(after AccountID, limit int) ([]Account, error)

	// Chat is what is kept about a chat.
	Chat(Lane) (Chat, error)
	PutChat(Chat) error

	Task(TaskID) (Task, error)
	// TaskByShort finds the newest task whose id ends with the eight characters.
	TaskByShort(string) (Task, error)
	// PutTask stores the task; a non-zero Due makes it work.
	PutTask(Task) error
	// TasksOf lists the account's tasks, newest first, those older than
	// before (all when before is empty), at most limit.
	TasksOf(id AccountID, before TaskID, limit int) ([]Task, error)
	// Tasks lists everybody's tasks, newest first, those older than before (all
	// when it is empty), at most limit.
	Tasks(before TaskID, limit int) ([]Task, error)
	// TasksIn lists the ids of tasks in a state that is not final, newest first,
	// those older than before (all when it is empty), at most limit. It does not
	// look at finished tasks.
	TasksIn(state State, before TaskID, limit int) ([]TaskID, error)
	// CountTasks counts the tasks in each state that is not final. It does not
	// look at finished tasks.
	CountTasks() (map[State]TaskCount, error)
	// OpenTasks lists the ids of the account's tasks that are not final, in
	// order of acceptance.
	OpenTasks(AccountID) ([]TaskID, error)
	// FinishedTasks lists the ids of tasks that ended before the time, the
	// first to end first, at most limit.
	FinishedTasks(before time.Time, limit int) ([]TaskID, error)
	// DeleteTask forgets the task; one that is not there is no error.
	DeleteTask(TaskID) error

	Delivery(DeliveryID) (Delivery, error)
	// AddDelivery stores a new delivery and returns its number, greater than every one before.
	AddDelivery(Delivery) (DeliveryID, error)
	PutDelivery(Delivery) error
	DeleteDelivery(DeliveryID) error
	// Deliveries lists those that are stored by number, those greater than
	// after, at most limit.
	Deliveries(after DeliveryID, limit int) ([]Delivery, error)

	// Usage of a window nothing was booked in is zero, not ErrNotFound.
	Usage(WindowID) (Usage, error)
	PutUsage(WindowID, Usage) error
	// Usages lists windows whose id begins with the prefix, by id, those
	// greater than after, at most limit.
	Usages(prefix, after WindowID, limit int) ([]WindowUsage, error)
	DeleteUsage(WindowID) error
	// AddEntry appends to the ledger and assigns Seq.
	AddEntry(Entry) error
	// Entries lists the account's ledger in order, those with a Seq above
	// after, at most limit.
	Entries(id AccountID, after uint64, limit int) ([]Entry, error)
	// PutEntry stores the entry under its Seq, in place of what was there.
	PutEntry(Entry) error
	// DeleteEntry forgets one entry; one that is not there is no error.
	DeleteEntry(id AccountID, seq uint64) error

	// AddAudit appends to the audit log and assigns Seq.
	AddAudit(Audit) error
	// Audits lists the audit log, newest first, those with a Seq below before
	// (all when it is zero), at most limit.
	Audits(before uint64, limit int) ([]Audit, error)

	Seen(key string) (Seen, error)
	// PutSeen also forgets what expired before now, a few records at a time.
	PutSeen(seen Seen, now time.Time) error

	// Setting reads a small named value that the program keeps for itself.
	Setting(name string) ([]byte, error)
	// Settings lists them by name, those greater than after, at most limit.
	Settings(after string, limit int) ([]Setting, error)
	PutSetting(name string, value []byte) error
	// DeleteSetting forgets the value; one that is not there is no error.
	DeleteSetting(name string) error
}

// Setting is a small named value that the program keeps for itself.
type Setting struct {
	Name  string
	Value []byte
}

// TaskCount is how many tasks are in a state.
type TaskCount struct {
	Tasks  int
	Oldest TaskID // the first that was accepted
}

// Package core is kiebot's domain: it takes a request from a chat to Kie.ai
// and its result back, without losing, doubling or leaking anything.
//
// It knows no chat platform, no HTTP routes and no database. Adapters hand it
// requests with [Engine.Submit] and implement [Adapter] to show what comes of
// them; a [Store] keeps the records. Every rule about states and quotas is
// here, once.
//
// # Promises
//
//  1. A request is refused with a reason, or durable before the person sees
//     that it was accepted.
//  2. Every task reaches exactly one final state, across any number of kills.
//  3. Kie is never paid twice for one request. createTask has no idempotency
//     key, so a call whose outcome is unknown is never sent again by itself.
//  4. For every window, what is used is the sum of what was settled and what
//     is held the sum of the open holds. Failed tasks cost nothing.
//  5. A finished result reaches the chat at least once, and deliveries keep
//     their order within a lane.
//  6. A callback is a hint: it is verified, committed and answered, and then
//     Kie is asked.
//
// Each change of state, the ledger entries it causes and the deliveries it
// causes are one commit.
//
// # The life of a task
//
//	queued ──────► creating ──────► running ──────► succeeded
//	  │ ▲             │ │              ├──────────► failed    Kie says so, or there was nothing in it
//	  │ └─not taken───┘ │              └──────────► expired   unfinished at the hard deadline
//	  │                 ├─refused────► failed
//	  │                 └─lost───────► unresolved ─► running  a callback names it
//	  │                                    └───────► failed   nobody did, in time
//	  ├─cancel───► canceled
//	  └─give up──► failed       no usable key, or no connection, for an hour, or a file that cannot be had
//
// The machine itself is the table in state.go:
//
//	queued      send        creating
//	queued      cancel      canceled    refund
//	queued      give up     failed      refund
//	queued      unprepared  failed      refund
//	queued      callback    running
//	creating    created     running
//	creating    callback    running
//	creating    not taken   queued
//	creating    refused     failed      refund
//	creating    lost        unresolved
//	unresolved  callback    running
//	unresolved  grace over  failed      refund
//	running     success     succeeded   settle
//	running     fail        failed      refund
//	running     empty       failed      refund
//	running     deadline    expired     refund
//
// # How it moves
//
// Due work is in the store, by task; the schedules in memory are rebuilt from
// it at every start and are only hints to look at a record. The creator takes
// queued tasks in order of acceptance, each with a slot of the creation
// limiter in hand. The tracker reads what is due from Kie, soon after a
// callback and at the documented pace otherwise. Both commit what they learn
// through one function, which asks the table, books the ledger and stores the
// delivery. The courier shows deliveries, one ordered lane per chat.
package core

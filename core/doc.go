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
//	  └─give up──► failed       no usable key, or no connection, for an hour, or a file or model that cannot be had
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
// A result may come after the end: a callback tells of it, or one of the four
// reads that an expired task still gets within an hour and a half, since a
// wall clock set hours ahead expires what Kie is in the middle of. It changes
// no state, is delivered once, free, and booked as an operator loss.
//
// A batch is forgotten when Config.Retention has passed since its end was shown
// or given up, and never while something about it waits to be shown or read:
// neither a clock that is set ahead nor a platform that is off takes a result.
// Files are fetched while their platform is off, since Kie deletes them after
// two weeks. A person is forgotten when they ask for it (Engine.Forget), with
// nothing of theirs under way: of the ledger the amounts remain.
//
// # Quotas and the ledger
//
// What a request costs at most is held in windows when it is accepted: its
// person's day and month, its chat's day, the day and month of the place that
// the chat is part of, everybody's day, and the person's day for a kind of
// model, one model or the place where those are limited. A window
// is one record with what it holds and what was settled; the ledger has a
// posting for every change of it. All windows but the last three kinds are
// booked whether they are limited or not, so that a limit that an admin sets
// at noon counts the morning. Windows are days and months of the calendar in
// Config.Location, and their ids say which: day/ACCOUNT/2026-11-25.
//
// The windows of the person are used first. What they cannot bear is borne by
// credits that an admin granted or the person bought, in a window that never resets; the windows of
// the chat, of its place and of everybody bear all of it. The task keeps the share of each
// window, and everything that follows goes to these windows, whatever the
// clock, the calendar or the limits say by then: with a the hold and o the
// person's own share of it, a charge c takes max(c-o, 0) but at most a-o from
// what was granted and the rest from the person's windows. So a refund gives
// back granted credits first, and what Kie charges above the hold is taken in
// full from the person's windows.
//
// A payment ([Engine.Buy]) is credited once for each charge, for ever. When its
// money goes back ([Engine.PayBack]), all that was bought with it is taken
// back; what was spent of it by then stays owed in the window of granted
// credits, and what comes into that window next pays it off. Nothing of it is
// an operator loss, for the tasks it was spent on have been settled.
//
// The limits are the configured Policy, over it the one that admins set, which
// is read in each accepting transaction, so that a change applies to the very
// next commit. For one person the limit that an admin gave this account wins,
// then the most generous of their roles and their tier, then the general one.
//
// Policy.Allow says who may ask at all: people, and places such as a chat or a
// guild, as the adapter names them in Origin.Roles. To the configured ones come
// those that admins let in.
//
// A [Place] is what chats are part of, such as a Discord server with its
// channels and threads, or a chat that is part of nothing, such as a Telegram
// group; that one's day is the chat's. The operator gives it a day and a month
// ([Engine.SetPlaceLimits]). Within that its own admins decide
// ([Engine.ChangePlace]): less than the operator gave, what one person may use
// there in a day, by role or for all, who may ask and in which of its chats,
// which models are off. All of it is asked after what the operator allows and
// beside every other limit, so that it can only take away. An [Act] that names
// a place changes this place's rules and nothing else, whoever words it: no
// credits, no other place, no limit of the operator's. The rules and windows
// of a chat that moves go along ([Engine.MoveChat]); two accounts that are
// linked have used together what they used in a place, and one's block there
// is the block of both.
//
// Operator losses are booked in loss/2026-11, a window of nobody: results that
// came after the end, successes without outputs, second Kie tasks (by their
// estimate), and refunds by hand. What was settled in the windows of everybody
// and what was lost are therefore what Kie is known to have consumed. [Verify]
// recomputes all of it.
//
// # How it moves
//
// Due work is in the store, by task; the schedules in memory are rebuilt from
// it at every start and are only hints to look at a record. An engine works
// under a lease: every commit of its loops asks whether it is still current,
// and an engine that lost it stops. The creator lets queued tasks take turns,
// each with a slot of the creation limiter in hand.
// The tracker reads from Kie what a callback was about, and otherwise the task
// whose result has most likely been waiting longest; the chat's clock goes on
// in between. Both commit what they learn through one function, which asks the
// table, books the ledger and stores the delivery. The courier shows
// deliveries, one ordered lane per chat.
//
// People take turns, and one person's tasks keep the order of acceptance: with
// a limit of 20 creations in 10 seconds, fifty requests of one person would
// delay everybody else by half a minute. Taking turns, the next person's first
// request waits for one task of each other person at most.
//
// There may be several Kie accounts, each with its own limit of creations, its
// own budget of reads, its own credits and uploads. A new task goes to the
// account with the fewest tasks, of those that are open and have room; from
// then on it stays there, for another account knows neither its id nor its
// files. An account whose key is refused or that has no credits is parked:
// what is queued goes to the others, and where there is none it waits, which
// costs a commit a task when it begins and none while it lasts. The balance of
// each is read every five minutes, and every minute while it is parked: at zero
// it is parked without asking createTask, and opened when a read finds that
// credits were bought. A balance that was too little for one task does not open
// it; a task sent every minute does.
//
// # Why a callback is only a hint
//
// Kie signs the id of its task and a timestamp, not the body ("Webhook
// Verification"): whoever has seen one callback could send it again with
// another result. The same event can come several times, an answer is awaited
// for 15 seconds, and after three failed retries there is no other (the
// callback pages). So the handler checks our own token, and the signature where
// a key is set, makes the task due in one commit and answers; the loop then
// reads it with our own key. That costs one of ten reads a second and makes
// forged, early, repeated and reordered callbacks harmless.
//
// # Why updates share commits
//
// A task's life is six commits: accepted, shown, sent, running, finished,
// shown. Each is two syncs of the disk, so a store that commits one after
// the other is a queue for everybody as soon as a few people ask at once. What
// waits while a commit syncs shares the next one: alone an accepted request
// writes 17 pages, among 64 it writes two. Nobody waits for company, so a lone
// request pays nothing. Package kiebot/storage/bolt says how.
//
// # The order of reads
//
// Kie tells of a result by a callback, which may get lost or be impossible, or
// when it is asked. Reads are limited, so they are a budget: ten per second and
// Kie account, halved by every 429 and growing back in two minutes. It is spent
// on the task with the largest expected staleness. With F the distribution of
// how long the model takes, a the age at the last read that found the task
// unfinished and t its age now, that is
//
//	∫ (F(s) - F(a)) / (1 - F(a)) ds   from a to t:
//
// for how many seconds, on average, a result has been lying there. F is learned
// per model from the successes, by Kie's own clock: a histogram of a hundred
// buckets, each a tenth wider than the one before, in which an observation
// fades away over the next two hundred, on top of a wide prior for the kind
// that weighs as much as four of them. It is stored with the final states it
// was learned from, every ten seconds at most; its median is what people are
// told is usual.
//
// With 0.8 requests per second for images (10 to 60 s), videos (1 to 13 min)
// and music (2 to 3 min), two reads per second, and a start that knows nothing
// of the models, a result waits 8.3 s on average. Reading every task every
// three seconds, as far as the same two reads per second go, leaves it waiting
// for 26.7 s, 3.2 times as long; with durations that scatter twice as much it
// is 2.2 times. Knowing the distributions from the start would gain another
// tenth of a second. Other measures that were tried, such as the probability of
// being finished, came within two percent.
//
// A read that is expected to find less than a quarter of a second of waiting
// is made only when there are reads to spare, and then at the pace that Kie
// advises: every 2.5 seconds at first, every 20 after two minutes. Nothing is
// read within 2.5 seconds of the last read, nor more than once a minute after
// the soft deadline. With callbacks the staleness counts a hundredth, the
// chance that one gets lost, so that reads are a safety net every minute or
// so; what a callback was about goes before everything else.
//
// Ten thousand tasks or a million, a read costs the same: tasks wait in a heap
// by the time at which they are worth a look, half of what the latest reads
// were made for, and of those that are due the first 256 are weighed. A
// waiting task takes 111 bytes of memory, one that runs up to 90 more for its
// clock.
//
// # Lanes
//
// Deliveries of one chat are shown in the order in which they were committed,
// one at a time; chats do not wait for each other. Three things bend the order,
// and none of them loses anything: a delivery that the platform does not take,
// or whose files cannot be had, holds its lane for thirty seconds and then
// steps aside until its next attempt, for everything but its own batch; what is
// impossible in its chat moves to where the adapter says, with all that follows
// in its batch; and a repeated attempt after a lost answer comes when it comes.
// A platform that asks for a wait ([DeliveryError]) gets it to the moment, in
// the lane or everywhere, across restarts, and so does one that names its
// limits beforehand ([Paced]). Everything else backs off, up to five minutes
// between two attempts, and is given up after a day at the earliest: then
// [Task].Undelivered says why, and the result can still be asked for.
//
// Progress edits are never stored. They keep their distance per message, take
// at most half of every limit, and stop once the batch's end waits. When the
// queue moves, the messages of the twenty in front follow it: those edits, of
// which a fast queue could cause any number, keep that distance in the chat.
//
// A lane is remembered only while something waits in it or its pace has to be
// kept, and has no goroutine of its own: lanes that could show something stand
// in line for one of a few attempts per platform, the ones with files in a line
// with a bound on their bytes. So a hundred waiting uploads cost neither memory
// nor the patience of a chat that waits for a sentence.
//
// # Several replicas
//
// Several engines can work on one store. Each accepts requests and callbacks;
// what only one may do at a time is a [Duty]: a Kie account with its limits and
// the tasks that it has, a thirty-second part of the lanes, what the platforms
// need once, the chores. A replica has its duties as long as its lease lasts.
// It takes what nobody has, up to its share of a kind, and leaves what it has
// above that to others that join: first nothing begins any more, then what is
// under way ends, then the store is told. Whoever gets a duty lists what waits
// under it and goes on; a creation that was under way when its replica died is
// unresolved, as after any kill. Nobody leads, and nothing is appointed.
//
// So that none is served out of order or twice, every replica hears what the
// others commit, in the order of the commits and before its own next one returns.
// A delivery that another has stored for one of its lanes is in that lane before
// a later one of its own. Queued tasks are known to all, so that positions and
// turns are; who has a Kie account takes from the queue, and the commit that
// makes a task leave decides between two that want the same one. When the last
// tasks left for an account is stored, so that its limit holds for its next
// replica.
//
// Files are on the disk of the replica that fetched them. Any other fetches them
// once more when they are asked of it ([Engine.Bring]), for as long as Kie has
// them, and all remove those of what is forgotten. What a platform takes in all
// is divided evenly among the replicas.
//
// A replica that stood still for longer than its lease finds out at its next
// commit, and before anything that no commit takes back: it asks its own clock
// before it creates a task or shows something.
//
// # The operator
//
// What the operator should know, such as a balance below Config.LowBalance or a
// parked Kie account, is an [Alert], stored in the commit of what
// caused it and handed to Config.Alert at least once, in order: a kill or an
// outage delays it. Of more than a hundred that wait, the newest are kept. Every
// alert is logged once, whether somebody takes alerts or not. What can come in
// great numbers, results that cannot be shown and an account that is parked again
// and again, is told once an hour.
//
// What the operator steers applies to the next commit and outlasts a restart.
// A pause ([Engine.SetPaused]) refuses what is new and holds what is queued: it
// is read in the commit that lets a task leave, and the hour that a queued task
// waits for a usable key begins anew when the pause ends. [Policy] has the
// models that are off, those to use where none is named, and the words and
// patterns that prompts may not say ([Prompts]), with warnings that can end in
// a block; all of it is asked at acceptance, by whatever way a request comes.
// [Engine.Broadcast] stores one delivery for each chat that asked for news, in
// one commit.
//
// A copy of the store carries a mark ([MarkCopy]). An engine that finds it runs
// on a restored backup, ends what was queued in it and refunds it: it may have
// been created since, and nothing is paid twice.
//
// # One person
//
// Two accounts become one with a one-time code ([Engine.Link]): the elder one
// remains and has what every window of both has used and holds; tasks and
// ledgers stay where they are and belong to it. A request that costs more than
// [Policy].ConfirmAbove is kept as a question, and [Engine.Confirm] submits it
// for the price that was told. What a task produced is a file for the next
// request ([OutputFile]), and [Engine.Show] shows it once more. What is put
// together press by press is a [Draft], until it is submitted under its key,
// which accepts it once.
//
// What people choose ([PersonSettings]) and what admins of a chat choose for it
// ([ChatSettings]) only makes stricter what the operator allows: of two limits
// for a chat's day, or two prices above which to ask, the smaller one holds.
package core

// Package gateway keeps a bot connected to Discord's gateway and gives every
// interaction to a function.
//
// It follows Discord's documentation, "Using Gateway", "Gateway Events" and
// "Opcodes and Status Codes", as of November 2026, version 10. Of discordgo it
// takes types only: Session.Open of that library reads while it holds the
// session's lock, so that a gateway which says nothing, or refuses a resume,
// stops it for good, and a new Session cannot resume the old one.
//
// # What survives
//
// A shard is connected, and whenever the connection ends, for whatever reason,
// it is connected again: at once after one that worked, with growing pauses, up
// to a minute, after those that did not. The session outlives the connection.
// It is resumed where Discord said that it can be, and Discord then repeats
// what was missed in between; an interaction counts as received when Take has
// returned. A session ends when Discord says so, when it could not be resumed
// for a minute, or when what is repeated cannot be read. A new one is begun
// only as Discord allows: never with none of the day's session starts left
// (the token would be reset), and one each five seconds for a rate limit key.
//
// Nothing waits without a bound. Connecting, the first word and each frame have
// deadlines, and a heartbeat that was not answered when the next is due ends
// the connection, with a close code that keeps the session.
//
// # Several processes
//
// Config.Shared spreads the shards over processes that are one bot. One that
// leaves a shard closes the connection so that the session stays, and leaves
// what a resume needs to whoever has the shard next, for a minute; what a dead
// process had begins anew. All have the same number of shards, which grows for
// all when one of them learns that Discord wants more. Between two identifies
// with one rate limit key there are five seconds, whichever processes they are
// of, by the clocks of these.
//
// # What is not read
//
// No intents are asked for: interactions need none. What comes all the same,
// such as thousands of servers at the start, is not decoded beyond its name and
// its number.
package gateway

// Package console is the operator's console, pages under /console: what goes on
// now, all tasks with their whole history, people with what they have used,
// what was spent, the models, what admins did, and the replicas.
//
// The pages are made on the server and need no JavaScript; a small script keeps
// the first of them up to date while somebody looks at it. Whatever is done
// here is done by [kiebot/bots.Bot.Admin], as in the chats and on the command
// line, so it is checked, recorded and worded there.
//
// A browser gets in with the password, or with a link that works once and for
// ten minutes ([Console.Invite]), which also is the way in when somebody else
// has used up the guesses. It then has a cookie that names a session, of which
// the store keeps a digest: it counts at every replica and goes on over a
// restart. Sessions end after twelve hours, when their person logs out, and when
// the password is another one. How often somebody may guess is counted by each
// replica for itself.
package console

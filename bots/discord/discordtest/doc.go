// Package discordtest is a Discord server in the manner of net/http/httptest, with people who use the bot.
//
// It is a reading of https://docs.discord.com/developers (API v10, autumn 2026)
// that shares nothing with any client. Doc comments name the sections they
// follow. What a bot may call is one table (route.go), and what it may send is
// another (shapes.go): objects with their fields, types, ranges and lengths.
//
// A test reads like a conversation:
//
//	s := discordtest.NewServer(discordtest.Config{Username: "catbot"})
//	defer s.Close()
//	// … start the bot with s.URL() and s.Token() …
//	s.Online(t)
//	ann := s.Person("Ann", discordtest.Locale("ru"))
//	chat := s.Guild("cats", ann).Channel("general")
//	in := chat.As(ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
//	msg := in.Becomes(t, func(m discordtest.Message) bool { return !m.Loading() })
//	form := ann.Presses(msg, "✏️").Modal(t)
//	form.Submits(discordtest.Set("prompt", "a blue cat"))
//
// Interactions go over the gateway, or to the endpoint of Server.SetEndpoint.
// Waiting works in real time and, with NewMemoryServer, in a testing/synctest
// bubble. All timers are those of package time, so in a bubble they are the
// bubble's. A message can be read as soon as the server has it, which may be
// before the bot has the answer to its call.
//
// What the bot did is read as the state of a channel (Channel.Messages, and
// Channel.As for what one person sees), as the first answer to an interaction
// (Interaction.Answer), or as the log of its calls (Server.Calls). Trouble is
// ordered with Server.Fault, Server.FaultGateway, Server.Interrupt, Server.Down
// and Server.Ban; the limits of pace are switched on with Config.Flood, and
// Server.Early lists the calls of a bot that did not wait.
//
// # What is checked
//
// Every body, with the errors of the service: code 50035 and the place of each
// problem. A code that begins with DISCORDTEST_ is this package's own: there
// the service overlooks what is a mistake of the bot, above all a field that
// does not exist, or its code is not documented. What is right but unwise is
// noted: see Server.Complaints, which a test should find empty.
//
//   - Commands: names, lengths, 8000 characters in all, order and kinds of
//     options, choices, nesting, localizations, 100 and 15 of each kind, 200
//     new ones a day, contexts and installation.
//   - Interactions: three seconds for the first answer, one answer, the types
//     that fit, fifteen minutes for the token (401, 50027), ephemeral and
//     deferred answers, followups and how many, the first one after a
//     deferral, completion, forms with all their components.
//   - Messages: content, embeds, components of both kinds and what goes across
//     them, custom ids, flags, replies, mentions and whom they notify, nonce
//     with enforce_nonce, permissions of the bot, archived threads, closed
//     direct messages, channels that are gone.
//   - Files: payload_json and files[n], attachments that stay and go, sizes by
//     guild and interaction (413, 40005), links that are signed and end.
//   - Pace: buckets with their headers by route and channel, guild or token, 50
//     calls a second, the ban for 10 000 invalid calls in ten minutes.
//   - The gateway: identify and its limits, heartbeats, shards, intents, resume
//     with what was missed, close codes, plain JSON, zlib-stream and compressed
//     payloads.
//   - The endpoint: signatures, PING, the reply as the first answer, 202 with a
//     callback.
//
// # What is simpler
//
// There is one application. Lengths count code points. Versions 9 and 10 are the
// same. A bot may edit its own messages as often as it likes, also those older
// than an hour. Permissions are set as bits for the bot in a channel and for a
// member in a guild, not worked out from roles; ATTACH_FILES and EMBED_LINKS
// count for answers to interactions as for messages. The gateway sends
// INTERACTION_CREATE, and GUILD_CREATE and GUILD_DELETE to those with that
// intent: no messages. Stickers, polls, voice messages, webhooks of channels,
// crossposts, premium and activities are not there; neither is ETF. Pictures
// are not recoded, addresses are not fetched, and files stay in memory. The
// numbers of the buckets are those that people report, since the documentation
// gives none. An endpoint may be plain http.
package discordtest

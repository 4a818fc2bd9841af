// Package telegramtest is a Telegram Bot API server in the manner of net/http/httptest, with people who use the bot.
//
// It is a reading of https://core.telegram.org/bots/api (Bot API 10.3, August
// 2026) that shares nothing with any client. Doc comments name the sections
// they follow. Every method a media bot calls is a row of one table (method.go)
// with its parameters, their types and ranges; a call that breaks it is refused
// with the sentence of the service. What the service lets pass, such as a
// parameter it does not know, is noted: see Server.Complaints, which a test
// should find empty.
//
// A test reads like a conversation:
//
//	s := telegramtest.NewServer(telegramtest.Config{Username: "catbot"})
//	defer s.Close()
//	// … start the bot with s.URL() and s.Token() …
//	ann, bob := s.Person("Ann", telegramtest.Language("ru")), s.Person("Bob")
//	chat := s.Group("cats", ann, bob)
//	chat.As(ann).Types("/imagine@catbot a cat")
//	msg := chat.Next(t) // the next message of the bot
//	ann.Presses(msg, "🔄").Answer(t)
//	msg = chat.Until(t, func(m telegramtest.Message) bool { return m.Kind() == "photo" })
//	ann.Replies(msg, "/edit make it blue")
//
// Waiting works in real time and, with NewMemoryServer, in a testing/synctest
// bubble. All timers are those of package time, so in a bubble they are the
// bubble's. A message can be read as soon as the server has it, which may be
// before the bot has the answer to its call.
//
// What the bot did is read as the state of a chat (Chat.Messages) or as the log
// of its calls (Server.Calls). Trouble is ordered with Server.Fault; limits of
// pace are switched on with Config.Flood, and Server.Early lists the calls of a
// bot that did not wait.
//
// A bot that runs as a process of its own is given URL as TELEGRAM_API_URL.
//
// Some things are simpler than in the service. There is one bot, so that a
// group's commands without a name are for it. Photos are not recoded. Files are
// not fetched from addresses, replies stay in their chat, Markdown is not read,
// inline messages are not edited, and a call in the body of a webhook's answer
// is not made.
package telegramtest

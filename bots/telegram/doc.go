// Package telegram brings kiebot into Telegram chats.
//
// It is built on github.com/go-telegram/bot for the types and methods of the
// Bot API; the connection is its own, see client.
package telegram

// Platform is the name of this adapter in identities and lanes. The lane of a
// chat is its id: telegram:-1001234567890.
const Platform = "telegram"

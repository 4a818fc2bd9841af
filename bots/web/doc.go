// Package web is the browser chat: one page at /, for trying kiebot out and
// for people who have no other chat.
//
// A [Web] is a core.Adapter. What it is asked to deliver goes as a message to
// every page that is connected, over server-sent events; a message replaces
// the one with the same id. With nobody connected it is delivered all the
// same, because a page that connects first gets the recent messages, built
// from the store: a reload, a lost connection and a restart of the process all
// end with the same chat on the screen. It does not matter which replica a page
// is connected to: whoever shows something tells the others. Answers that make
// no task, such as /help, are not in the store; the page itself keeps them while
// its tab lives.
//
// Who may use it: with [Config].Access everybody who once opened the page with
// /?access=TOKEN, which sets a cookie; without it everybody who reaches the
// address, which is meant for loopback. There is one person behind all pages,
// [Config].Identity.
//
// The page loads nothing from elsewhere and puts what people and models write
// into it as text only.
package web

// Package bots is what every chat platform shares: the command table, the
// parsing of what people type, and the wording of every answer.
//
// An adapter turns a platform's update into an [Incoming] and calls
// [Bot.Command], or [Bot.Press] for a button. Whatever a person sends, the
// answer is a [Reply] with a sentence that says what was wrong, what the
// choices are and whether anything was charged; there is no error to handle.
//
// Files come as https links, or as whatever [Incoming].Attach makes of the text
// after a flag such as --image; which model of a family runs depends on them.
//
// A menu is a message that is edited in place: a press brings a [Reply] that
// says Replaces, with the buttons of the next page in rows. What a button does
// is all in its data, and what was chosen is in the store, so nothing is lost by
// a restart; a press of somebody whose menu it is not, or one that leads nowhere
// any more, is answered with a sentence. A request can be put together that way,
// its price on the button that starts it (--menu); what people and chats chose
// once and for all (/settings) goes into every request. Words are asked for with
// [Reply].Ask.
//
// What happens to an accepted request comes to the adapter later as a
// core.Parcel, and [Bot.Show] puts it into words as a [Message]. What a
// message looks like on a screen is the adapter's business.
//
// Texts live in messages/*.json, one file per language. The language of an
// answer is the one that the person chose, else the one that fits Origin.Locale
// best, else Config.Locale.
package bots

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
// What happens to an accepted request comes to the adapter later as a
// core.Parcel, and [Bot.Show] puts it into words as a [Message]. What a
// message looks like on a screen is the adapter's business.
//
// Texts live in messages/*.json, one file per language. The language of an
// answer is the one that fits Origin.Locale best, else Config.Locale.
package bots

// Package telegram brings kiebot into Telegram chats.
//
// It is built on github.com/go-telegram/bot for the types and methods of the
// Bot API; the connection is its own, see client.
//
// # What people see
//
// One message stands for a request while it is under way: it replies to the
// command, in its topic, and is edited in place. The end is a new message, of
// which people are told, and then the old one is deleted; only a request that
// its owner canceled ends where the button was. Several files come as albums
// with a message that replies to them and has the buttons. In a group that got
// half of the messages it takes in a minute, a reaction stands for the
// progress, and the messages are left for results.
//
// Nothing that a person typed becomes markup or calls somebody: there is no
// parse mode, and a prompt is shown as code, in which Telegram looks for
// nothing. Texts and captions are counted in UTF-16 units, as Telegram does,
// and cut between what people see as characters.
//
// What is asked for in a group with --private is shown in the person's private
// chat from the beginning. Who cannot be written to there, which is found out by
// showing that something is being typed, is told so in the group before anything
// is held or charged.
//
// A menu of commands is set for private chats, for groups and for their admins,
// in each language, where another one than is wanted is there. It is only an
// offer: every command that is typed is answered.
//
// A menu is one message whose pages take each other's place. What a question
// for words is about stands in a link behind its text, so that the answer to
// that message says it again. Who the admins of a group are is asked of Telegram
// once every few minutes while the group is in use; an anonymous admin is one.
//
// What a person made is offered wherever they type the bot's name, as far as
// Telegram has it: it is sent there by its id.
//
// # Files
//
// A file is sent as what it is, else as a document, a picture then in a smaller
// rendition, and at last as a link with its expiry. What is known beforehand
// not to fit (bytes, pixels, proportions) is not tried; what Telegram refuses
// goes down one step. Uploads are read from the disk while they are sent, so
// that they cost no memory: eight of 50 MB at once take about one MiB. What
// Telegram has of a file is in the batch's receipt, and shown again it is sent
// by its id.
//
// # Payments
//
// Where something is sold, a pack's button is answered with an invoice in Stars.
// It is for one person: a forwarded one leads to the bot. The checkout is
// answered beside the queues of the chats, with one look into the store, and
// again when the answer may be lost; only what Telegram does not hand over yet,
// because 2000 commands are under way, can make it late. A payment is credited
// before Telegram may forget it, once for each charge. Stars that an admin
// returns are asked for until Telegram says yes or no, and those that Telegram
// returns by itself take their credits with them. What was missed of all this,
// because Telegram keeps a message for a day only, is found in the list of
// transactions afterwards.
//
// # Several replicas
//
// One replica at a time handles the updates: the one with the duty. With getUpdates
// only that one asks. With a webhook every replica takes updates, and what another
// may have to handle is committed to the inbox, of which the one with the duty
// hears at once; it is told to Telegram as taken only then. So albums, the order in
// a chat and repetitions are seen whole in one place. Who gets the duty takes up
// all that is in the inbox. A checkout is answered where it comes.
//
// # When it fails
//
// Telegram has no key that makes a repeated call harmless. A message is sent
// again when it surely was not taken, and when nobody knows: after a broken
// connection, a 5xx or silence. Only then can it be there twice. Of a delivery
// that takes several messages, those that were taken are remembered and not
// sent again.
//
// A 429 is kept to the moment, by everything that calls. A group that became a
// supergroup is followed at once, a topic that is closed or gone is left for
// the group, a command that was deleted is not replied to, and what cannot be
// shown in a group goes to the person's private chat.
package telegram

// Platform is the name of this adapter in identities and lanes. The lane of a
// chat is its id: telegram:-1001234567890.
const Platform = "telegram"

// Package discord brings kiebot into Discord.
//
// Interactions come by the gateway or, signed, to an address of ours; what
// happens then is the same. discordgo gives the types of what is sent; its
// connection and its REST client are not used, see gateway and client.
//
// # What people see
//
// The first answer to an interaction leaves within a quarter of a second: the
// reply itself where it is there by then, else "is thinking". What nobody else
// should see, refusals among it, is ephemeral; a refusal that comes after the
// whole channel was told to wait takes that message away again.
//
// One message stands for a request and is edited in place, up to its result:
// pictures as a gallery, videos and songs as attachments that play, further
// files in further messages. For fourteen minutes the interaction's token edits
// it, after that the bot itself, where it may; elsewhere, and where a message
// for one person alone has to outlive the token, the result comes as a direct
// message, and /show brings it in any case.
//
// Nothing that a person typed becomes markup, and nobody is ever called.
//
// # When it fails
//
// An edit can be repeated harmlessly, and a message of the bot's own carries a
// nonce that Discord recognises for some minutes. Only a further message that is
// sent with an interaction's token, the answer to a button or a further file,
// can be there twice after a lost answer.
// A 429 is kept to the moment, and calls that would be refused are not made.
//
// # Several replicas
//
// Each shard of the gateway is a duty, and moves with its session; over HTTP
// every replica answers. Whoever receives an interaction gives its first answer.
// Where another replica has the lane this is that something comes, which that
// replica edits, trying for a moment while the answer is on its way. What a form
// will need is in the store, so that any replica can take it. An interaction that
// comes again, there or here, starts nothing new: requests and acts of admins go
// by its id.
package discord

// Platform is the name of this adapter in identities and lanes. The lane of a
// channel is its id, discord:123; that of a person's direct messages has the
// person's, discord:dm:456.
const Platform = "discord"

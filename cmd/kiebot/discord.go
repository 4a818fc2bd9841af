package main

import (
	"regexp"
	"strings"

	"kiebot/bots/discord"
	"kiebot/core/media"
	"kiebot/kie"
)

// discordSettings are those of the Discord bot; without a token there is none.
type discordSettings struct {
	token  kie.Secret
	key    string // empty: the gateway
	url    string
	shards string
	prefix string
	safe   bool
}

// What the page of an application shows, and what names of commands may have.
var (
	discordToken  = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`)
	discordKey    = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	discordShards = regexp.MustCompile(`^(auto|[0-9]+/[1-9][0-9]*)$`)
	discordPrefix = regexp.MustCompile(`^[a-z0-9_-]{0,16}$`)
)

// readDiscord checks what the Discord bot needs.
func (e environment) readDiscord(s *settings, found *problems) {
	s.discord = discordSettings{
		token: kie.Secret(e.DiscordToken), key: e.DiscordKey, url: strings.TrimRight(e.DiscordURL, "/"), shards: e.DiscordShards, prefix: e.DiscordPrefix,
	}
	if e.DiscordToken != "" && !discordToken.MatchString(e.DiscordToken) {
		found.add("DISCORD_TOKEN", "does not look like a bot's token: copy the whole of what the page Bot of your application shows, three parts with dots between them")
	}
	if _, err := webAddress(e.DiscordURL); err != nil {
		found.add("DISCORD_API_URL", "%v", err)
	}
	if !discordShards.MatchString(e.DiscordShards) {
		found.add("DISCORD_SHARDS", "is neither auto nor n/m, such as 0/2 for the first of two processes")
	}
	switch e.DiscordNSFW {
	case "anywhere":
	case "restricted":
		s.discord.safe = true
	default:
		found.add("DISCORD_NSFW", "is neither anywhere nor restricted")
	}
	if !discordPrefix.MatchString(e.DiscordPrefix) {
		found.add("DISCORD_PREFIX", "may have up to 16 of a-z, 0-9, _ and -, such as kie-")
	}
	switch {
	case e.DiscordKey != "" && !discordKey.MatchString(e.DiscordKey):
		found.add("DISCORD_PUBLIC_KEY", "is not a public key: copy the 64 digits and letters that General Information of your application shows")
	case e.DiscordKey != "" && s.publicURL == "":
		found.add("DISCORD_PUBLIC_KEY", "is set, which needs PUBLIC_URL: without an address of its own kiebot has to use the gateway, so remove the key")
	}
}

// makeDiscord ties Discord to the bot.
func (a *app) makeDiscord(s settings, links *media.Links) (err error) {
	a.discord, err = discord.New(discord.Config{
		Token: discord.Token(s.discord.token.Reveal()), URL: s.discord.url, Bot: a.bot, Engine: a.engine, Store: a.store, Links: links,
		PublicKey: s.discord.key, Shards: s.discord.shards, Prefix: s.discord.prefix, Safe: s.discord.safe, Logger: a.log,
		Transport: meteredTransport{discord.NewTransport(), a.meters, discord.Platform},
	})
	return err
}

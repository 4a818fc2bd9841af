package main

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"kiebot/bots/discord/discordtest"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// services starts a Kie.ai, a Telegram and a Discord on loopback, points
// kiebot at them, and puts what a newcomer copies into MY_KIE_KEY,
// MY_TELEGRAM_TOKEN, MY_DISCORD_TOKEN and MY_DISCORD_PUBLIC_KEY.
func services(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: services")
	}
	kie := kietest.NewServer(kietest.Config{})
	ts.Defer(kie.Close)
	telegram := telegramtest.NewServer(telegramtest.Config{})
	ts.Defer(telegram.Close)
	discord := discordtest.NewServer(discordtest.Config{})
	ts.Defer(discord.Close)
	for name, value := range map[string]string{
		"KIE_API_URL": kie.URL(), "KIE_UPLOAD_URL": kie.URL(), "MY_KIE_KEY": kie.Key(),
		"TELEGRAM_API_URL": telegram.URL(), "MY_TELEGRAM_TOKEN": telegram.Token(),
		"DISCORD_API_URL": discord.URL(), "MY_DISCORD_TOKEN": discord.Token(), "MY_DISCORD_PUBLIC_KEY": discord.PublicKey(),
	} {
		ts.Setenv(name, value)
	}
}

// firstServed puts the database of the first version into a folder: first-serve DIR.
func firstServed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: first-serve DIR")
	}
	data, err := firstDatabase()
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "kiebot.db"), data, 0o600))
}

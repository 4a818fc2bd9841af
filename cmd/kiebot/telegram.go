package main

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"kiebot/bots/telegram"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
)

// The ways in which Telegram's updates come.
const (
	polling = "polling"
	webhook = "webhook"
)

// What @BotFather hands out, and what setWebhook takes as secret_token.
var (
	telegramToken  = regexp.MustCompile(`^[0-9]+:[\w-]{30,}$`)
	telegramSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

// readTelegram checks what the Telegram bot needs; without TELEGRAM_TOKEN there is none.
func (e environment) readTelegram(s *settings, found *problems) {
	s.telegramToken, s.telegramSecret = kie.Secret(e.TelegramToken), kie.Secret(e.TelegramSecret)
	s.telegramURL = strings.TrimRight(e.TelegramURL, "/")
	s.telegramWebhook = e.TelegramMode == webhook
	if e.TelegramToken != "" && !telegramToken.MatchString(e.TelegramToken) {
		found.add("TELEGRAM_TOKEN", "does not look like a bot's token: copy the whole of what @BotFather gave you, number:letters")
	}
	if _, err := webAddress(e.TelegramURL); err != nil {
		found.add("TELEGRAM_API_URL", "%v", err)
	}
	if e.TelegramSecret != "" && !telegramSecret.MatchString(e.TelegramSecret) {
		found.add("TELEGRAM_WEBHOOK_SECRET", "may have up to 256 of A-Z, a-z, 0-9, _ and -")
	}
	switch {
	case e.TelegramMode != polling && e.TelegramMode != webhook:
		found.add("TELEGRAM_MODE", "is neither polling nor webhook")
	case s.telegramWebhook && s.publicURL == "":
		found.add("TELEGRAM_MODE", "is webhook, which needs PUBLIC_URL: without an address of its own kiebot has to use polling")
	}
}

// makeTelegram ties Telegram to the bot and the engine.
func (a *app) makeTelegram(s settings, links *media.Links, secret []byte) error {
	webhookSecret := s.telegramSecret.Reveal()
	if webhookSecret == "" {
		webhookSecret = hex.EncodeToString(derive(secret, "telegram webhook"))
	}
	var err error
	a.telegram, err = telegram.New(telegram.Config{
		Token: telegram.Token(s.telegramToken.Reveal()), URL: s.telegramURL, Bot: a.bot, Till: a.bot, Engine: a.engine, Store: a.store, Links: links,
		Webhook: s.telegramWebhook, PublicURL: s.publicURL, Secret: telegram.Token(webhookSecret), Logger: a.log,
		Operators: telegramUsers(s.admins), Transport: meteredTransport{telegram.NewTransport(), a.meters, telegram.Platform},
	})
	return err
}

// telegramUsers are the numbers of those among the identities who are Telegram's.
func telegramUsers(all []core.Identity) []int64 {
	var users []int64
	for _, who := range all {
		if id, err := strconv.ParseInt(who.User, 10, 64); err == nil && who.Platform == telegram.Platform {
			users = append(users, id)
		}
	}
	return users
}

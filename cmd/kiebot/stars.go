package main

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kiebot/bots"
	"kiebot/bots/telegram"
	"kiebot/core"
	"kiebot/kie/catalog"
)

const (
	mostStars = 10_000 // that one invoice can ask for
	mostPacks = 12
	mostWords = 1000 // of what the operator says about payments
)

// readStars reads what is sold on Telegram.
func (e environment) readStars(s *settings, found *problems) {
	for i, entry := range entries(e.Stars) {
		pack, ok := readPack(entry)
		twice := slices.ContainsFunc(s.packs, func(p bots.Pack) bool { return p.Stars == pack.Stars })
		switch {
		case !ok:
			found.add("TELEGRAM_STARS", "has an entry, number %d, that is not STARS:CREDITS, such as 100:500, with 1 to %d Stars", i+1, mostStars)
		case twice:
			found.add("TELEGRAM_STARS", "has an entry, number %d, for as many Stars as one before", i+1)
		}
		s.packs = append(s.packs, pack)
	}
	s.starsSupport, s.starsTerms = contact(e.StarsSupport), strings.TrimSpace(e.StarsTerms)
	for name, words := range map[string]string{"TELEGRAM_STARS_SUPPORT": s.starsSupport, "TELEGRAM_STARS_TERMS": s.starsTerms} {
		if utf8.RuneCountInString(words) > mostWords {
			found.add(name, "has more than %d characters: give a contact or a link", mostWords)
		}
	}
	switch {
	case len(s.packs) == 0:
	case len(s.packs) > mostPacks:
		found.add("TELEGRAM_STARS", "has more than %d entries", mostPacks)
	case s.telegramToken == "":
		found.add("TELEGRAM_STARS", "sells credits on Telegram, which needs TELEGRAM_TOKEN")
	case len(s.admins) == 0:
		found.add("TELEGRAM_STARS", "sells credits, which needs somebody in ADMINS who can return a payment")
	}
}

var telegramName = regexp.MustCompile(`^@(\w+)$`)

// contact makes a link of a name: what the bot writes mentions nobody.
func contact(words string) string {
	return telegramName.ReplaceAllString(strings.TrimSpace(words), "https://t.me/$1")
}

// readPack reads "100:500": Stars, then credits.
func readPack(entry string) (bots.Pack, bool) {
	price, amount, _ := strings.Cut(entry, ":")
	stars, err := strconv.Atoi(price)
	credits, wrong := catalog.ParseCredits(amount)
	return bots.Pack{Stars: stars, Credits: credits}, err == nil && wrong == nil && stars >= 1 && stars <= mostStars && credits > 0
}

// sale is what the bot sells. Payments can be returned, and are credited, also
// when nothing is sold any more.
func (a *app) sale(s settings) bots.Sale {
	if s.telegramToken == "" {
		return bots.Sale{}
	}
	return bots.Sale{
		Platform: telegram.Platform, Packs: s.packs, Support: s.starsSupport, Terms: s.starsTerms,
		PayBack: func(ctx context.Context, p core.Payment) error { return a.telegram.PayBack(ctx, p) },
	}
}

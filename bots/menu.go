package bots

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// A menu is a message whose buttons lead from page to page. Where a button
// leads is all in its data, and what was chosen is in the store, so that a
// restart between any two presses changes nothing.

// step is where a button of a menu leads: "version:menu:owner:verb:arg…".
type step struct {
	menu  string
	owner string // of a draft its id, else the tag of the person or chat whose menu it is
	verb  string // what to show or to do; empty shows the first page
	args  []string
}

// The menus.
const (
	modelsMenu   = "models"
	settingsMenu = "settings" // a person's
	chatMenu     = "chat"     // a chat's settings
	draftMenu    = "draft"
	privacyMenu  = "privacy"
)

// The verbs of every menu that has models to choose from.
const (
	showKinds  = "kinds"
	showKind   = "kind"   // kind, page
	showFamily = "family" // tag of its first model
	takeModel  = "model"  // tag
)

// data is what a button carries.
func (s step) data() string {
	return strings.Join(append([]string{buttonVersion, s.menu, s.owner, s.verb}, s.args...), ":")
}

// to is another step of the same menu.
func (s step) to(verb string, args ...string) step {
	s.verb, s.args = verb, args
	return s
}

// arg is the nth argument, empty when there is none.
func (s step) arg(n int) string {
	if n >= len(s.args) {
		return ""
	}
	return s.args[n]
}

// page is the nth argument as the number of a page, from 0.
func (s step) page(n int) int {
	page, err := strconv.Atoi(s.arg(n))
	if err != nil || page < 0 {
		return 0
	}
	return page
}

// parseStep reads a button's data; false when it is no menu's.
func parseStep(data string) (step, bool) {
	parts := strings.Split(data, ":")
	if len(parts) < 4 || parts[0] != buttonVersion || !slices.Contains([]string{modelsMenu, settingsMenu, chatMenu, draftMenu, buyMenu, privacyMenu}, parts[1]) {
		return step{}, false
	}
	return step{menu: parts[1], owner: parts[2], verb: parts[3], args: parts[4:]}, true
}

// tag stands for a text in a button: eight characters, the same after a restart
// and whatever else is added to the catalogue.
func tag(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

func tagOf(who core.Identity) string { return tag(who.String()) }

// pressMenu answers a press in a menu, or refuses what is not for this person.
func (b *Bot) pressMenu(ctx context.Context, s session, at step) Reply {
	if s.unread != nil {
		return b.refusal(s.voice, s.unread)
	}
	switch {
	case at.menu == draftMenu:
		return b.pressDraft(ctx, s, at)
	case at.menu == chatMenu && at.owner == tag(string(s.in.Origin.Lane)):
		return b.pressChat(ctx, s, at)
	case at.menu == chatMenu || at.owner != tagOf(s.in.Origin.Identity):
		return s.refuse([]string{s.say("menu.not_yours", nil)})
	case at.menu == settingsMenu:
		return b.pressSettings(ctx, s, at)
	case at.menu == privacyMenu:
		return b.pressPrivacy(ctx, s, at)
	case at.menu == buyMenu:
		return b.pressBuy(ctx, s, at)
	}
	return b.pressModels(ctx, s, at)
}

// unknown refuses a press that leads nowhere, or not any more.
func (v voice) unknown() Reply { return v.refuse([]string{v.say("press.unknown", nil)}) }

// keyboard lays buttons out in rows.
type keyboard struct {
	buttons []Button
	rows    int
}

// row adds a row; of nothing, nothing.
func (k *keyboard) row(buttons ...Button) {
	if len(buttons) == 0 {
		return
	}
	k.rows++
	for _, b := range buttons {
		b.Row = k.rows
		k.buttons = append(k.buttons, b)
	}
}

// columns adds all buttons, so many in a row.
func (k *keyboard) columns(n int, buttons []Button) {
	for some := range slices.Chunk(buttons, n) {
		k.row(some...)
	}
}

// pageRows is how many rows of choices one page has at most.
const pageRows = 7

// turn adds the choices of one page, n in a row, and the row that turns pages,
// with the button that goes back. The answer says which page it is of how many.
func (k *keyboard) turn(n int, choices []Button, page int, to func(page int) step, back Button) (at, of int) {
	size := n * pageRows
	of = max((len(choices)+size-1)/size, 1)
	page = min(page, of-1)
	k.columns(n, choices[page*size:min((page+1)*size, len(choices))])
	var last []Button
	if page > 0 {
		last = append(last, Button{Emoji: "◀️", Label: fmt.Sprint(page), Data: to(page - 1).data()})
	}
	if back.Data != "" {
		last = append(last, back)
	}
	if page < of-1 {
		last = append(last, Button{Emoji: "▶️", Label: fmt.Sprint(page + 2), Data: to(page + 1).data()})
	}
	k.row(last...)
	return page + 1, of
}

func (v voice) back(to step) Button {
	return Button{Emoji: "⬅️", Label: v.say("button.back", nil), Data: to.data()}
}

// pair is a setting with its value.
func (v voice) pair(name, value string) string {
	return v.say("menu.pair", args{"Name": name, "Value": value})
}

func (v voice) kindName(kind catalog.Kind) string { return v.say("kind."+string(kind), nil) }

// valueName names a value; a switch is on or off, and no value is a dash.
func (v voice) valueName(value string) string {
	switch value {
	case "":
		return "–"
	case switchOn, "true":
		return v.onOff(true)
	case switchOff, "false":
		return v.onOff(false)
	}
	return value
}

// onOff names the value of a switch.
func (v voice) onOff(on bool) string {
	if on {
		return v.say("menu.on", nil)
	}
	return v.say("menu.off", nil)
}

// page is a menu's page: it takes the place of the one before.
func page(text string, k keyboard) Reply {
	return Reply{Text: text, Buttons: k.buttons, Replaces: true}
}

package bots

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// order is one act with its words read.
type order struct {
	voice
	by  Operator
	act act

	given   []string // the slots that were filled, by name
	target  target
	amount  core.Credits
	limits  core.Limits
	number  int
	on      bool
	kind    catalog.Kind
	verb    string // of the acts that have some
	find    core.Search
	filters string // as typed, but for where to go on
	word    string // any other
	why     string // the reason
}

// has says whether the slot was filled.
func (o order) has(s slot) bool { return slices.Contains(o.given, s.name) }

// slot is a place for a word of an act. Its texts are the messages "slot.NAME",
// what stands for it in capital letters, and "slot.NAME.is", what can stand there.
type slot struct {
	name string
	may  bool // be left out
	rest bool // it takes all that follows
	// explained says that "slot.NAME.is" is there; it also says what is wrong.
	explained bool
	// read takes the word; false when it is nothing of the kind.
	read   func(o *order, word string) bool
	sample func(by Operator) string
	// offers are words that can stand there; nil for what cannot be listed.
	offers func(context.Context, *Bot) []string
}

// maybe is the slot as one that can be left out.
func maybe(s slot) slot {
	s.may = true
	return s
}

// The slots. Nobody may change them.
var (
	aPerson     = slot{name: "person", explained: true, read: targets(isPerson), sample: samplePerson}
	aWhom       = slot{name: "whom", explained: true, read: targets(isPerson, isChat, isGuild, isChannel, isRole, isTier, isEverybody, isTotal), sample: samplePerson, offers: offerGroups("everybody", "total")}
	aLimited    = slot{name: "resettable", explained: true, read: targets(isPerson, isChat, isGuild, isChannel, isRole, isTier, isEverybody, isTotal, isPolicy), sample: samplePerson, offers: offerGroups("everybody", "total", "policy")}
	anEntrant   = slot{name: "entrant", explained: true, read: targets(isPerson, isChat, isGuild, isChannel, isRole), sample: samplePerson}
	anAmount    = slot{name: "credits", explained: true, read: readCredits, sample: always("50")}
	someLimits  = slot{name: "limits", explained: true, read: readLimits, sample: always("50/500"), offers: offerWords("50", "50/500", unlimitedWord)}
	aTier       = slot{name: "tier", explained: true, read: readTier, sample: always("gold"), offers: offerTiers}
	aCharge     = slot{name: "paid", explained: true, read: readWord, sample: always("0c4f2d9a")}
	aJob        = slot{name: "job", explained: true, read: readJob, sample: always("0c4f2d9a")}
	someFilters = slot{name: "filters", explained: true, rest: true, read: readFilters, sample: always("failed telegram:123")}
	anOnOff     = slot{name: "switch", explained: true, read: readSwitch, sample: always("off"), offers: offerWords(switchOff, switchOn)}
	aModel      = slot{name: "model", explained: true, read: readWord, sample: always("imagen4"), offers: offerModels}
	aKind       = slot{name: "kind", explained: true, read: readKind, sample: always("image"), offers: offerKinds}
	aVerb       = slot{name: "verb", explained: true, read: readVerb, sample: always(promptsAdd), offers: offerWords(promptVerbs()...)}
	someText    = slot{name: "text", rest: true, read: readWord, sample: always("nude")}
	aNumber     = slot{name: "count", explained: true, read: readCount, sample: always("20")}
	anAct       = slot{name: "act", read: readWord, sample: always("grant")}
	aReason     = slot{name: "reason", rest: true, read: readReason}
)

func always(sample string) func(Operator) string {
	return func(Operator) string { return sample }
}

// samplePerson is somebody on the operator's platform.
func samplePerson(by Operator) string {
	if strings.HasPrefix(by.By, "discord:") {
		return "discord:456"
	}
	return "telegram:123"
}

// read fills the act's slots; the answer says what is wrong, if anything.
func (o *order) read(text string) (wrong string) {
	for _, s := range o.act.takes {
		word, rest := cutWord(text)
		if s.rest {
			word, rest = strings.TrimSpace(text), ""
		}
		switch {
		case o.meansAnswered(s, word):
			o.target = target{kind: isPerson, id: o.by.About.String(), who: o.by.About}
			o.given = append(o.given, s.name)
			continue // the word is that of the next slot
		case word == "" && s.may:
			return ""
		case word == "":
			return o.lacks(s)
		case !s.read(o, word):
			return o.unfit(word, s, "slot."+s.name+".is")
		}
		o.given = append(o.given, s.name)
		text = rest
	}
	if text = strings.TrimSpace(text); text != "" {
		return o.say("act.more", args{"Given": shorten(text, 40), "Form": o.act.form(o.voice)})
	}
	return ""
}

// lacks says that a word is missing.
func (o order) lacks(s slot) string {
	return o.say("act.missing", args{"Slot": o.say("slot."+s.name, nil), "Form": o.act.form(o.voice)})
}

// unfit says that a word cannot stand in the slot; the message of the key says what can.
func (o order) unfit(word string, s slot, key string) string {
	return sentences(o.say("act.wrong", args{"Given": shorten(word, 40), "Slot": o.say("slot."+s.name, nil)}), o.say(key, nil))
}

// meansAnswered says whether the slot is for somebody who is not named, because
// the words answer their message.
func (o *order) meansAnswered(s slot, word string) bool {
	takesPerson := slices.Contains([]string{aPerson.name, aWhom.name, aLimited.name, anEntrant.name}, s.name)
	if !takesPerson || o.by.About == (core.Identity{}) || strings.ContainsAny(word, ":<@") {
		return false
	}
	_, names := parseTarget(word)
	return !names
}

// cutWord cuts the first word off.
func cutWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// targetKind is what an act can be about.
type targetKind int

const (
	isPerson    targetKind = iota + 1
	isChat                 // of Telegram
	isGuild                // of Discord, and so the next two
	isChannel              //
	isRole                 //
	isTier                 // "tier:gold"
	isEverybody            // each of them
	isTotal                // all of them together
	isPolicy               // all rules that admins set
)

// target is what an act is about.
type target struct {
	kind targetKind
	id   string        // as it is typed, and kept in the audit log
	who  core.Identity // of a person
}

var targetForms = []struct {
	kind targetKind
	form *regexp.Regexp
	id   string // of what the form found
}{
	{isPerson, regexp.MustCompile(`^<@!?([1-9][0-9]{0,19})>$`), "discord:$1"},
	{isChannel, regexp.MustCompile(`^<#([1-9][0-9]{0,19})>$`), "discord:channel:$1"},
	{isRole, regexp.MustCompile(`^<@&([1-9][0-9]{0,19})>$`), "discord:role:$1"},
	{isPerson, regexp.MustCompile(`^(telegram:-?[1-9][0-9]{0,19}|discord:[1-9][0-9]{0,19}|web:local)$`), "$1"},
	{isChat, regexp.MustCompile(`^(telegram:chat:-?[1-9][0-9]{0,19})$`), "$1"},
	{isGuild, regexp.MustCompile(`^(discord:guild:[1-9][0-9]{0,19})$`), "$1"},
	{isChannel, regexp.MustCompile(`^(discord:channel:[1-9][0-9]{0,19})$`), "$1"},
	{isRole, regexp.MustCompile(`^(discord:role:[1-9][0-9]{0,19})$`), "$1"},
	{isTier, regexp.MustCompile(`^(tier:.+)$`), "$1"},
	{isEverybody, regexp.MustCompile(`^(everybody)$`), "$1"},
	{isTotal, regexp.MustCompile(`^(total)$`), "$1"},
	{isPolicy, regexp.MustCompile(`^(policy)$`), "$1"},
}

// parseTarget reads what an act is about.
func parseTarget(word string) (target, bool) {
	word = plainDashes(strings.ToLower(word))
	for _, f := range targetForms {
		if found := f.form.FindStringSubmatchIndex(word); found != nil {
			t := target{kind: f.kind, id: string(f.form.ExpandString(nil, f.id, word, found))}
			if t.kind == isPerson {
				t.who.Platform, t.who.User, _ = strings.Cut(t.id, ":")
			}
			return t, t.kind != isTier || isTierName(strings.TrimPrefix(t.id, core.TierRole("")))
		}
	}
	return target{}, false
}

// lane is the chat of a chat or channel.
func (t target) lane() core.Lane {
	platform, rest, _ := strings.Cut(t.id, ":")
	_, id, _ := strings.Cut(rest, ":")
	return core.NewLane(platform, id)
}

// place is the place that a chat or a guild is.
func (t target) place() core.Place {
	if t.kind == isChat {
		return core.Place(t.lane())
	}
	return core.Place(t.id)
}

// targets reads a target of one of the kinds.
func targets(kinds ...targetKind) func(*order, string) bool {
	return func(o *order, word string) bool {
		t, ok := parseTarget(word)
		o.target = t
		return ok && slices.Contains(kinds, t.kind)
	}
}

// plainDashes are the hyphens that phones make others of.
func plainDashes(word string) string {
	return strings.Map(func(r rune) rune {
		if isDash(r) {
			return '-'
		}
		return r
	}, word)
}

// parseAmount reads credits, with a decimal comma too.
func parseAmount(word string) (core.Credits, bool) {
	c, err := catalog.ParseCredits(strings.TrimPrefix(strings.Replace(plainDashes(word), ",", ".", 1), "+"))
	return c, err == nil
}

func readCredits(o *order, word string) bool {
	amount, ok := parseAmount(word)
	o.amount = amount
	return ok && amount != 0
}

const unlimitedWord = "unlimited"

func parseLimit(word string) (*core.Limit, bool) {
	if strings.EqualFold(word, unlimitedWord) {
		return new(core.Unlimited), true
	}
	amount, ok := parseAmount(word)
	return new(core.Limit(amount)), ok && amount >= 0
}

// readLimits reads DAY, DAY/MONTH or /MONTH, as QUOTA_ROLES has them.
func readLimits(o *order, word string) bool {
	daily, monthly, _ := strings.Cut(word, "/")
	ok := daily != "" || monthly != ""
	if daily != "" && ok {
		o.limits.Daily, ok = parseLimit(daily)
	}
	if monthly != "" && ok {
		o.limits.Monthly, ok = parseLimit(monthly)
	}
	return ok
}

// noTier takes a tier away.
const noTier = "none"

// tierMost is how many letters, digits, _ and - the name of a tier may have.
const tierMost = 32

func isTierName(name string) bool {
	foreign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && r != '-' }
	return name != "" && utf8.RuneCountInString(name) <= tierMost && !strings.ContainsFunc(name, foreign)
}

func readTier(o *order, word string) bool {
	word = strings.TrimPrefix(strings.ToLower(word), core.TierRole(""))
	if o.word = word; word == noTier {
		o.word = ""
	}
	return isTierName(word)
}

func readWord(o *order, word string) bool {
	o.word = word
	return true
}

// readJob reads the id of a job, whole or short, perhaps as lists show it.
func readJob(o *order, word string) bool {
	o.word = jobName(word)
	return jobID.MatchString(o.word)
}

var jobID = regexp.MustCompile(`^[0-9a-z]{8,32}$`)

// What comes before the name of a model, and before the job to go on from.
const (
	modelWord  = "model:"
	beforeWord = "before:"
)

func readSwitch(o *order, word string) bool {
	word = strings.ToLower(word)
	o.on = word == switchOn
	return isSwitch(word)
}

func readKind(o *order, word string) bool {
	kind, err := catalog.ParseKind(word)
	o.kind = kind
	return err == nil
}

// What can be done with the list of what prompts may not say.
const (
	promptsAdd      = "add"
	promptsPattern  = "pattern"
	promptsRemove   = "remove"
	promptsWarnings = "warnings"
)

func promptVerbs() []string {
	return []string{promptsAdd, promptsPattern, promptsRemove, promptsWarnings}
}

func readVerb(o *order, word string) bool {
	o.verb = strings.ToLower(word)
	return slices.Contains(promptVerbs(), o.verb)
}

// readFilters reads which jobs to list: a state, a person or chat, a model,
// and anything else as words of the prompt.
func readFilters(o *order, words string) bool {
	var text, kept []string
	for _, word := range strings.Fields(words) {
		low := strings.ToLower(word)
		t, isTarget := parseTarget(word)
		before, older := strings.CutPrefix(low, beforeWord)
		model, ofModel := strings.CutPrefix(low, modelWord)
		switch {
		case older:
			o.find.Before = core.TaskID(before)
			continue
		case ofModel:
			o.find.Model = model
		case slices.Contains(core.States(), core.State(low)):
			o.find.State = core.State(low)
		case isTarget && t.kind == isPerson:
			o.find.Who = t.who
		case isTarget && (t.kind == isChat || t.kind == isChannel):
			o.find.Lane = t.lane()
		default:
			text = append(text, word)
		}
		kept = append(kept, word)
	}
	o.find.Text, o.filters = strings.Join(text, " "), strings.Join(kept, " ")
	return true
}

// countMost is how many entries of a list one answer has.
const countMost = 50

func readCount(o *order, word string) bool {
	n, err := strconv.Atoi(word)
	o.number = n
	return err == nil && n >= 1 && n <= countMost
}

func readReason(o *order, word string) bool {
	o.why = word
	return true
}

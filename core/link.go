package core

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Linking makes one account of two. The older one remains and has everything
// from then on: the identities, the granted credits, what every window has
// used and holds. The other becomes a permanent redirect (Account.Into), and
// its tasks and its ledger stay where they are and belong to the account that
// names it in From. So no record is rewritten but the two accounts, their
// windows, and the holds of open tasks, and all of it is one commit.
//
// What an admin decided stays: the account is blocked if one of the two was;
// a limit that one of them had is the limit of both, the smaller one where
// both had one; and two tiers that differ are not linked at all, because
// nobody but the admin knows which one is right.

// Why two accounts are not linked.
const (
	ReasonLinkCode    Reason = "link_code"    // there is no such code, or a newer one replaced it
	ReasonLinkExpired Reason = "link_expired" // the code is too old
	ReasonLinkUsed    Reason = "link_used"    // the code linked somebody else
	ReasonLinkSelf    Reason = "link_self"    // the code was made by the same identity
	ReasonLinked      Reason = "linked"       // the two are one account already
	ReasonLinkTiers   Reason = "link_tiers"   // the two have different tiers
	ReasonLinkTries   Reason = "link_tries"   // too many wrong codes; Refusal.ResetsAt
)

const (
	// LinkCodeFor is how long a code can be used.
	LinkCodeFor = 10 * time.Minute
	// linkTries is how many wrong codes one identity may type within LinkCodeFor.
	linkTries = 5
	linkChars = 8 // 40 random bits
)

// LinkCode is what a person types on another platform to link it.
type LinkCode struct {
	Code    string // two groups of four characters
	Expires time.Time
}

// linkOffer is a code that waits, stored under the code's hash.
type linkOffer struct {
	Account AccountID `json:"account"`
	By      Identity  `json:"by"`
	Expires time.Time `json:"expires"`
	Used    bool      `json:"used,omitempty"`
}

// linkGuesses counts the wrong codes of one identity.
type linkGuesses struct {
	Wrong int       `json:"wrong"`
	Until time.Time `json:"until"`
}

// LinkCode makes a one-time code for the person's account, which replaces the
// one before. Only its hash is stored.
func (e *Engine) LinkCode(ctx context.Context, who Identity) (LinkCode, error) {
	var random [linkChars]byte
	if _, err := io.ReadFull(e.cfg.Rand, random[:]); err != nil {
		return LinkCode{}, unavailable(fmt.Errorf("making a code: %w", err))
	}
	code := make([]byte, linkChars)
	for i, b := range random {
		code[i] = idAlphabet[b%32]
	}
	var made LinkCode
	err := e.update(ctx, func(c *change) error {
		account, err := c.accountFor(who)
		if err != nil {
			return err
		}
		made = LinkCode{Expires: c.now.Add(LinkCodeFor)}
		return c.offerLink(linkOffer{Account: account.ID, By: who, Expires: made.Expires}, string(code))
	})
	shown := strings.ToUpper(string(code))
	made.Code = shown[:linkChars/2] + "-" + shown[linkChars/2:]
	return made, unavailable(err)
}

// offerLink stores the account's code and forgets the one before.
func (c *change) offerLink(offer linkOffer, code string) error {
	if err := c.withdrawLink(offer.Account); err != nil {
		return err
	}
	setting := offerSetting(code)
	if err := c.PutSetting(lastOffer(offer.Account), []byte(setting)); err != nil {
		return err
	}
	return c.putJSON(setting, offer)
}

// withdrawLink forgets the account's code, if it has one.
func (c *change) withdrawLink(id AccountID) error {
	last, err := c.Setting(lastOffer(id))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return errors.Join(err, c.DeleteSetting(string(last)), c.DeleteSetting(lastOffer(id)))
}

// The settings that linking keeps. There is one code and one count of guesses
// for each person, so they need no clearing up.
func lastOffer(id AccountID) string    { return "link/account/" + string(id) }
func guessSetting(who Identity) string { return "link/guesses/" + who.String() }

func offerSetting(code string) string {
	sum := sha256.Sum256([]byte(code))
	return "link/code/" + hex.EncodeToString(sum[:])
}

func (c *change) putJSON(setting string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", setting, err)
	}
	return c.PutSetting(setting, data)
}

// settingJSON reads what putJSON stored; false when there is nothing.
func settingJSON(tx Tx, setting string, value any) (bool, error) {
	data, err := tx.Setting(setting)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // in a request's input, as in a stored task's
	if err := decoder.Decode(value); err != nil {
		return false, fmt.Errorf("decoding %s: %w", setting, err)
	}
	return true, nil
}

// plainCode is the code as it was made, whatever a person typed for it: in
// Crockford's base 32 an O is a 0, an I and an L are a 1.
func plainCode(typed string) string {
	return strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1").Replace(strings.ToLower(typed))
}

// Link makes one account of the person's and the one that the code stands for,
// and answers with the account that remains. Otherwise a *Refusal says why
// not, and nothing has changed.
func (e *Engine) Link(ctx context.Context, who Identity, code string) (Account, error) {
	var account Account
	var refusal *Refusal
	err := e.update(ctx, func(c *change) error {
		var err error
		account, refusal, err = c.link(who, plainCode(code))
		return err
	})
	if err == nil && refusal != nil {
		return Account{}, refusal
	}
	return account, unavailable(err)
}

// link redeems the code. A refusal is no error: the wrong guess is committed.
func (c *change) link(who Identity, code string) (Account, *Refusal, error) {
	var guesses linkGuesses
	if _, err := settingJSON(c.Tx, guessSetting(who), &guesses); err != nil {
		return Account{}, nil, err
	}
	if !c.now.Before(guesses.Until) {
		guesses = linkGuesses{Until: c.now.Add(LinkCodeFor)}
	}
	if guesses.Wrong >= linkTries {
		return Account{}, &Refusal{Reason: ReasonLinkTries, ResetsAt: guesses.Until}, nil
	}
	var offer linkOffer
	found, err := settingJSON(c.Tx, offerSetting(code), &offer)
	if err != nil {
		return Account{}, nil, err
	}
	if !found {
		guesses.Wrong++
		return Account{}, &Refusal{Reason: ReasonLinkCode}, c.putJSON(guessSetting(who), guesses)
	}
	return c.redeem(who, offer, offerSetting(code))
}

// redeem links the person to the account of the offer.
func (c *change) redeem(who Identity, offer linkOffer, setting string) (Account, *Refusal, error) {
	refuse := func(reason Reason) (Account, *Refusal, error) { return Account{}, &Refusal{Reason: reason}, nil }
	theirs, err := account(c.Tx, offer.Account)
	if err != nil {
		return Account{}, nil, err
	}
	mine, err := c.AccountOf(who)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Account{}, nil, err
	}
	switch {
	case offer.By == who:
		return refuse(ReasonLinkSelf)
	case mine.ID == theirs.ID:
		return refuse(ReasonLinked)
	case offer.Used:
		return refuse(ReasonLinkUsed)
	case !c.now.Before(offer.Expires):
		return refuse(ReasonLinkExpired)
	case mine.Tier != "" && theirs.Tier != "" && mine.Tier != theirs.Tier:
		return refuse(ReasonLinkTiers)
	}
	offer.Used = true
	if err := errors.Join(c.putJSON(setting, offer), c.DeleteSetting(guessSetting(who))); err != nil {
		return Account{}, nil, err
	}
	if mine.ID == "" { // somebody new needs no account of their own
		theirs.Identities = append(theirs.Identities, who)
		return theirs, nil, c.PutAccount(theirs)
	}
	if mine.ID < theirs.ID { // ids sort by age
		mine, theirs = theirs, mine
	}
	remains, err := c.merge(mine, theirs, who)
	return remains, nil, err
}

// merge moves everything that goes into what remains.
func (c *change) merge(goes, remains Account, by Identity) (Account, error) {
	if err := c.moveHolds(goes, remains.ID); err != nil {
		return Account{}, err
	}
	if err := c.moveWindows(goes.ID, remains.ID, by); err != nil {
		return Account{}, err
	}
	for _, id := range goes.From {
		earlier, err := c.Account(id)
		if err != nil {
			return Account{}, err
		}
		earlier.Into = remains.ID
		if err := c.PutAccount(earlier); err != nil {
			return Account{}, err
		}
	}
	remains = joined(goes, remains)
	goes.Identities, goes.From, goes.Into = nil, nil, remains.ID
	return remains, errors.Join(c.PutAccount(goes), c.PutAccount(remains))
}

// joined is the account that remains with what the other one brings.
func joined(goes, remains Account) Account {
	remains.Identities = append(remains.Identities, goes.Identities...)
	remains.From = append(append(remains.From, goes.ID), goes.From...)
	remains.Tier = cmp.Or(remains.Tier, goes.Tier)
	remains.Limits.Daily = smaller(remains.Limits.Daily, goes.Limits.Daily)
	remains.Limits.Monthly = smaller(remains.Limits.Monthly, goes.Limits.Monthly)
	remains.Settings = remains.Settings.over(goes.Settings)
	if remains.Blocked == nil {
		remains.Blocked = goes.Blocked
	}
	remains.Warnings = bothWarned(remains.Warnings, goes.Warnings)
	return remains
}

// smaller is the stricter of two limits that an admin may have set.
func smaller(a, b *Limit) *Limit {
	if a == nil || b != nil && *a == Unlimited || b != nil && *b != Unlimited && *b < *a {
		return b
	}
	return a
}

// moveHolds makes the holds of open tasks holds of the account's windows.
func (c *change) moveHolds(goes Account, to AccountID) error {
	open, err := openTasks(c.Tx, goes)
	if err != nil {
		return err
	}
	for _, id := range open {
		t, err := c.Task(id)
		if err != nil {
			return err
		}
		for i, s := range t.Hold.Shares {
			t.Hold.Shares[i].Window = s.Window.movedTo(goes.ID, to)
		}
		if err := c.PutTask(t); err != nil {
			return err
		}
	}
	return nil
}

// moveWindows adds what the one account's windows have seen to the other's.
// Both ledgers say so, so that every window stays the sum of its postings.
func (c *change) moveWindows(from, to AccountID, by Identity) error {
	gone := Entry{Account: from, Kind: EntryMerge, By: by.String()}
	come := Entry{Account: to, Kind: EntryMerge, By: by.String()}
	for _, kind := range accountWindows() {
		windows, err := windowsOf(c.Tx, kind, from)
		if err != nil {
			return err
		}
		for _, w := range windows {
			u := w.Usage
			gone.Postings = append(gone.Postings, Posting{Window: w.Window, Held: -u.Held, Settled: -u.Settled, Granted: -u.Granted})
			come.Postings = append(come.Postings, Posting{Window: w.Window.movedTo(from, to), Held: u.Held, Settled: u.Settled, Granted: u.Granted})
		}
	}
	if len(gone.Postings) == 0 {
		return nil
	}
	if err := errors.Join(c.post(gone), c.post(come)); err != nil {
		return err
	}
	for _, p := range gone.Postings {
		if err := c.DeleteUsage(p.Window); err != nil { // it is zero, which is the same as none
			return err
		}
	}
	return nil
}

// accountWindows lists the kinds of windows that one account has: their ids
// are KIND/ACCOUNT, or KIND/ACCOUNT/ and more.
func accountWindows() []string { return []string{"day", "month", "kind", "model", "member", "granted"} }

// windowsOf lists the account's windows of one kind that were ever used.
func windowsOf(tx Tx, kind string, id AccountID) ([]WindowUsage, error) {
	const many = 500
	prefix := WindowID(kind + "/" + string(id)) // account ids have one length, so none begins with another
	var all []WindowUsage
	for after := WindowID(""); ; {
		some, err := tx.Usages(prefix, after, many)
		all = append(all, some...)
		if err != nil || len(some) < many {
			return all, err
		}
		after = some[many-1].Window
	}
}

// movedTo is the same window of the other account; windows of anything else stay.
func (w WindowID) movedTo(from, to AccountID) WindowID {
	parts := strings.SplitN(string(w), "/", 3)
	if len(parts) < 2 || parts[1] != string(from) {
		return w
	}
	parts[1] = string(to)
	return WindowID(strings.Join(parts, "/"))
}

// account loads the account, or the one it was linked into.
func account(tx Tx, id AccountID) (Account, error) {
	found, err := tx.Account(id)
	if err == nil && found.Into != "" {
		return tx.Account(found.Into) // never in two steps: merge keeps all redirects short
	}
	return found, err
}

// has reports whether what belongs to the id belongs to this account.
func (a Account) has(id AccountID) bool {
	return id != "" && (a.ID == id || slices.Contains(a.From, id))
}

// ids lists the account and those that were linked into it.
func (a Account) ids() []AccountID { return append([]AccountID{a.ID}, a.From...) }

// openTasks lists the person's tasks that are not final, under whichever of
// their accounts they were accepted.
func openTasks(tx Tx, a Account) ([]TaskID, error) {
	var open []TaskID
	for _, id := range a.ids() {
		some, err := tx.OpenTasks(id)
		if err != nil {
			return nil, err
		}
		open = append(open, some...)
	}
	return open, nil
}

// tasksOf lists the person's tasks like Tx.TasksOf, of all their accounts together.
func tasksOf(tx Tx, a Account, before TaskID, limit int) ([]Task, error) {
	var all []Task
	for _, id := range a.ids() {
		some, err := tx.TasksOf(id, before, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(x, y Task) int { return cmp.Compare(y.ID, x.ID) })
	return all[:min(max(limit, 0), len(all))], nil
}

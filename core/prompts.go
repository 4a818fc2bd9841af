package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// What prompts may not say is a list of words and patterns that admins keep. A
// request that says it is refused: nothing is charged, and the person is
// warned. Which rule it was, the audit log says and the person is not told.

const (
	ReasonPrompt       Reason = "prompt"        // what it asks for is not allowed here; the Count-th warning of Max
	ReasonPromptLong   Reason = "prompt_long"   // more text than can be looked through; Refusal.Max bytes
	ReasonBadWord      Reason = "bad_word"      // no word for the list; Refusal.Why is what was given
	ReasonBadPattern   Reason = "bad_pattern"   // no regular expression; Refusal.Why says what is wrong
	ReasonWidePattern  Reason = "wide_pattern"  // it fits nothing at all, so everything; Refusal.Why is the pattern
	ReasonLargePattern Reason = "large_pattern" // it takes too long; Refusal.Why is the pattern
	ReasonPromptsFull  Reason = "prompts_full"  // the list is too long; Refusal.Max bytes
)

// Bounds of the list and of what it is held against, so that no request takes
// long: patterns take time in proportion to their size and that of the text
// (regexp), whatever they are.
const (
	promptsMax   = 16 << 10 // bytes of all words and patterns
	wordMax      = 100      // bytes
	patternMax   = 300      // bytes
	programsMax  = 5000     // instructions of all patterns
	promptMax    = 32 << 10 // bytes of a request's text
	warningsKept = 100      // of one account
	warningLasts = 30 * 24 * time.Hour
	shortHash    = 8 // bytes
)

// Kiebot is the Audit.By and Block.By of what the program does by itself.
const Kiebot = "kiebot"

// Prompts is what prompts may not say.
type Prompts struct {
	// Words are matched as whole words, or several in a row; case, accents and
	// what stands between words do not matter. In scripts that do not part
	// words, such as Chinese, they are found anywhere.
	Words []string `json:"words,omitempty"`
	// Patterns are regular expressions in the syntax of Go's package regexp
	// (RE2), found anywhere, in any case.
	Patterns []string `json:"patterns,omitempty"`
	// Warnings is how many an account gets: with the last it is blocked. Zero
	// means that nobody is blocked by this. A warning lasts for 30 days.
	Warnings int `json:"warnings,omitempty"`

	rules []promptRule // of the list that is in force
}

// Warning is one request that said what it may not.
type Warning struct {
	At time.Time `json:"at"`
	Of string    `json:"of"` // the request, so that a repeated one counts once
}

// promptRule is a word or a pattern, ready to be looked for.
type promptRule struct {
	name    string // for admins
	word    string // folded, with spaces around where it is a whole word
	pattern *regexp.Regexp
}

// compile makes the rules, or refuses one that cannot be kept.
func (p *Prompts) compile() error {
	if p == nil {
		return nil
	}
	size, steps := 0, 0
	p.rules = nil
	for _, word := range p.Words {
		size += len(word)
		folded := foldWords(word)
		if strings.TrimSpace(folded) == "" || len(word) > wordMax {
			return &Refusal{Reason: ReasonBadWord, Why: word}
		}
		if strings.ContainsFunc(folded, unparted) {
			folded = strings.TrimSpace(folded)
		}
		p.rules = append(p.rules, promptRule{name: word, word: folded})
	}
	for _, text := range p.Patterns {
		size += len(text)
		pattern, n, err := compilePattern(text)
		if err != nil {
			return err
		}
		steps += n
		p.rules = append(p.rules, promptRule{name: text, pattern: pattern})
	}
	if size > promptsMax || steps > programsMax {
		return &Refusal{Reason: ReasonPromptsFull, Max: promptsMax}
	}
	return nil
}

// compilePattern also says how many instructions the pattern is.
func compilePattern(text string) (*regexp.Regexp, int, error) {
	pattern, err := regexp.Compile("(?i)" + text)
	if err != nil {
		return nil, 0, &Refusal{Reason: ReasonBadPattern, Why: err.Error(), Err: err}
	}
	for _, sample := range []string{"", "a", "a b"} {
		if at := pattern.FindStringIndex(sample); at != nil && at[0] == at[1] {
			return nil, 0, &Refusal{Reason: ReasonWidePattern, Why: text}
		}
	}
	tree, err := syntax.Parse(text, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, 0, &Refusal{Reason: ReasonBadPattern, Why: err.Error(), Err: err}
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil || len(text) > patternMax || len(program.Inst) > programsMax {
		return nil, 0, &Refusal{Reason: ReasonLargePattern, Why: text, Err: err}
	}
	return pattern, len(program.Inst), nil
}

// unparted are the characters of scripts that put no space between words.
func unparted(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// foldWords is the text's words in lower case without accents, each between
// single spaces. Marks that are not seen are left out.
func foldWords(text string) string {
	var folded strings.Builder
	folded.WriteByte(' ')
	gap := true
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf):
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			folded.WriteRune(unicode.ToLower(r))
			gap = false
		case !gap:
			folded.WriteByte(' ')
			gap = true
		}
	}
	if !gap {
		folded.WriteByte(' ')
	}
	return folded.String()
}

// brokenRule is the error of a request that says what it may not.
type brokenRule struct{ rule string }

// Error is for the program alone: people get a refusal.
func (b *brokenRule) Error() string { return "the prompt breaks a rule" }

// check finds a rule that the request breaks. A refusal says that there is too
// much to look through.
func (p *Prompts) check(req Request) error {
	if p == nil || len(p.rules) == 0 {
		return nil
	}
	texts := textsOf(req)
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	if size > promptMax {
		return &Refusal{Reason: ReasonPromptLong, Max: promptMax}
	}
	for _, text := range texts {
		folded := foldWords(text)
		for _, r := range p.rules {
			if r.in(text, folded) {
				return &brokenRule{r.name}
			}
		}
	}
	return nil
}

func (r promptRule) in(text, folded string) bool {
	if r.pattern != nil {
		return r.pattern.MatchString(text)
	}
	return strings.Contains(folded, r.word)
}

// textsOf is all text of the request: what is shown of it, and whatever of its
// input is text.
func textsOf(req Request) []string {
	texts := []string{req.Prompt}
	var collect func(value any)
	collect = func(value any) {
		switch v := value.(type) {
		case string:
			texts = append(texts, v)
		case []string:
			texts = append(texts, v...)
		case []any:
			for _, one := range v {
				collect(one)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				collect(v[name])
			}
		}
	}
	collect(req.Input)
	texts = slices.DeleteFunc(texts, func(text string) bool {
		_, file := fileNumber(text)
		return file
	})
	slices.Sort(texts)
	return slices.Compact(texts)
}

// warned makes a refusal of a broken rule, in a commit of its own.
func (e *Engine) warned(ctx context.Context, req Request, err error) error {
	var broken *brokenRule
	if !errors.As(err, &broken) {
		return err
	}
	var refusal *Refusal
	err = e.update(ctx, func(c *change) (err error) {
		refusal, err = c.warn(req, broken.rule)
		return err
	})
	if err != nil {
		return err
	}
	return refusal
}

// warn counts a request that says what it may not, once. With the last warning
// the account is blocked.
func (c *change) warn(req Request, rule string) (*Refusal, error) {
	account, err := c.accountFor(req.Origin.Identity)
	if err != nil {
		return nil, err
	}
	policy, err := c.e.policy(c.Tx)
	if err != nil || policy.Prompts == nil {
		return &Refusal{Reason: ReasonPrompt}, err
	}
	refusal := &Refusal{Reason: ReasonPrompt, Max: policy.Prompts.Warnings}
	known := account.warnings(c.now)
	of := nameOf(req)
	if at := slices.IndexFunc(known, func(w Warning) bool { return w.Of == of }); at >= 0 {
		refusal.Count = at + 1
		return refusal, nil
	}
	if len(known) == warningsKept { // whoever goes on and on is not written down any more
		refusal.Count = warningsKept
		return refusal, nil
	}
	account.Warnings = append(known, Warning{At: c.now, Of: of})
	refusal.Count = len(account.Warnings)
	audit := Audit{At: c.now, By: Kiebot, Action: "warn", Target: req.Origin.Identity.String(), Detail: rule}
	if err := c.AddAudit(audit); err != nil {
		return nil, err
	}
	if refusal.Max > 0 && refusal.Count >= refusal.Max && account.Blocked == nil {
		if err := c.blockFor(&account, req); err != nil {
			return nil, err
		}
	}
	return refusal, c.PutAccount(account)
}

// blockFor blocks an account that has had all its warnings, and tells the operator.
func (c *change) blockFor(account *Account, req Request) error {
	account.Blocked = &Block{By: Kiebot, At: c.now}
	who, count := req.Origin.Identity, len(account.Warnings)
	audit := Audit{At: c.now, By: Kiebot, Action: "block", Target: who.String(), Detail: fmt.Sprintf("%d warnings", count)}
	if err := c.AddAudit(audit); err != nil {
		return err
	}
	return c.alert(Alert{Kind: AlertBlocked, Who: who, Name: trimTo(req.Origin.Name, alertDetail), Lane: req.Origin.Lane, Count: count})
}

// bothWarned are the warnings of two accounts that become one.
func bothWarned(a, b []Warning) []Warning {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b Warning) int { return a.At.Compare(b.At) })
	return all[max(len(all)-warningsKept, 0):]
}

// warnings are those that have not expired, the oldest first.
func (a Account) warnings(now time.Time) []Warning {
	return slices.DeleteFunc(slices.Clone(a.Warnings), func(w Warning) bool { return now.Sub(w.At) >= warningLasts })
}

// nameOf names what a request says, so that the same update, sent again, is
// known; one that was changed since is another.
func nameOf(req Request) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{req.Key}, textsOf(req)...), "\x00")))
	return hex.EncodeToString(sum[:shortHash])
}

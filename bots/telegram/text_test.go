package telegram

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/go-telegram/bot/models"

	"kiebot/bots/clip"
)

func TestTextsAreSplitAtLines(t *testing.T) {
	var says text
	says.code("a prompt")
	for range 300 {
		says.line("Thirty characters in this line")
	}
	pieces := says.split(captionMax)
	var all []string
	for i, p := range pieces {
		limit := textMax
		if i == 0 {
			limit = captionMax
		}
		if n := len(utf16.Encode([]rune(p.String()))); n > limit || n != p.units || n < limit/2 && i < len(pieces)-1 {
			t.Errorf("piece %d has %d units, noted as %d", i, n, p.units)
		}
		all = append(all, p.String())
	}
	if got := strings.Join(all, "\n"); got != says.String() {
		t.Errorf("the pieces are not the text:\n%s", got)
	}
	if first := pieces[0].entities; len(first) != 1 || first[0].Length != 8 || len(pieces[1].entities) != 0 {
		t.Errorf("entities %+v, %+v", first, pieces[1].entities)
	}
}

// Emoji that are one character to people: with a skin tone, of several people
// joined, a flag, with a variation selector, and letters with marks.
func TestNoCharacterIsBroken(t *testing.T) {
	for _, one := range []string{"😀", "👍🏽", "👨‍👩‍👧‍👦", "🇺🇦", "❤️‍🔥", "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", "é̂", "각"} {
		var says text
		says.add(strings.Repeat(one, 5000))
		n := 0
		for _, p := range says.split(captionMax) {
			if rest := strings.ReplaceAll(p.String(), one, ""); rest != "" {
				t.Errorf("%s was broken: %q", one, rest)
			}
			n += strings.Count(p.String(), one)
		}
		if n != 5000 {
			t.Errorf("%d of 5000 %s are left", n, one)
		}
		if short := clip.Shorten(strings.Repeat(one, 50), 20); clip.Units(short) > 20 || strings.Trim(strings.ReplaceAll(short, one, ""), "…") != "" {
			t.Errorf("shortened to %q", short)
		}
	}
}

// One letter with thousands of marks is longer than a message.
func TestOneCharacterThatIsTooLong(t *testing.T) {
	var says text
	says.add("a" + strings.Repeat("\u0301", 10_000))
	got := 0
	for _, p := range says.split(captionMax) {
		if p.units > textMax || p.units == 0 {
			t.Errorf("a piece of %d units", p.units)
		}
		got += p.units
	}
	if got != 10_001 {
		t.Errorf("%d of 10001 units are left", got)
	}
}

func TestEntitiesGoWithTheirPieces(t *testing.T) {
	var says text
	says.add("😀 ")
	says.code(strings.Repeat("a word ", 1000))
	covered := 0
	for _, p := range says.split(100) {
		for _, e := range p.entities {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > p.units {
				t.Errorf("entity %d+%d of a piece of %d units", e.Offset, e.Length, p.units)
			}
			covered += e.Length
		}
	}
	if want := 6999 - 2; covered < want-2 || covered > 6999 { // spaces at the cuts are gone
		t.Errorf("code covers %d units, want about %d", covered, want)
	}
	if got := says.entities[0]; got.Offset != 3 || got.Length != 6999 {
		t.Errorf("%+v", got)
	}
}

// Telegram finds mentions, commands and links in any text but code.
func TestNothingTypedBecomesMarkupOrMention(t *testing.T) {
	typed := "@everyone *bold* <b>x</b> [x](https://evil.test) /start #tag `code` ||spoiler||"
	var says text
	says.code(typed)
	says.add(" – @durov")
	if !strings.HasPrefix(says.String(), typed) {
		t.Errorf("what was typed changed: %q", says.String())
	}
	if strings.Contains(says.String()[len(typed):], "@durov") {
		t.Errorf("somebody is called: %q", says.String())
	}
	if len(says.entities) != 1 || says.entities[0].Type != models.MessageEntityTypeCode || says.entities[0].Length != clip.Units(typed) {
		t.Errorf("%+v", says.entities)
	}
}

func TestBrokenTextIsSentAsText(t *testing.T) {
	var says text
	says.add("a\xffb")
	says.code("\xc3")
	if got := says.String(); got != "a\uFFFDb\uFFFD" || says.units != 4 {
		t.Errorf("%q of %d units", got, says.units)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("prompt 👨‍👩‍👧‍👦", "line\nline", 5)
	f.Add("\xff", strings.Repeat("\u0301", 40), 1)
	f.Fuzz(func(t *testing.T, typed, words string, first int) {
		first = 1 + (first&0x7fffffff)%64
		var says text
		says.code(typed)
		says.line(words)
		for i, p := range says.split(first) {
			limit := textMax
			if i == 0 {
				limit = first
			}
			n := len(utf16.Encode([]rune(p.String())))
			if n != p.units || n > max(limit, 2) {
				t.Fatalf("piece %d of %q: %d units, noted as %d, at most %d", i, says.String(), n, p.units, limit)
			}
			for _, e := range p.entities {
				if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > n {
					t.Fatalf("entity %+v in %d units", e, n)
				}
			}
		}
	})
}

package bots

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"kiebot/kie/catalog"
)

// scanner walks over a text. Its methods expect at to be at the beginning of a
// word, which is where blank leaves it.
type scanner struct {
	text string
	at   int
	// unclosed remembers up to where a closing quote was looked for in vain,
	// so that a text full of opening quotes is not searched again and again.
	unclosed map[rune]int
}

func (s *scanner) done() bool { return s.at >= len(s.text) }

func (s *scanner) rest() string { return s.text[s.at:] }

// blank skips white space and reports whether a line ended in it.
func (s *scanner) blank() (broke bool) {
	for i, r := range s.rest() {
		if !unicode.IsSpace(r) {
			s.at += i
			return broke
		}
		broke = broke || r == '\n'
	}
	s.at = len(s.text)
	return broke
}

// blankInLine skips white space up to the end of the line.
func (s *scanner) blankInLine() {
	for i, r := range s.rest() {
		if !unicode.IsSpace(r) || r == '\n' {
			s.at += i
			return
		}
	}
	s.at = len(s.text)
}

// command reads "/name" or "/name@bot" and returns the name.
func (s *scanner) command() (name string, ok bool) {
	if !strings.HasPrefix(s.rest(), "/") {
		return "", false
	}
	word := s.rest()[:wordEnd(s.rest())]
	s.at += len(word)
	name, _, _ = strings.Cut(word[1:], "@")
	return name, true
}

// wordEnd is the length of the word that the text begins with.
func wordEnd(text string) int {
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return i
	}
	return len(text)
}

// flagName is a flag without its value.
type flagName struct {
	name  string // "ar"
	typed string // "--ar", "—ar"
	start int
	// assigned says that a = or : follows, which is read, too.
	assigned bool
}

// flag reads a flag's name, with the "=" or ":" after it, if there is one here.
func (s *scanner) flag() (flagName, bool) {
	word := s.rest()[:wordEnd(s.rest())]
	body := strings.TrimLeftFunc(word, isDash)
	dashes := word[:len(word)-len(body)]
	first, _ := utf8.DecodeRuneInString(body)
	if dashes == "" || !unicode.IsLetter(first) {
		return flagName{}, false
	}
	name := body
	if i := strings.IndexAny(body, "=:"); i > 0 {
		name = body[:i]
	}
	if !isFlag(dashes, name) {
		return flagName{}, false
	}
	found := flagName{name: name, typed: dashes + name, start: s.at}
	s.at += len(dashes) + len(name)
	if len(name) < len(body) {
		found.assigned = true
		s.at++
	}
	return found, true
}

func isDash(r rune) bool { return strings.ContainsRune("-‐‑‒–—―−﹘﹣－", r) }

// halfWidth writes the letters, digits and signs that Chinese and Japanese
// keyboards make as wide as their characters as others do: 16：9 as 16:9.
func halfWidth(value string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, value)
}

// isFlag decides whether a word that begins with dashes is a flag. Two hyphens
// always make one, a single hyphen only before a known letter. Phones turn "--"
// into one long dash, but long dashes also stand in prose: there the name must
// be a flag's or close to one.
func isFlag(dashes, name string) bool {
	_, known := findFlag(name)
	switch dashes {
	case "--":
		return true
	case "-":
		return known && len(name) == 1
	case "–", "—", "―":
	default:
		if utf8.RuneCountInString(dashes) != 2 {
			return false
		}
	}
	const telling = 3 // letters from which on a likeness is no accident
	return known || utf8.RuneCountInString(name) >= telling && likeFlag(name)
}

func likeFlag(name string) bool {
	for _, f := range flags {
		// The names of files are words of prose; so is much that is like them.
		if !f.option.IsFile() && !f.bare && f.option != setOption && f.option != catalog.EarlierTask && len(catalog.Nearest(name, f.names, 1)) > 0 {
			return true
		}
	}
	return false
}

// bareDashes skips a "--" that stands alone.
func (s *scanner) bareDashes() bool {
	if s.rest()[:wordEnd(s.rest())] != "--" {
		return false
	}
	s.at += len("--")
	return true
}

// word skips one word or one group in double quotes. The group must end on its
// line unless lines is set.
func (s *scanner) word(lines bool) {
	if opener, _ := utf8.DecodeRuneInString(s.rest()); isDouble(opener) {
		if _, size := s.quoted(lines); size > 0 {
			s.at += size
			return
		}
	}
	s.at += wordEnd(s.rest())
}

// value reads a flag's value: quoted, or one word, or, for a phrase, all words
// up to the next flag or the end of the line. It is empty when there is none.
func (s *scanner) value(phrase bool) string {
	if s.done() || s.text[s.at] == '\n' {
		return ""
	}
	if inner, size := s.quoted(false); size > 0 {
		s.at += size
		return strings.TrimSpace(inner)
	}
	start, end := s.at, s.at
	for !s.done() && s.text[s.at] != '\n' && !s.endsValue() {
		s.at += wordEnd(s.rest())
		end = s.at
		if !phrase {
			break
		}
		s.blankInLine()
	}
	s.at = end
	return s.text[start:end]
}

// assignment reads NAME=VALUE, where the value may be one word, in quotes, or
// JSON with blanks in it, or the whole may be in quotes. It is empty when there
// is none.
func (s *scanner) assignment() string {
	if s.done() || s.text[s.at] == '\n' || s.endsValue() {
		return ""
	}
	if inner, size := s.quoted(false); size > 0 {
		s.at += size
		return strings.TrimSpace(inner)
	}
	start := s.at
	word := s.rest()[:wordEnd(s.rest())]
	s.at += strings.Index(word, "=") + 1
	name := s.text[start:s.at]
	if inner, size := s.quoted(false); size > 0 {
		s.at += size
		return name + inner
	}
	if size := jsonSize(s.rest()); size > 0 {
		s.at += size
	} else {
		s.at += wordEnd(s.rest())
	}
	return s.text[start:s.at]
}

// jsonSize is the length of the list or object that the line begins with, 0
// when there is none.
func jsonSize(text string) int {
	line, _, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "{") {
		return 0
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	var value json.RawMessage
	if decoder.Decode(&value) != nil {
		return 0
	}
	return int(decoder.InputOffset())
}

// endsValue reports whether a flag or a bare "--" begins here.
func (s *scanner) endsValue() bool {
	ahead := scanner{text: s.text, at: s.at}
	if ahead.bareDashes() {
		return true
	}
	_, ok := ahead.flag()
	return ok
}

// closers are the quotes that can end a group which the rune begins; people
// and keyboards mix straight and curly ones.
func closers(opener rune) string {
	switch opener {
	case '"':
		return `"`
	case '“', '”', '„', '‟':
		return `“”"`
	case '«':
		return "»"
	case '\'':
		return "'"
	case '‘', '’', '‚':
		return "‘’'"
	}
	return ""
}

func isDouble(r rune) bool { return strings.ContainsRune("\"“”„‟«", r) }

// quoted looks at a group in quotes that begins here: what is inside, and the
// size of the whole. The size is 0 when there is no group or no end to it. A
// closing quote is not followed by a letter or digit, so that an apostrophe
// or the start of another quotation does not end a group.
func (s *scanner) quoted(lines bool) (inner string, size int) {
	text := s.rest()
	opener, width := utf8.DecodeRuneInString(text)
	ends := closers(opener)
	if ends == "" || s.unclosed[opener] > s.at {
		return "", 0
	}
	i := closing(text[width:], ends, lines)
	if i < 0 {
		if s.unclosed == nil {
			s.unclosed = map[rune]int{}
		}
		s.unclosed[opener] = s.at - i
		return "", 0
	}
	_, closer := utf8.DecodeRuneInString(text[width+i:])
	return text[width : width+i], width + i + closer
}

// closing finds a closing quote. A negative answer says how many bytes,
// negated, were looked at in vain.
func closing(text, ends string, lines bool) int {
	for i, r := range text {
		if r == '\n' && !lines {
			return -i - 1
		}
		if !strings.ContainsRune(ends, r) {
			continue
		}
		next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		if !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return i
		}
	}
	return -len(text) - 1
}

// unquote takes away double quotes that wrap a whole text.
func unquote(text string) string {
	opener, _ := utf8.DecodeRuneInString(text)
	s := scanner{text: text}
	if inner, size := s.quoted(true); isDouble(opener) && size == len(text) {
		return strings.TrimSpace(inner)
	}
	return text
}

// shorten keeps the first characters of a text that is shown in a sentence.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:most])) + "…"
}

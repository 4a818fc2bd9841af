package telegramtest

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Lengths of "sendMessage" and of captions, in UTF-16 code units after the
// markup was taken out.
const (
	maxText    = 4096
	maxCaption = 1024
)

// utf16Len is the length of a text as the Bot API counts ("MessageEntity").
func utf16Len(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// utf16Slice cuts units [from, to) out of a text.
func utf16Slice(text string, from, to int) string {
	units := utf16.Encode([]rune(text))
	from, to = min(max(from, 0), len(units)), min(max(to, 0), len(units))
	if from >= to {
		return ""
	}
	return string(utf16.Decode(units[from:to]))
}

// Slice is the part of the text that an entity marks.
func (e Entity) Slice(text string) string { return utf16Slice(text, e.Offset, e.Offset+e.Length) }

// formatted reads a text or caption: its markup by parse_mode or its explicit
// entities, given as JSON ("Formatting options").
func (c *call) formatted(text, mode, entities string) (string, []Entity, error) {
	var marks []Entity
	if entities != "" {
		if err := c.decode("entities", []byte(entities), &marks); err != nil {
			return "", nil, err
		}
	}
	return c.formattedBy(text, mode, marks)
}

func (c *call) formattedBy(text, mode string, marks []Entity) (string, []Entity, error) {
	if mode != "" && len(marks) > 0 {
		c.note("parse_mode", "comes together with entities, which the service then ignores")
	}
	var err error
	switch strings.ToLower(mode) {
	case "":
	case "html":
		text, marks, err = parseHTML(text)
	case "markdown", "markdownv2":
		c.note("parse_mode", "this server reads HTML and explicit entities only")
		err = badRequest("can't parse entities: Markdown is not read here")
	default:
		err = badRequest("unsupported parse_mode")
	}
	if err == nil {
		err = checkEntities(text, marks)
	}
	if err != nil {
		return "", nil, err
	}
	text, marks = trim(text, marks)
	return text, detect(text, marks), nil
}

func checkEntities(text string, marks []Entity) error {
	units := utf16.Encode([]rune(text))
	for _, e := range marks {
		switch {
		case !slices.Contains(entityTypes(), e.Type):
			return badRequest("can't parse MessageEntity: Unsupported type specified")
		case e.Offset < 0 || e.Length < 0 || e.Offset+e.Length > len(units):
			return badRequest("ENTITY_BOUNDS_INVALID")
		case splits(units, e.Offset) || splits(units, e.Offset+e.Length):
			return badRequest("entity begins or ends in a middle of a UTF-16 symbol at byte offset %d", len(string(utf16.Decode(units[:e.Offset]))))
		}
	}
	return nil
}

// splits says whether a cut before unit i parts a surrogate pair.
func splits(units []uint16, i int) bool {
	return i > 0 && i < len(units) && utf16.IsSurrogate(rune(units[i-1])) && units[i-1] < 0xdc00 && units[i] >= 0xdc00 && units[i] < 0xe000
}

// entityTypes are the types of "MessageEntity".
func entityTypes() []string {
	return []string{
		"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
		"strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention", "custom_emoji",
	}
}

// trim takes white space off both ends, as the service does, and moves the
// entities.
func trim(text string, marks []Entity) (string, []Entity) {
	rest := strings.TrimLeft(text, " \t\r\n")
	cut := utf16Len(text) - utf16Len(rest)
	rest = strings.TrimRight(rest, " \t\r\n")
	end := utf16Len(rest)
	var kept []Entity
	for _, e := range marks {
		from, to := max(e.Offset-cut, 0), min(e.Offset+e.Length-cut, end)
		if from < to {
			e.Offset, e.Length = from, to-from
			kept = append(kept, e)
		}
	}
	return rest, kept
}

// autoEntity finds what the service marks by itself: commands, mentions,
// hashtags and links. A match follows the beginning or a character that is
// part of no word.
var autoEntity = regexp.MustCompile(`(?i)https?://[^\s<>"]+|/[a-z0-9_]{1,64}(?:@[a-z0-9_]{3,32})?|@[a-z0-9_]{3,32}|#[\pL_][\pL\pN_]*`)

var wordEnd = regexp.MustCompile(`[\pL\pN_/@#<>]$`)

// detect adds the entities that the service finds by itself.
func detect(text string, marks []Entity) []Entity {
	for _, at := range autoEntity.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		if wordEnd.MatchString(text[:at[0]]) || (word[0] == '/' && continues(text[at[1]:])) {
			continue
		}
		e := Entity{Type: autoType(word), Offset: utf16Len(text[:at[0]]), Length: utf16Len(word)}
		if !slices.ContainsFunc(marks, e.overlaps) {
			marks = append(marks, e)
		}
	}
	slices.SortStableFunc(marks, func(a, b Entity) int { return a.Offset - b.Offset })
	return marks
}

func (e Entity) overlaps(other Entity) bool {
	solid := slices.Contains([]string{"code", "pre", "text_link", "text_mention", "url", "mention", "bot_command", "hashtag"}, other.Type)
	return solid && e.Offset < other.Offset+other.Length && other.Offset < e.Offset+e.Length
}

var wordStart = regexp.MustCompile(`^[\pL\pN_/@]`)

// continues says that a command's name goes on with letters no command has, so
// that it is none.
func continues(rest string) bool { return wordStart.MatchString(rest) }

func autoType(word string) string {
	switch word[0] {
	case '/':
		return "bot_command"
	case '@':
		return "mention"
	case '#':
		return "hashtag"
	}
	return "url"
}

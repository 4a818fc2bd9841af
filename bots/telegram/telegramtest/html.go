package telegramtest

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

// htmlTag is a tag of "HTML style".
var htmlTag = regexp.MustCompile(`^<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?)*)\s*>`)

var htmlAttribute = regexp.MustCompile(`([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?`)

// htmlEntity is a character reference: all numeric ones and four named ones.
var htmlEntity = regexp.MustCompile(`^&(?:#[0-9]+|#x[0-9a-fA-F]+|lt|gt|amp|quot);`)

// parseHTML reads "HTML style".
func parseHTML(source string) (string, []Entity, error) {
	p := marking{}
	for i := 0; i < len(source); {
		rest := source[i:]
		switch {
		case rest[0] == '<':
			tag := htmlTag.FindStringSubmatch(rest)
			if tag == nil {
				return "", nil, badRequest("can't parse entities: Unsupported start tag \"%s\" at byte offset %d", tagName(rest), i)
			}
			if err := p.tag(tag, i); err != nil {
				return "", nil, err
			}
			i += len(tag[0])
		case htmlEntity.MatchString(rest):
			reference := htmlEntity.FindString(rest)
			p.text.WriteString(html.UnescapeString(reference))
			i += len(reference)
		default:
			p.text.WriteByte(rest[0])
			i++
		}
	}
	if len(p.open) > 0 {
		last := p.open[len(p.open)-1]
		return "", nil, badRequest("can't parse entities: Can't find end tag corresponding to start tag \"%s\"", last.tag)
	}
	return p.text.String(), p.sorted(), nil
}

// tagName is what follows a < up to the first character no tag's name has.
func tagName(rest string) string {
	return regexp.MustCompile(`^<([^\s>]*)`).FindStringSubmatch(rest)[1]
}

// marking collects a text and its entities.
type marking struct {
	text strings.Builder
	open []mark
	done []Entity
}

type mark struct {
	tag    string
	entity Entity
}

func (p *marking) at() int { return utf16Len(p.text.String()) }

func (p *marking) tag(tag []string, offset int) error {
	name := strings.ToLower(tag[2])
	if tag[1] == "/" {
		return p.closeTag(name, offset)
	}
	attributes := map[string]string{}
	for _, a := range htmlAttribute.FindAllStringSubmatch(tag[3], -1) {
		attributes[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
	}
	e, known := htmlMark(name, attributes)
	if !known {
		return badRequest("can't parse entities: Unsupported start tag \"%s\" at byte offset %d", name, offset)
	}
	e.Offset = p.at()
	p.open = append(p.open, mark{name, e})
	return nil
}

func (p *marking) closeTag(name string, offset int) error {
	if len(p.open) == 0 {
		return badRequest("can't parse entities: Unexpected end tag at byte offset %d", offset)
	}
	last := p.open[len(p.open)-1]
	if last.tag != name {
		return badRequest("can't parse entities: Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", offset, last.tag, name)
	}
	p.close()
	return nil
}

// close ends the mark that was opened last.
func (p *marking) close() {
	last := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	e := last.entity
	e.Length = p.at() - e.Offset
	if e.Type == "text_link" && e.URL == "" {
		e.URL = utf16Slice(p.text.String(), e.Offset, e.Offset+e.Length)
	}
	if e.Length > 0 {
		p.done = append(p.done, e)
	}
}

func (p *marking) sorted() []Entity {
	slices.SortStableFunc(p.done, func(a, b Entity) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		return b.Length - a.Length
	})
	return p.done
}

func htmlMark(name string, attributes map[string]string) (Entity, bool) {
	switch name {
	case "b", "strong":
		return Entity{Type: "bold"}, true
	case "i", "em":
		return Entity{Type: "italic"}, true
	case "u", "ins":
		return Entity{Type: "underline"}, true
	case "s", "strike", "del":
		return Entity{Type: "strikethrough"}, true
	case "tg-spoiler":
		return Entity{Type: "spoiler"}, true
	case "span":
		return Entity{Type: "spoiler"}, attributes["class"] == "tg-spoiler"
	case "code":
		return Entity{Type: "code"}, true
	case "pre":
		return Entity{Type: "pre"}, true
	case "a":
		return Entity{Type: "text_link", URL: attributes["href"]}, true
	case "tg-emoji":
		return Entity{Type: "custom_emoji", CustomEmojiID: attributes["emoji-id"]}, true
	case "blockquote":
		if _, expandable := attributes["expandable"]; expandable {
			return Entity{Type: "expandable_blockquote"}, true
		}
		return Entity{Type: "blockquote"}, true
	}
	return Entity{}, false
}

package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Write writes models as a file that Parse and Overlay read, one line for each
// input. What goes without saying is left out. The embedded data has exactly
// this form.
func Write(w io.Writer, models []Model) error {
	var b bytes.Buffer
	b.WriteString("{\n  \"models\": [")
	for i, m := range models {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := m.write(&b); err != nil {
			return fmt.Errorf("writing model %q: %w", m.ID, err)
		}
	}
	b.WriteString("\n  ]\n}\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the catalogue: %w", err)
	}
	return nil
}

// inputsField is where the head of an entry ends.
const inputsField = "\n      \"inputs\": ["

func (m Model) write(b *bytes.Buffer) error {
	m.plain()
	inputs, price, source := m.Inputs, m.Price, m.Source
	head, err := spaced(head{Model: m})
	if err != nil {
		return err
	}
	b.WriteString("\n    {\n      ")
	b.WriteString(strings.Join(fields(head), ",\n      "))
	b.WriteString("," + inputsField)
	for i, in := range inputs {
		line, err := spaced(in)
		if err != nil {
			return err
		}
		b.WriteString(strings.Repeat(",", min(i, 1)) + "\n        " + line)
	}
	b.WriteString(strings.Repeat("\n      ", min(len(inputs), 1)) + "],\n")
	last, err := spaced(tail{Price: price, Source: source})
	if err != nil {
		return err
	}
	lines := fields(last)
	lines[0] = split(lines[0], 3, len(price.Rates) > 1)
	b.WriteString("      " + strings.Join(lines, ",\n      ") + "\n    }")
	return nil
}

// split writes a price with several rates over several lines.
func split(field string, depth int, wanted bool) string {
	name, value, _ := strings.Cut(field, ": ")
	if !wanted || name != `"price"` && name != `"rates"` {
		return field
	}
	lines := fields(value)
	for i, line := range lines {
		lines[i] = split(line, depth+1, wanted)
	}
	indent := "\n" + strings.Repeat("  ", depth)
	return name + ": " + value[:1] + indent + "  " + strings.Join(lines, ","+indent+"  ") + indent + value[len(value)-1:]
}

// head is a model without its large fields.
type head struct {
	Model
	Inputs *int `json:"inputs,omitempty"`
	Price  *int `json:"price,omitempty"`
	Source *int `json:"source,omitempty"`
}

type tail struct {
	Price  Price  `json:"price"`
	Source string `json:"source"`
}

// plain undoes fill.
func (m *Model) plain() {
	if m.Status == Current {
		m.Status = ""
	}
	if m.Output == m.Kind.Output() {
		m.Output = ""
	}
	if m.ModelValue == m.ID && m.Endpoint == Jobs {
		m.ModelValue = ""
	}
	if m.Endpoint == Jobs {
		m.Endpoint = ""
	}
}

// spaced is JSON on one line with blanks after commas and colons.
func spaced(value any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	var out strings.Builder
	inText, escaped := false, false
	for _, c := range strings.TrimSpace(b.String()) {
		out.WriteRune(c)
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			inText = !inText
		case !inText && (c == ',' || c == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String(), nil
}

// fields cuts an object on one line into its fields, or a list into its
// elements.
func fields(object string) []string {
	var found []string
	depth, start := 0, 1
	inText, escaped := false, false
	for i, c := range object {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 1:
			found = append(found, strings.TrimSpace(object[start:i]))
			start = i + 1
		}
	}
	return append(found, strings.TrimSpace(object[start:len(object)-1]))
}

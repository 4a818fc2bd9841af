package discordtest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
)

func label(inner fields) fields {
	return fields{"type": 18, "label": "Label", "component": inner}
}

func input(id string) fields { return fields{"type": 4, "custom_id": id, "style": 2} }

func form(components ...fields) fields {
	return fields{"custom_id": "form:1", "title": "Form", "components": components}
}

// Forms that the service refuses.
func TestRefusedForms(t *testing.T) {
	b, _, _, in := asked(t, discordtest.Config{})
	for name, c := range map[string]struct {
		data fields
		text string
	}{
		"no title":       {with(form(label(input("a"))), "title", ""), `"title":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		"long title":     {with(form(label(input("a"))), "title", strings.Repeat("x", 46)), "Must be 45 or fewer"},
		"empty":          {form(), `"components":{"_errors"`},
		"six":            {form(slices.Repeat([]fields{label(input("a"))}, 6)...), "Must be between 1 and 5"},
		"same id":        {form(label(input("a")), label(input("a"))), "COMPONENT_CUSTOM_ID_DUPLICATED"},
		"button":         {form(label(button("x", "x"))), "UNION_TYPE_CHOICES"},
		"picture":        {form(fields{"type": 12, "items": []fields{}}), "UNION_TYPE_CHOICES"},
		"bare input":     {form(input("a")), "UNION_TYPE_CHOICES"},
		"row, no label":  {form(row(input("a"))), "BASE_TYPE_REQUIRED"},
		"two labels":     {form(label(with(input("a"), "label", "x"))), "no label of its own"},
		"style":          {form(label(with(input("a"), "style", 3))), "BASE_TYPE_CHOICES"},
		"lengths":        {form(label(with(with(input("a"), "min_length", 5), "max_length", 4))), "larger than max_length"},
		"begins too big": {form(label(with(with(input("a"), "value", "abc"), "max_length", 2))), "Must be 2 or fewer"},
		"11 files":       {form(label(fields{"type": 19, "custom_id": "a", "max_values": 11})), "NUMBER_TYPE_MAX"},
		"one choice":     {form(label(fields{"type": 21, "custom_id": "a", "options": []fields{{"label": "x", "value": "x"}}})), "Must be between 2 and 10"},
		"none, required": {form(label(with(menu("a"), "min_values", 0))), "min_values"},
		"defaults":       {form(label(fields{"type": 5, "custom_id": "a", "default_values": []fields{{"id": "1", "type": "user"}, {"id": "2", "type": "user"}}})), "between min_values and max_values"},
		"file type":      {form(label(fields{"type": 19, "custom_id": "a", "file_types": []string{"png"}})), "begin with a dot"},
		"disabled menu":  {form(label(with(menu("a"), "disabled", true))), "cannot be disabled"},
		"content":        {with(form(label(input("a"))), "content", "x"), `"content"`},
	} {
		t.Run(name, func(t *testing.T) {
			bot{t, b.s}.refused(b.answers(in, 9, c.data), 400, 50035, c.text)
		})
	}
	b.took(nil, b.answers(in, 9, form(row(with(input("a"), "label", "x")))))
	b.refused(b.call("GET", b.hook(in)+"/messages/@original", nil), 404, 10008, "Unknown Message")
}

// A form with every kind of field, filled in as people do.
func TestForm(t *testing.T) {
	b, ann, _, in := asked(t, discordtest.Config{})
	b.took(nil, b.answers(in, 9, form(
		label(with(with(input("prompt"), "value", "a cat"), "max_length", 20)),
		label(with(menu("model"), "required", true)),
		label(fields{"type": 19, "custom_id": "files", "min_values": 0, "max_values": 2, "required": false}),
		label(fields{"type": 21, "custom_id": "ratio", "options": []fields{{"label": "Wide", "value": "16:9"}, {"label": "Square", "value": "1:1", "default": true}}}),
		label(fields{"type": 23, "custom_id": "private", "default": true}),
	)))
	m := in.Modal(t)
	for what, values := range map[string][]discordtest.Value{
		"write too much":     {discordtest.Set("prompt", strings.Repeat("x", 21)), discordtest.Set("model", "1")},
		"write nothing":      {discordtest.Set("prompt", ""), discordtest.Set("model", "1")},
		"pick nothing":       {},
		"pick what is not":   {discordtest.Set("model", "3")},
		"fill in what isn't": {discordtest.Set("model", "1"), discordtest.Set("size", "x")},
		"attach three":       {discordtest.Set("model", "1"), discordtest.Attach("files", "a", nil), discordtest.Attach("files", "b", nil), discordtest.Attach("files", "c", nil)},
	} {
		mustPanic(t, what, func() { m.Submits(values...) })
	}
	sent := m.Submits(discordtest.Set("model", "2"), discordtest.Set("prompt", "two\nlines"), discordtest.Attach("files", "a.png", picture(t, 2, 2)))
	var got struct {
		Data struct {
			CustomID   string `json:"custom_id"`
			Components []struct {
				Type      int
				Component struct {
					Type     int
					CustomID string `json:"custom_id"`
					Value    any
					Values   []string
				}
			}
			Resolved struct {
				Attachments map[string]discordtest.Attachment
			}
		}
	}
	if err := json.Unmarshal(sent.Payload(), &got); err != nil {
		t.Fatal(err)
	}
	c := got.Data.Components
	if got.Data.CustomID != "form:1" || len(c) != 5 || c[0].Type != 18 || c[0].Component.Value != "two\nlines" || !slices.Equal(c[1].Component.Values, []string{"2"}) ||
		got.Data.Resolved.Attachments[c[2].Component.Values[0]].Width != 2 || c[3].Component.Value != "1:1" || c[4].Component.Value != true {
		t.Errorf("the form is sent as %s", sent.Payload())
	}
	b.refused(b.answers(sent, 9, form(label(input("a")))), 400, 50035, `"type"`)
	b.refused(b.answers(sent, 7, fields{"content": "x"}), 400, 50035, `"type"`)
	b.took(nil, b.answers(sent, 4, fields{"content": "x"}))

	press := fields{"content": "y", "components": []fields{row(button("edit", "edit")), row(menu("m")), row(fields{"type": 5, "custom_id": "who"})}}
	b.must(nil, "PATCH", b.hook(sent)+"/messages/@original", press)
	msg := sent.Original(t)
	pressed := ann.Presses(msg, "edit")
	b.took(nil, b.answers(pressed, 9, form(label(input("a")))))
	again := pressed.Modal(t).Submits(discordtest.Set("a", "z"))
	b.took(nil, b.answers(again, 7, fields{"content": "z"}))
	if got := again.Original(t); got.ID != msg.ID || got.Content != "z" || got.Edits != 2 {
		t.Errorf("the message became %v", got)
	}
	if p := ann.Selects(msg, "pick", "2").Payload(); !bytes.Contains(p, []byte(`"values":["2"]`)) || !bytes.Contains(p, []byte(`"component_type":3`)) {
		t.Errorf("the choice is %s", p)
	}
	if p := ann.Selects(msg, "who", ann.ID()).Payload(); !bytes.Contains(p, []byte(`"resolved":{"members":{"`+ann.ID())) {
		t.Errorf("the choice is %s", p)
	}
	mustPanic(t, "pick a third", func() { ann.Selects(msg, "m", "3") })
}

package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiebot/kie/catalog"
)

// A document in the manner of Kie's: references with blanks in them, keys that
// end in a blank, types with null, alternatives.
const openapi = `{"openapi": "3.1.0", "paths": {
	"/api/v1/jobs/recordInfo": {"get": {"responses": {}}},
	"/api/v1/a/other": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"wrong": {}}}}}}}},
	"/api/v1/jobs/createTask": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Create%20Task"}}}}}}},
	"components": {"schemas": {
		"Create Task": {"type": "object", "required": ["model", "input"], "properties": {
			"model": {"type": "string"}, "callBackUrl": {"type": "string"}, "input": {"$ref": "#/components/schemas/in~1put"}}},
		"in/put": {"allOf": [{"$ref": "#/components/schemas/base"}], "properties": {
			"zoom": {"type": ["null", "number"], "minimum": 0.5, "maximum": 2, "default": 1.5},
			"image_urls ": {"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1, "maxItems": 3},
			"mode": {"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"type": "null"}]}},
			"oneOf": [{"required": ["prompt", "image_urls "]}, {"required": ["prompt", "task_id"], "properties": {"task_id": {"type": "string"}}}]},
		"base": {"type": "object", "required": ["prompt"], "properties": {
			"prompt": {"type": "string", "maxLength": 500, "description": "what to make"}, "n": {"type": "integer", "enum": [1, 2]}}}}}}`

func TestReadSchema(t *testing.T) {
	live := catalog.Live{ID: "vendor/film", Kind: catalog.Video}
	if err := live.ReadSchema([]byte(openapi)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range live.Inputs {
		got = append(got, in.Name+" "+string(in.Type)+" "+in.Items+" "+strings.Join(in.Choices(), "|"))
	}
	want := []string{"zoom number  ", "image_urls  array string ", "mode string  a|b", "prompt string  ", "n integer  1|2", "task_id string  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"image_urls"}, {"task_id"}}, live.RequireOneOf); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	prompt := live.Inputs[3]
	if !prompt.Required || prompt.MaxLength != 500 || prompt.Description != "what to make" {
		t.Errorf("prompt: %+v", prompt)
	}
	if zoom := live.Inputs[0]; *zoom.Min != 0.5 || *zoom.Max != 2 || zoom.Required {
		t.Errorf("zoom: %+v", zoom)
	}
	c, err := catalog.Overlay(load(t), strings.NewReader(written(t, live.Model())))
	if err != nil {
		t.Fatal(err)
	}
	m := of(t, c, "vendor/film")
	if least, most := m.Takes(catalog.ImageFile); least != 0 || most != 3 {
		t.Errorf("it takes %d to %d images", least, most)
	}
	if found := catalog.Diff(c, append(asLive(load(t)), live)); len(found) > 0 {
		t.Errorf("differences to itself:\n%s", lines(found))
	}
}

func written(t *testing.T, m catalog.Model) string {
	t.Helper()
	var b strings.Builder
	if err := catalog.Write(&b, []catalog.Model{m}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadSchemaWithoutInput(t *testing.T) {
	live := catalog.Live{ID: "m"}
	body := func(schema string) []byte {
		return []byte(`{"paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": ` + schema + `}}}}}}}`)
	}
	if err := live.ReadSchema(body(`{"properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}`)); err != nil || len(live.Inputs) != 1 || !live.Inputs[0].Required {
		t.Errorf("%+v, %v", live, err)
	}
	// A circle, a reference to nowhere, alternatives without names: no inputs,
	// no end to wait for.
	for _, schema := range []string{
		`{"$ref": "#/paths/~1x/post/requestBody/content/application~1json/schema"}`,
		`{"$ref": "#/nowhere/at/all"}`, `{"$ref": "https://example.com/x"}`, `{"oneOf": [{}, {"required": ["a"]}]}`,
	} {
		if err := live.ReadSchema(body(schema)); err != nil || len(live.Inputs) != 0 || live.Inputs == nil || live.RequireOneOf != nil {
			t.Errorf("%s: %+v, %v", schema, live, err)
		}
	}
	for _, bad := range []string{``, `null`, `{}`, `[]`, `{"paths": {"/x": {"get": {}}}}`, string(body(`{"properties": []}`)), string(body(`{"type": 5}`))} {
		if err := live.ReadSchema([]byte(bad)); err == nil || !strings.Contains(err.Error(), "schema of m") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzReadSchema feeds documents. What is read must become an entry that can be
// written, and end.
func FuzzReadSchema(f *testing.F) {
	f.Add([]byte(openapi))
	f.Add([]byte(`{"paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"allOf": [{"$ref": "#/a"}, {"$ref": "#/a"}]}}}}}}}, "a": {"allOf": [{"$ref": "#/a"}]}}`))
	f.Add([]byte(`{"paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"a": {"items": {"$ref": "#/paths"}}}}}}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		live := catalog.Live{ID: "vendor/film", Kind: catalog.Video}
		if err := live.ReadSchema(data); err != nil {
			return
		}
		if written(t, live.Model()) == "" {
			t.Fatal("nothing written")
		}
	})
}

package kietest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

const modelsPath = "/api/v1/models"

// look makes a discovery call when the budget allows it.
func (c caller) look(path string) answer {
	c.Helper()
	pass(time.Second)
	return c.call(http.MethodGet, modelsPath+path, "")
}

func TestModels(t *testing.T) {
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	current := 0
	for _, m := range models.All() {
		if m.Status == catalog.Current {
			current++
		}
	}
	bubble(t, fast(), func(c caller) {
		list := func(query string) []string {
			t.Helper()
			var got struct {
				Total  int
				Models []struct {
					Model, Slug, Title, Provider string
					TaskType                     []string
					Description, PricingDesc     *string
				}
			}
			c.look(query).want(c, 200, "success").decode(t, &got)
			var ids []string
			for _, m := range got.Models {
				if m.Title == "" || m.Provider == "" || len(m.TaskType) == 0 || strings.Contains(m.Slug, "/") {
					t.Errorf("model %+v", m)
				}
				ids = append(ids, m.Model)
			}
			if got.Total != len(ids) {
				t.Errorf("total %d of %d", got.Total, len(ids))
			}
			return ids
		}
		if all := list(""); len(all) != current || slices.Contains(all, "sora-2-text-to-video") || slices.Contains(all, "veo3_fast") {
			t.Errorf("%d models, want %d", len(all), current)
		}
		both := list("?taskType=" + url.QueryEscape("Text to Image,Lip Sync"))
		if one := list("?taskType=Text%20to%20Image"); len(one) == 0 || len(both) < len(one) || !slices.Contains(one, picture) {
			t.Errorf("%d and %d models", len(one), len(both))
		}
		if got := list("?provider=Google&q=imagen4-ultra"); !slices.Equal(got, []string{"google/imagen4-ultra"}) {
			t.Errorf("models %v", got)
		}
		if got := list("?provider=Nobody"); got != nil {
			t.Errorf("models %v of nobody", got)
		}
	})
}

func TestAboutModel(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		var schema struct {
			Model   string
			OpenAPI struct {
				OpenAPI    string
				Components struct {
					Schemas map[string]struct {
						Required   []string
						Properties map[string]struct{ Type string }
					}
				}
			}
		}
		c.look("/google/imagen4/schema").want(c, 200, "").decode(t, &schema)
		input := schema.OpenAPI.Components.Schemas["Model Input"]
		if schema.Model != picture || schema.OpenAPI.OpenAPI != "3.1.0" || !slices.Equal(input.Required, []string{"prompt"}) || input.Properties["prompt"].Type != "string" {
			t.Errorf("schema %+v", schema)
		}
		var price struct {
			Model       string
			PricingDesc *string
		}
		c.look("/google/imagen4/price").want(c, 200, "").decode(t, &price)
		if price.Model != picture || price.PricingDesc == nil || !strings.Contains(*price.PricingDesc, "8") {
			t.Errorf("price %+v", price)
		}
		for path, text := range map[string]string{
			"/google%2Fimagen4/price": "not supported", "/google/imagen5/price": "not supported", "/Google/imagen4/price": "not supported",
			"/sora-2-text-to-video/price": "not supported", "/google/imagen4/other": "Not Found", "/": "not supported",
		} {
			c.look(path).want(c, 404, text)
		}
	})
}

func TestSuccessRate(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		for range 3 {
			c.create("a cat")
		}
		c.NextCreate(kietest.Fail("500", "no"))
		c.create("a cat")
		pass(9 * time.Second)
		var rates struct {
			Points []struct {
				Start, End             int64
				SuccessRate, ErrorRate *float64
				IsNormal               bool
			}
		}
		c.look("/google/imagen4/success-rate").want(c, 200, "").decode(t, &rates)
		if len(rates.Points) != 144 {
			t.Fatalf("%d points", len(rates.Points))
		}
		last, before := rates.Points[143], rates.Points[142]
		if last.SuccessRate == nil || *last.SuccessRate != 0.75 || *last.ErrorRate != 0.25 || last.IsNormal || before.SuccessRate != nil || !before.IsNormal {
			t.Errorf("points %+v, %+v", before, last)
		}
		if now := time.Now().UnixMilli(); last.Start > now || last.End <= now || before.End != last.Start || last.End-last.Start != 600_000 {
			t.Errorf("last point from %d to %d, now %d", last.Start, last.End, now)
		}
	})
}

// TestDiscoveryWithTheClient proves that both sides mean the same.
func TestDiscoveryWithTheClient(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		client := c.client()
		models, err := client.Models(c.Context(), kie.ModelQuery{TaskTypes: []string{"Text to Image"}, Provider: "Google"})
		if err != nil || len(models) == 0 || models[0].Pricing == "" {
			t.Fatalf("models %+v, %v", models, err)
		}
		document, err := client.ModelSchema(c.Context(), models[0].ID)
		if err != nil || !json.Valid(document) {
			t.Errorf("schema %s, %v", document, err)
		}
		if price, err := client.ModelPrice(c.Context(), models[0].ID); err != nil || price != models[0].Pricing {
			t.Errorf("price %q, %v", price, err)
		}
		if rates, err := client.ModelSuccessRate(c.Context(), models[0].ID); err != nil || len(rates) != 144 || !rates[143].End.After(time.Now()) {
			t.Errorf("rates %+v, %v", rates, err)
		}
		if _, err := client.ModelPrice(c.Context(), "google/imagen5"); kie.KindOf(err) != kie.ErrNotFound {
			t.Errorf("an unknown model gave %v", err)
		}
	})
}

func TestDiscoveryBudget(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubble(t, cfg, func(c caller) {
		pass(time.Second)
		c.call(http.MethodGet, modelsPath, "").want(c, 200, "")
		for _, path := range []string{"", "/google/imagen4/schema", "/google/imagen4/price", "/google/imagen4/success-rate"} {
			c.call(http.MethodGet, modelsPath+path, "").want(c, 429, "frequency")
		}
		req := c.request(http.MethodGet, modelsPath, "")
		req.Header.Set("Authorization", "Bearer two")
		if a, err := c.try(req); err != nil || a.Code != 200 {
			t.Errorf("another account got code %d, %v", a.Code, err)
		}
		pass(time.Second)
		c.call(http.MethodGet, modelsPath, "").want(c, 200, "")
		c.call(http.MethodPost, modelsPath, "{}")
	})
}

package catalog_test

import (
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// BenchmarkDefault is part of every start; it should stay far below 10 ms.
func BenchmarkDefault(b *testing.B) {
	models := len(load(b).All())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := catalog.Default(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(models), "models")
}

func benchmarkInput(b *testing.B) (catalog.Model, map[string]any) {
	m := lookup(b, "bytedance/seedance-1.5-pro")
	input, err := m.Build(map[catalog.Option]string{
		catalog.Prompt: "a cat astronaut", catalog.Duration: "8", catalog.Resolution: "1080p",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return m, input
}

func BenchmarkValidate(b *testing.B) {
	m, input := benchmarkInput(b)
	for b.Loop() {
		if err := m.Validate(input); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEstimate(b *testing.B) {
	m, input := benchmarkInput(b)
	for b.Loop() {
		if _, err := m.Estimate(input); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	m, _ := benchmarkInput(b)
	options := map[catalog.Option]string{catalog.Prompt: "a cat astronaut", catalog.AspectRatio: "16x9", catalog.Duration: "8s"}
	for b.Loop() {
		if _, err := m.Build(options); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Lookup("Nano Banana 2"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkModels is what an autocompletion costs for each letter typed.
func BenchmarkModels(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Models(catalog.Image)) == 0 {
			b.Fatal("no models")
		}
	}
}

func BenchmarkLookupOfUnknownName(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Lookup("nano bananna 3 pro"); err == nil {
			b.Fatal("found")
		}
	}
}

// BenchmarkResolve is what a request with an image costs before it is built.
func BenchmarkResolve(b *testing.B) {
	c := load(b)
	given := options("prompt image image2")
	b.ReportAllocs()
	for b.Loop() {
		if m, err := c.Resolve("wan/2-7", given); err != nil || m.ID == "" {
			b.Fatal(m.ID, err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		if len(c.Search("kling")) == 0 {
			b.Fatal("no models")
		}
	}
}

// BenchmarkFirstModels decodes every entry, which Default leaves for later.
func BenchmarkFirstModels(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if len(load(b).All()) == 0 {
			b.Fatal("no models")
		}
	}
}

func BenchmarkOverlay(b *testing.B) {
	c := load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := catalog.Overlay(c, strings.NewReader(priceFile("2"))); err != nil {
			b.Fatal(err)
		}
	}
}

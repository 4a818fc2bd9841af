package catalog_test

import (
	"testing"

	"kiebot/kie/catalog"
)

func TestDefaultLoads(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Models() {
		input := m.Complete(nil)
		cost, err := m.Estimate(input)
		t.Log(m.ID, cost, m.Price.Per, err, input)
	}
}

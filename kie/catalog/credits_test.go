package catalog_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

func TestParseCredits(t *testing.T) {
	tests := []struct {
		text string
		want catalog.Credits
	}{
		{"8", 8000},
		{"0.8", 800},
		{"0", 0},
		{"-0", 0},
		{"3.24", 3240},
		{"209.5", 209500},
		{"5916.25", 5916250},
		{"0.001", 1},
		{"1.50000", 1500},
		{"007", 7000},
		{"-3.25", -3250},
		{"9223372036854775.807", math.MaxInt64},
	}
	for _, test := range tests {
		got, err := catalog.ParseCredits(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseCredits(%q) = %d, %v; want %d", test.text, got, err, test.want)
		}
	}
}

func TestParseCreditsRefuses(t *testing.T) {
	tests := map[string]string{
		"":                     "not a decimal number",
		"-":                    "not a decimal number",
		"--1":                  "not a decimal number",
		"+1":                   "not a decimal number",
		".5":                   "not a decimal number",
		"5.":                   "not a decimal number",
		"1.2.3":                "not a decimal number",
		"1e3":                  "not a decimal number",
		"0x10":                 "not a decimal number",
		" 1":                   "not a decimal number",
		"1_000":                "not a decimal number",
		"NaN":                  "not a decimal number",
		"0.0001":               "more than three decimals",
		"9223372036854775.808": "too large",
		"99999999999999999999": "too large",
	}
	for text, want := range tests {
		if got, err := catalog.ParseCredits(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseCredits(%q) = %d, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestCreditsString(t *testing.T) {
	tests := map[catalog.Credits]string{
		0:             "0",
		1:             "0.001",
		800:           "0.8",
		8000:          "8",
		80000:         "80",
		209500:        "209.5",
		-800:          "-0.8",
		-8000:         "-8",
		math.MaxInt64: "9223372036854775.807",
		math.MinInt64: "-9223372036854775.808",
	}
	for credits, want := range tests {
		if got := credits.String(); got != want {
			t.Errorf("Credits(%d).String() = %q; want %q", int64(credits), got, want)
		}
	}
}

// A price of 0.1 + 0.2 is where a float would show.
func TestCreditsJSONIsExact(t *testing.T) {
	var prices []catalog.Credits
	if err := json.Unmarshal([]byte(`[0.1, 0.2, 22.5, 8]`), &prices); err != nil {
		t.Fatal(err)
	}
	if prices[0]+prices[1] != 300 {
		t.Errorf("0.1 + 0.2 = %d thousandths", prices[0]+prices[1])
	}
	encoded, err := json.Marshal(prices)
	if err != nil || string(encoded) != `[0.1,0.2,22.5,8]` {
		t.Errorf("Marshal = %s, %v", encoded, err)
	}
	for _, bad := range []string{`"8"`, `1e2`, `true`, `0.12345`, `null`} {
		var c catalog.Credits
		if err := json.Unmarshal([]byte(bad), &c); err == nil {
			t.Errorf("%s was read as %d", bad, c)
		}
	}
}

package console

import (
	"fmt"
	"math"
	"regexp"
	"testing"
)

// luminance is that of WCAG 2.2 ("relative luminance").
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var channels [3]uint8
	_, err := fmt.Sscanf(hex, "#%02x%02x%02x", &channels[0], &channels[1], &channels[2])
	must(t, err)
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		c := float64(channels[i]) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// Text can be read, and what is drawn can be seen, by day and by night.
func TestContrast(t *testing.T) {
	t.Parallel()
	css := string(readAsset(t, "console.css"))
	colours := map[string]string{}
	for i, block := range regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(css, -1) {
		for _, found := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(block[1], -1) {
			colours[found[1]] = found[2]
		}
		for least, pairs := range map[float64][][2]string{
			4.5: {
				{"ink", "paper"}, {"ink", "raised"}, {"ink", "sunken"}, {"soft", "paper"}, {"soft", "raised"}, {"soft", "sunken"}, {"accent", "paper"},
				{"accent", "raised"}, {"accent-ink", "accent"}, {"wash-ink", "wash"}, {"bad", "raised"}, {"bad", "bad-wash"}, {"warn", "warn-wash"},
			},
			3: {{"edge", "raised"}, {"edge", "paper"}, {"held", "raised"}},
		} {
			for _, pair := range pairs {
				a, b := luminance(t, colours[pair[0]]), luminance(t, colours[pair[1]])
				if got := (max(a, b) + .05) / (min(a, b) + .05); got < least {
					t.Errorf("scheme %d: %s on %s has a contrast of %.2f, want %g", i, pair[0], pair[1], got, least)
				}
			}
		}
	}
}

func readAsset(t *testing.T, name string) []byte {
	t.Helper()
	data, err := embedded.ReadFile("assets/" + name)
	must(t, err)
	return data
}

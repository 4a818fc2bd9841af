package console

import (
	"testing"

	"kiebot/bots/web/webtest"
)

// Text can be read, and what is drawn can be seen, by day and by night.
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := embedded.ReadFile("assets/console.css")
	must(t, err)
	webtest.CheckContrast(t, string(css), 4.5,
		"ink paper", "ink raised", "ink sunken", "soft paper", "soft raised", "soft sunken", "accent paper",
		"accent raised", "accent-ink accent", "wash-ink wash", "bad raised", "bad bad-wash", "warn warn-wash",
	)
	webtest.CheckContrast(t, string(css), 3,
		"edge raised", "edge paper", "held raised",
	)
}

package console

import (
	"net/http"
	"testing"
)

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	for _, path := range []string{"", "/tasks", "/tasks/" + string(s.tasks[0].ID), "/tasks/" + string(s.tasks[len(s.tasks)-1].ID), "/accounts", "/accounts/telegram:100000000", "/spending", "/models", "/audit"} {
		b.get(Path+path).want(http.StatusOK, "</html>")
	}
}

package core_test

import (
	"errors"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

func TestPerson(t *testing.T) {
	play(t, kietest.Config{}, anybody, func(t *testing.T, w *world) {
		w.untilShown(w.submit(requestOf(ada, "a cat")))
		before, err := w.engine.Person(t.Context(), ada.String())
		w.must(err)
		if before.Balance.Day.Used != imagePrice || before.Latest.IsZero() {
			t.Errorf("%+v", before)
		}
		w.link(ada, adaPhone)
		for _, name := range []string{ada.String(), adaPhone.String(), string(before.Account.ID)} {
			after, err := w.engine.Person(t.Context(), name)
			w.must(err)
			if len(after.Account.Identities) != 2 || after.Balance.Day.Used != imagePrice || after.Account.Into != "" {
				t.Errorf("%s is %+v", name, after)
			}
		}
		for _, name := range []string{"", "chat:", "nobody", "chat:nobody", ":", string(before.Account.ID) + "x"} {
			if _, err := w.engine.Person(t.Context(), name); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

package core

import (
	"context"
	"errors"
	"strings"
)

// Person finds one account, by its id or by one of its identities, as
// "telegram:123". One that was linked into another is that one. The error is
// ErrNotFound when there is none.
func (e *Engine) Person(ctx context.Context, name string) (Person, error) {
	var person Person
	err := e.store.View(ctx, func(tx Tx) error {
		found, err := accountNamed(tx, name)
		if err != nil {
			return err
		}
		person, err = e.person(tx, found)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Person{}, ErrNotFound
	}
	return person, unavailable(err)
}

func accountNamed(tx Tx, name string) (Account, error) {
	if platform, user, ok := strings.Cut(name, ":"); ok {
		return tx.AccountOf(Identity{Platform: platform, User: user})
	}
	return account(tx, AccountID(name))
}

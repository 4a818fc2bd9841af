package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// verifyCommand is kiebot verify.
type verifyCommand struct {
	File string `arg:"" optional:"" help:"The database; without it, the one in DATA_DIR." type:"path"`
}

// Help is shown below the usage.
func (verifyCommand) Help() string {
	return "Adds up the ledger and the open tasks anew and compares every balance with them. Prints one line for each problem and exits with 1 if there is one. The file is only read; kiebot serve must not have it open."
}

// Run verifies the file.
func (v verifyCommand) Run(ctx context.Context, term terminal) (err error) {
	if v.File == "" {
		s, err := loadFolder()
		if err != nil {
			return err
		}
		v.File = s.database()
	}
	store, err := bolt.Open(v.File, bolt.Options{ReadOnly: true})
	switch {
	case errors.Is(err, bolt.ErrInUse):
		return errors.New("kiebot serve has this database open. Stop it first, or verify a copy of the file")
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database %s", v.File)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	began := time.Now()
	seen, err := core.Verify(ctx, store, func(problem string) { fmt.Fprintln(term.out, problem) })
	if err != nil {
		return fmt.Errorf("verifying %s: %w", v.File, err)
	}
	fmt.Fprintf(term.out, "%d accounts, %d tasks, %d ledger entries, %d windows and %d deliveries read in %v: ",
		seen.Accounts, seen.Tasks, seen.Entries, seen.Windows, seen.Deliveries, time.Since(began).Round(time.Millisecond))
	if seen.Problems > 0 {
		fmt.Fprintf(term.out, "%d wrong.\n", seen.Problems)
		return errSaid
	}
	fmt.Fprintln(term.out, "all is right.")
	return nil
}

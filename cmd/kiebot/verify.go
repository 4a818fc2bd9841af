package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// verifyCommand is kiebot verify.
type verifyCommand struct {
	File string `arg:"" optional:"" help:"The database or backup; without it, the one in DATA_DIR, whether kiebot serve runs or not." type:"path"`
}

// Help is shown below the usage.
func (verifyCommand) Help() string {
	return "Reads every page and every record, checks that indexes agree with records, adds up the ledger and the open tasks anew and compares every balance with them. Prints one line for each problem and exits with 1 if there is one. The file is only read; of a running kiebot a fresh copy is."
}

// verdict is what verifying comes to.
type verdict struct {
	Lines   []string `json:"lines"` // the first problems
	Seen    core.Verified
	Seconds float64 `json:"seconds"`
}

// problemsShown is how many problems are listed: the others are like them.
const problemsShown = 1000

func (v *verdict) note(problem string) {
	if len(v.Lines) < problemsShown {
		v.Lines = append(v.Lines, problem)
	}
}

// Run verifies the file, or what the running kiebot has.
func (v verifyCommand) Run(ctx context.Context, term terminal) error {
	file := v.File
	if file == "" {
		s, err := loadFolder()
		if err != nil {
			return err
		}
		file = s.database()
		if found, err := askVerdict(ctx, s); !errors.Is(err, errNotRunning) {
			return found.print(term, err)
		}
		if s.databaseURL != "" {
			return withStopped(ctx, s, func(store database) error { return verifyStore(ctx, term, store) })
		}
	}
	return verifyHere(ctx, term, file)
}

func verifyHere(ctx context.Context, term terminal, file string) error {
	var found verdict
	began := time.Now()
	seen, err := verifyFile(ctx, file, found.note)
	switch {
	case errors.Is(err, bolt.ErrInUse):
		return fmt.Errorf("a running kiebot has %s open. Leave the file away to ask it, or verify a copy", file)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database %s", file)
	case errors.Is(err, bolt.ErrDamaged):
		return errors.New(err.Error()) // which need not be the database in DATA_DIR
	case err != nil:
		return err
	}
	found.Seen, found.Seconds = seen, time.Since(began).Seconds()
	return found.print(term, nil)
}

// verifyStore adds up the ledger of a database that has no file.
func verifyStore(ctx context.Context, term terminal, store core.Store) (err error) {
	var found verdict
	began := time.Now()
	if found.Seen, err = core.Verify(ctx, store, found.note); err != nil {
		return fmt.Errorf("adding up the ledger: %w", err)
	}
	found.Seconds = time.Since(began).Seconds()
	return found.print(term, nil)
}

// askVerdict asks the running kiebot.
func askVerdict(ctx context.Context, s settings) (found verdict, err error) {
	answer, err := local(s).do(ctx, http.MethodPost, "/verify", nil)
	if err != nil {
		return found, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&found); err != nil {
		return found, fmt.Errorf("reading the answer of the running kiebot: %w", err)
	}
	return found, nil
}

func (v verdict) print(term terminal, err error) error {
	if err != nil {
		return err
	}
	for _, problem := range v.Lines {
		fmt.Fprintln(term.out, problem)
	}
	fmt.Fprintf(term.out, "%d accounts, %d tasks, %d ledger entries, %d windows and %d deliveries read in %.3f s: ",
		v.Seen.Accounts, v.Seen.Tasks, v.Seen.Entries, v.Seen.Windows, v.Seen.Deliveries, v.Seconds)
	if v.Seen.Problems > 0 {
		fmt.Fprintf(term.out, "%d wrong.\n", v.Seen.Problems)
		return errSaid
	}
	fmt.Fprintln(term.out, "all is right.")
	return nil
}

// verifyFile reads all that is in a database nobody writes to: its pages, its
// records and indexes, and its ledger.
func verifyFile(ctx context.Context, path string, report func(problem string)) (seen core.Verified, err error) {
	store, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	stored, err := store.Check(ctx, report)
	if err != nil {
		return seen, fmt.Errorf("reading %s: %w", path, err)
	}
	seen, err = core.Verify(ctx, store, report)
	seen.Problems += stored
	if err != nil && stored > 0 { // the ledger cannot be read for what was reported
		report(fmt.Sprintf("the ledger was not added up to the end: %v", err))
		seen.Problems++
		return seen, nil
	}
	if err != nil {
		return seen, fmt.Errorf("adding up the ledger of %s: %w", path, err)
	}
	return seen, nil
}

// verifyRoutes lets the running kiebot be verified, by a copy of what it has.
func (a *app) verifyRoutes(s settings) {
	a.local.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		var found verdict
		err := a.snapshots.alone(r.Context(), func() error { return found.ofCopy(r.Context(), a.store, s) })
		if err != nil {
			http.Error(w, explain(err), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(found) // whoever asked is gone
	})
}

// ofCopy copies what the store has and verifies that.
func (v *verdict) ofCopy(ctx context.Context, store database, s settings) error {
	began := time.Now()
	path, err := copyStore(ctx, store, s)
	if err != nil {
		return err
	}
	v.Seen, err = verifyFile(ctx, path, v.note)
	v.Seconds = time.Since(began).Seconds()
	return errors.Join(err, os.Remove(path))
}

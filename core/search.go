package core

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// Search says which tasks to find. What is zero is not looked at; all that is
// set has to fit.
type Search struct {
	State State
	Who   Identity // the person, with all identities of the account
	Lane  Lane     // where it is shown
	Model string   // a catalogue id
	Text  string   // in the prompt, in any case
	// Before finds those that were accepted before this task; Limit is how many
	// to find at most, and zero means 20.
	Before TaskID
	Limit  int
}

// Bounds of one call of Search: some ten milliseconds of work, so that a search
// for what is rare disturbs nobody.
const (
	searchScan = 1000 // tasks that are looked at
	searchPage = 50   // that are read at once
)

// Search finds tasks of anybody, newest first. More is the Before of the next
// call, empty when there is nothing older; a call that looked at many tasks
// may find none and still have more. A search for a state that is not final
// does not look at the tasks that are over.
func (e *Engine) Search(ctx context.Context, s Search) (found []Task, more TaskID, err error) {
	if s.Limit <= 0 {
		s.Limit = 20
	}
	err = e.view(ctx, func(tx Tx) (err error) {
		found, more, err = s.scan(tx)
		return err
	})
	return found, more, err
}

func (s Search) scan(tx Tx) (found []Task, more TaskID, err error) {
	text, at := foldText(s.Text), s.Before
	for looked := 0; looked < searchScan; {
		page, err := s.candidates(tx, at)
		if err != nil {
			return nil, "", err
		}
		for _, t := range page {
			if len(found) == s.Limit {
				return found, at, nil
			}
			if s.fits(&t, text) {
				found = append(found, t)
			}
			at = t.ID
		}
		if looked += len(page); len(page) < searchPage {
			return found, "", nil
		}
	}
	return found, at, nil
}

// candidates is a page of tasks to look at, those older than before.
func (s Search) candidates(tx Tx, before TaskID) ([]Task, error) {
	switch {
	case s.Who != (Identity{}):
		account, err := tx.AccountOf(s.Who)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return tasksOf(tx, account, before, searchPage)
	case s.State != "" && !s.State.Final():
		ids, err := tx.TasksIn(s.State, before, searchPage)
		if err != nil {
			return nil, err
		}
		return tasksWith(tx, ids)
	}
	return tx.Tasks(before, searchPage)
}

func tasksWith(tx Tx, ids []TaskID) ([]Task, error) {
	tasks := make([]Task, 0, len(ids))
	for _, id := range ids {
		t, err := tx.Task(id)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// fits says whether the task is one of those that are searched for, but for the person.
func (s Search) fits(t *Task, text string) bool {
	return (s.State == "" || t.State == s.State) &&
		(s.Lane == "" || t.Lane() == s.Lane) &&
		(s.Model == "" || t.Request.Model == s.Model) &&
		(text == "" || strings.Contains(foldText(t.Request.Prompt), text))
}

// foldText makes words alike that differ in case and in spaces.
func foldText(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), unicode.IsSpace), " ")
}

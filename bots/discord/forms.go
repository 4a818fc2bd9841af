package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kiebot/bots"
	"kiebot/core"
)

// keptFor is how long a form is waited for, and mostKept how many are.
const (
	keptFor  = tokenFor
	mostKept = 1000
)

// The settings that have the files behind forms: a list of them, the oldest
// first, so that they are forgotten, and each of them with its interaction.
const (
	formsSetting = "discord_forms"
	formSetting  = "discord_form/"
)

// keptForm is an entry of the list.
type keptForm struct {
	ID    string    `json:"id"` // of the interaction
	Until time.Time `json:"until"`
}

// forms keep the files of messages that people are asked about with a form,
// which has no room for them. They are in the store, where every replica finds
// them. Their methods may be called concurrently.
type forms struct {
	store core.Store
	now   func() time.Time
}

// keep stores the files until they are taken, or for keptFor. Of too many the
// oldest make room.
func (f forms) keep(ctx context.Context, id string, files []bots.Attached) error {
	data, err := json.Marshal(files)
	if err != nil {
		return fmt.Errorf("encoding the files behind a form: %w", err)
	}
	err = f.change(ctx, func(tx core.Tx, all []keptForm) ([]keptForm, error) {
		all = append(all, keptForm{ID: id, Until: f.now().Add(keptFor)})
		return all, tx.PutSetting(formSetting+id, data)
	})
	if err != nil {
		return fmt.Errorf("keeping the files behind a form: %w", err)
	}
	return nil
}

// take gives what was kept, once; none when that is too long ago.
func (f forms) take(ctx context.Context, id string) (files []bots.Attached, err error) {
	err = f.change(ctx, func(tx core.Tx, all []keptForm) ([]keptForm, error) {
		files = nil
		at := slices.IndexFunc(all, func(form keptForm) bool { return form.ID == id })
		if at < 0 {
			return all, nil
		}
		data, err := tx.Setting(formSetting + id)
		if err == nil {
			err = json.Unmarshal(data, &files)
		}
		return slices.Delete(all, at, at+1), errors.Join(err, tx.DeleteSetting(formSetting+id))
	})
	if err != nil {
		return nil, fmt.Errorf("taking the files behind a form: %w", err)
	}
	return files, nil
}

// change lets edit change the list, from which it takes what is over.
func (f forms) change(ctx context.Context, edit func(core.Tx, []keptForm) ([]keptForm, error)) error {
	return f.store.Update(ctx, func(tx core.Tx) error {
		var all []keptForm
		data, err := tx.Setting(formsSetting)
		if err == nil {
			err = json.Unmarshal(data, &all)
		}
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return err
		}
		over := slices.IndexFunc(all, func(form keptForm) bool { return f.now().Before(form.Until) })
		if over < 0 {
			over = len(all)
		}
		over = max(over, len(all)-mostKept)
		for _, form := range all[:over] {
			if err := tx.DeleteSetting(formSetting + form.ID); err != nil {
				return err
			}
		}
		all, err = edit(tx, all[over:])
		if err != nil {
			return err
		}
		if data, err = json.Marshal(all); err != nil {
			return err
		}
		return tx.PutSetting(formsSetting, data)
	})
}

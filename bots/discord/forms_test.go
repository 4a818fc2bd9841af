package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/storage/bolt"
)

// What is behind a form is given once, and nothing stays of forms that nobody
// sent, or of too many.
func TestFormsAreForgotten(t *testing.T) {
	store, err := bolt.Open(filepath.Join(workDir(t), "kiebot.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	at := now()
	f := forms{store, func() time.Time { return at }}
	keeps := func(id string) {
		t.Helper()
		if err := f.keep(t.Context(), id, []bots.Attached{{File: core.InputFile{Name: id, Ref: fileRef{"https://" + id}.encode()}}}); err != nil {
			t.Fatal(err)
		}
	}
	takes := func(id string, want int) {
		t.Helper()
		files, err := f.take(t.Context(), id)
		if err != nil || len(files) != want || want > 0 && files[0].File.Name != id {
			t.Errorf("%s: %v, %v", id, files, err)
		}
	}
	stored := func(id string) bool {
		err := store.View(t.Context(), func(tx core.Tx) error {
			_, err := tx.Setting(formSetting + id)
			return err
		})
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			t.Error(err)
		}
		return err == nil
	}
	keeps("1")
	keeps("2")
	at = at.Add(keptFor - time.Second)
	takes("1", 1)
	takes("1", 0)
	keeps("3")
	at = at.Add(time.Second)
	takes("2", 0)
	takes("3", 1)
	for _, id := range []string{"1", "2", "3"} {
		if stored(id) {
			t.Errorf("%s is still there", id)
		}
	}
	keeps("4")
	many := []keptForm{{ID: "4", Until: at.Add(keptFor)}}
	for n := range mostKept {
		many = append(many, keptForm{ID: fmt.Sprint("other ", n), Until: at.Add(keptFor)})
	}
	data, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	if err := changeSetting(t.Context(), store, formsSetting, func([]byte) []byte { return data }); err != nil {
		t.Fatal(err)
	}
	keeps("5")
	if stored("4") || !stored("5") {
		t.Error("the oldest did not make room")
	}
}

// Gen turns a list of Kie's models into entries for the embedded catalogue.
//
//	go run ./kie/catalog/gen LIST DIR
//
// LIST is a JSON array with one object for each model, in the words of
// docs.kie.ai: id, kind, task, endpoint, inputs with maxLength, minItems, media,
// maxMB and so on, requireOneOf, output, status, creditNote, source. DIR holds
// image.json, video.json and sound.json; models that are there already stay as
// they are, since titles, families, aliases, defaults and prices are written by
// hand. A new entry has no price yet; the note says what Kie's page says.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kiebot/kie/catalog"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: gen LIST DIR")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("reading the list: %w", err)
	}
	var list []listed
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("reading the list: %w", err)
	}
	added := 0
	for _, name := range []string{"image.json", "video.json", "sound.json"} {
		n, err := extend(filepath.Join(args[1], name), slices.DeleteFunc(slices.Clone(list), func(l listed) bool { return l.file() != name }))
		if err != nil {
			return err
		}
		added += n
	}
	fmt.Fprintf(out, "%d models added\n", added)
	return nil
}

// extend adds what is missing to one file and says how much that was.
func extend(path string, list []listed) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("reading the catalogue: %w", err)
	}
	var file struct{ Models []catalog.Model }
	if len(data) > 0 {
		if err := json.Unmarshal(data, &file); err != nil {
			return 0, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	added := 0
	for _, l := range list {
		if !slices.ContainsFunc(file.Models, func(m catalog.Model) bool { return m.ID == l.ID }) {
			file.Models = append(file.Models, l.model())
			added++
		}
	}
	var b bytes.Buffer
	if err := catalog.Write(&b, file.Models); err != nil {
		return 0, err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return 0, fmt.Errorf("writing the catalogue: %w", err)
	}
	return added, nil
}

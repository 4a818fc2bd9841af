package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"kiebot/kie/catalog"
)

// liveCatalog is the catalogue in force: the embedded one, with the entries
// of CATALOG_FILE on top when there is one. All methods may be called
// concurrently.
type liveCatalog struct {
	file  *catalog.File
	named bool // there is a file
}

// Lookup finds a model by its name.
func (l *liveCatalog) Lookup(name string) (catalog.Model, error) { return l.now().Lookup(name) }

// DefaultFor is the model to use when nobody names one.
func (l *liveCatalog) DefaultFor(kind catalog.Kind) catalog.Model { return l.now().DefaultFor(kind) }

// Families lists what people can choose from.
func (l *liveCatalog) Families(kind ...catalog.Kind) []catalog.Family {
	return l.now().Families(kind...)
}

// Resolve finds the model to run for a name and what is given with it.
func (l *liveCatalog) Resolve(name string, options map[catalog.Option]string) (catalog.Model, error) {
	return l.now().Resolve(name, options)
}

// now is the catalogue at this moment.
func (l *liveCatalog) now() *catalog.Catalog { return l.file.Catalog() }

// reload reads the file when it has changed.
func (l *liveCatalog) reload() (bool, error) {
	if !l.named {
		return false, nil
	}
	changed, err := l.file.Reload()
	if err != nil {
		return false, fmt.Errorf("names a file that cannot be used: %w", err)
	}
	return changed, nil
}

// reloadEvery is how soon a change of CATALOG_FILE is noticed.
const reloadEvery = 2 * time.Second

// watch reloads the file until ctx ends. A broken file changes nothing.
func (l *liveCatalog) watch(ctx context.Context, log *slog.Logger) {
	if !l.named {
		return
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch changed, err := l.reload(); {
		case err != nil:
			log.Error("CATALOG_FILE was not taken over; the catalogue stays as it was", "error", err)
		case changed:
			log.Info("CATALOG_FILE was read again")
		}
	}
}

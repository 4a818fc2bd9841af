package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
)

// checkCommand is kiebot check.
type checkCommand struct {
	Online bool `help:"Ask Kie.ai, Telegram and Discord, too. Nothing is bought, sent or changed."`
}

// Help is shown below the usage.
func (checkCommand) Help() string {
	return "Prints every setting, says whether it is set and what it is for, and exits with 2 when serve would refuse to start. Values of secrets are never printed."
}

// Run prints the settings and what is wrong with them.
func (c checkCommand) Run(ctx context.Context, term terminal) error {
	s, given, err := loadSettings()
	if err == nil {
		err = writable(s.dataDir)
	}
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	for _, v := range variables() {
		state := "not set"
		switch {
		case given[v.name]:
			state = "set"
		case v.fallback != "":
			state = "default " + v.fallback
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.name, state, v.desc)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err != nil {
		fmt.Fprintln(term.out)
		return err
	}
	if !c.Online {
		fmt.Fprintln(term.out, "\nAll settings are good. Next: kiebot serve")
		return nil
	}
	return c.ask(ctx, s, term)
}

// ask prints what the services say.
func (checkCommand) ask(ctx context.Context, s settings, term terminal) error {
	fmt.Fprintln(term.out)
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	wrong := 0
	for _, f := range s.askAll(ctx) {
		fmt.Fprintln(table, f.line())
		if f.wrong {
			wrong++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of these have to be put right before kiebot serve can work", wrong)
	}
	fmt.Fprintln(term.out, "\nAll settings are good. Next: kiebot serve")
	return nil
}

// writable finds out whether the data folder can be made and written to.
func writable(dir string) error {
	var found problems
	if err := os.MkdirAll(dir, 0o700); err != nil {
		found.add("DATA_DIR", "cannot be made: the folder above it has to exist and be writable")
		return found
	}
	probe, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		found.add("DATA_DIR", "cannot be written to by this user")
		return found
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return fmt.Errorf("removing the probe file: %w", err)
	}
	return nil
}

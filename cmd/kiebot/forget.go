package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"kiebot/core"
)

// forgetPath is where the running kiebot forgets ?person.
const forgetPath = "/forget"

// forget answers with a sentence about what core.Engine.Forget did.
func (a *app) forget(w http.ResponseWriter, r *http.Request) {
	who, ok := personOf(r)
	if !ok {
		http.Error(w, badPerson, http.StatusBadRequest)
		return
	}
	done, err := a.engine.Forget(r.Context(), core.Act{By: core.CommandLine}, who)
	var refused *core.Refusal
	switch {
	case errors.As(err, &refused) && refused.Reason == core.ReasonUnderWay:
		http.Error(w, fmt.Sprintf("job %s is still under way or to be shown: nothing was deleted. Wait for it, or cancel it with kiebot admin cancel %s", refused.Task.Short(), refused.Task.Short()), http.StatusConflict)
	case err != nil:
		http.Error(w, explain(err), http.StatusInternalServerError)
	default:
		fmt.Fprintf(w, "Deleted of %s: jobs (%d) with their words, files and results, and the settings. What stays: the id with its limits and block, credits that are left (%s), purchases (%d), the amounts in the ledger, and the audit log. Backups made before still have it all.\n",
			who, done.Tasks, done.Left, done.Purchases)
	}
}

// forgetCommand is kiebot forget.
type forgetCommand struct {
	Person string `arg:"" help:"Who, such as telegram:123 or discord:456."`
	Yes    bool   `help:"Delete. Without it, only say what that would be."`
}

// Help is shown below the usage.
func (forgetCommand) Help() string {
	return "Lets the kiebot that runs on DATA_DIR delete what it keeps about one person, and about the accounts that are linked with it: jobs with prompts, inputs and results, fetched files, drafts, settings, and the reasons in the ledger. The id, its limits, credits and block, the amounts in the ledger, purchases and the audit log stay; kiebot export shows them. It cannot be undone, and does not reach backups. People can do it themselves with /privacy."
}

// Run asks.
func (c forgetCommand) Run(ctx context.Context, term terminal) error {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	if !c.Yes {
		return fmt.Errorf("this deletes all jobs, files and settings of %s for good. kiebot export %s keeps a copy; kiebot forget --yes %s deletes", c.Person, c.Person, c.Person)
	}
	return startIt(local(s).stream(ctx, term.out, http.MethodPost, forgetPath+"?person="+url.QueryEscape(c.Person), nil))
}

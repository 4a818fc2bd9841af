package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"kiebot/kie"
	"kiebot/kie/catalog"
)

// modelsCommand is kiebot models and what is below it.
type modelsCommand struct {
	List   listModels   `cmd:"" help:"List the models, with what they cost."`
	Search searchModels `cmd:"" help:"Find models by parts of their names, also misspelt ones."`
	Show   showModel    `cmd:"" help:"Show everything about one model: its inputs, choices and price."`
	Sync   syncModels   `cmd:"" help:"Compare the catalogue with what Kie lists now."`
}

// Help is shown below the usage.
func (modelsCommand) Help() string {
	return "CATALOG_FILE names a file with entries of your own, which add to the embedded ones or change them: a price, a status, a new model."
}

// readCatalog is the catalogue that serve would use.
func readCatalog() (*catalog.Catalog, error) {
	env, _, found := loadEnvironment()
	s := settings{catalogFile: env.CatalogFile}
	models, err := s.catalog()
	if err != nil {
		found.add("CATALOG_FILE", "%v", err)
		return nil, found
	}
	return models.now(), nil
}

// listModels is kiebot models list.
type listModels struct {
	Kind string `help:"Only models of this kind: image, video, music or speech."`
	All  bool   `help:"Also those that Kie has no more."`
}

// Run prints the list.
func (l listModels) Run(term terminal) error {
	models, err := readCatalog()
	if err != nil {
		return err
	}
	var kinds []catalog.Kind
	if l.Kind != "" {
		kind, err := catalog.ParseKind(l.Kind)
		if err != nil {
			return err
		}
		kinds = append(kinds, kind)
	}
	var shown []catalog.Model
	for _, m := range models.All(kinds...) {
		if l.All || m.Status.Runs() {
			shown = append(shown, m)
		}
	}
	return printModels(term.out, shown)
}

// searchModels is kiebot models search.
type searchModels struct {
	Text []string `arg:"" help:"Words to look for."`
}

// Run prints what was found, best first.
func (s searchModels) Run(term terminal) error {
	models, err := readCatalog()
	if err != nil {
		return err
	}
	found := models.Search(strings.Join(s.Text, " "))
	if len(found) == 0 {
		fmt.Fprintln(term.err, "No model goes with that. kiebot models list shows all.")
		return errSaid
	}
	return printModels(term.out, found)
}

func printModels(out io.Writer, models []catalog.Model) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range models {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", m.ID, m.Title, m.Task, basePrice(m), m.Status)
	}
	return table.Flush()
}

// basePrice is what a request without options costs at most.
func basePrice(m catalog.Model) string {
	credits, err := m.Estimate(m.Complete(nil))
	if err != nil {
		return "no price"
	}
	return credits.String() + " credits"
}

// showModel is kiebot models show.
type showModel struct {
	Name string `arg:"" help:"Id or another name of the model."`
}

// Run prints the model.
func (s showModel) Run(term terminal) error {
	models, err := readCatalog()
	if err != nil {
		return err
	}
	m, err := models.Lookup(s.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(term.out, "%s (%s)\n%s, %s, %s\n", m.Title, m.ID, m.Kind, m.Task, basePrice(m))
	if !m.Status.Runs() {
		fmt.Fprintf(term.out, "Cannot be used: %s. Nearest: %s\n", m.Reason, m.Replacement)
	}
	if m.Price.Note != "" {
		fmt.Fprintln(term.out, "Price:", m.Price.Note)
	}
	fmt.Fprintf(term.out, "%s\n\n", m.Source)
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	for _, in := range m.Inputs {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", in.Name, in.Type, need(in), limits(in))
	}
	return table.Flush()
}

// need says whether an input has to be given and what it is otherwise.
func need(in catalog.Input) string {
	switch {
	case in.Default != nil:
		return fmt.Sprint("default ", in.Default)
	case in.Required:
		return "required"
	}
	return ""
}

// limits says what can be given.
func limits(in catalog.Input) string {
	var parts []string
	if choices := in.Choices(); len(choices) > 0 {
		parts = append(parts, strings.Join(choices, ", "))
	}
	if in.Min != nil {
		parts = append(parts, fmt.Sprintf("from %g", *in.Min))
	}
	if in.Max != nil {
		parts = append(parts, fmt.Sprintf("to %g", *in.Max))
	}
	if in.MaxLength > 0 {
		parts = append(parts, fmt.Sprintf("%d characters at most", in.MaxLength))
	}
	if in.Media != "" {
		parts = append(parts, "file: "+in.Media)
	}
	if in.MaxMB > 0 {
		parts = append(parts, fmt.Sprintf("%d MB at most", in.MaxMB))
	}
	return strings.Join(parts, " ")
}

// syncModels is kiebot models sync.
type syncModels struct {
	DryRun bool   `help:"Only print the differences; nothing is written without --out either."`
	Out    string `help:"Write entries for models that the catalogue does not have into this file, for CATALOG_FILE. They need a price." type:"path"`
	Full   bool   `help:"Also ask for the schema and the price of each model, which takes two seconds each."`
}

// Run asks Kie and prints the differences.
func (c syncModels) Run(ctx context.Context, term terminal) error {
	s, _, err := loadSettings()
	if err != nil {
		return err
	}
	models, err := s.catalog()
	if err != nil {
		return err
	}
	client, err := kie.New(kie.Config{APIKey: s.kieKeys[0].key, BaseURL: s.kieURL, UserAgent: "kiebot/" + version(), Logger: s.logger()})
	if err != nil {
		return err
	}
	live, err := c.ask(ctx, client)
	if err != nil {
		return fmt.Errorf("asking Kie for its models: %w", err)
	}
	differences := catalog.Diff(models.now(), live)
	for _, d := range differences {
		fmt.Fprintln(term.out, d)
	}
	fmt.Fprintf(term.out, "%d models at Kie, %d differences.\n", len(live), len(differences))
	if c.Out == "" || c.DryRun {
		return nil
	}
	return c.write(term, models.now(), live)
}

// ask collects what Kie says about its models. Chat models are left out.
func (c syncModels) ask(ctx context.Context, client *kie.Client) ([]catalog.Live, error) {
	listed, err := client.Models(ctx, kie.ModelQuery{})
	if err != nil {
		return nil, err
	}
	var live []catalog.Live
	for _, m := range listed {
		kind, ok := kindOf(m.TaskTypes)
		if !ok {
			continue
		}
		l := catalog.Live{ID: m.ID, Title: m.Title, Kind: kind, Task: strings.Join(m.TaskTypes, ", "), PriceText: m.Pricing}
		if c.Full {
			if err := askMore(ctx, client, &l); err != nil {
				return nil, err
			}
		}
		live = append(live, l)
	}
	return live, nil
}

// askMore adds a model's price and inputs. The client keeps Kie's pace of one question a second.
func askMore(ctx context.Context, client *kie.Client, l *catalog.Live) (err error) {
	if l.PriceText, err = client.ModelPrice(ctx, l.ID); err != nil {
		return err
	}
	schema, err := client.ModelSchema(ctx, l.ID)
	if err != nil || len(schema) == 0 {
		return err
	}
	return l.ReadSchema(schema)
}

// kindOf guesses the kind from Kie's task types, some of which are wrong; a
// person looks at the differences. Chat is no kind of ours.
func kindOf(taskTypes []string) (catalog.Kind, bool) {
	all := strings.ToLower(strings.Join(taskTypes, ","))
	switch {
	case strings.Contains(all, "chat"):
		return "", false
	case strings.Contains(all, "video"), strings.Contains(all, "lip sync"):
		return catalog.Video, true
	case strings.Contains(all, "music"):
		return catalog.Music, true
	case strings.Contains(all, "speech"), strings.Contains(all, "audio"):
		return catalog.Speech, true
	}
	return catalog.Image, true
}

// write makes a file of what the catalogue does not have.
func (c syncModels) write(term terminal, models *catalog.Catalog, live []catalog.Live) (err error) {
	var fresh []catalog.Model
	for _, l := range live {
		if _, err := models.Lookup(l.ID); err != nil {
			fresh = append(fresh, l.Model())
		}
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already: move it away, or choose another name", c.Out)
	}
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := catalog.Write(f, fresh); err != nil {
		return fmt.Errorf("writing the file: %w", err)
	}
	fmt.Fprintf(term.out, "%d entries are in %s. Give each a price, then set CATALOG_FILE.\n", len(fresh), c.Out)
	return nil
}

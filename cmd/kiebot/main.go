// Kiebot brings Kie.ai's image, video and music models into the chats of a community that hosts it itself.
//
// This is the program: its command line, its configuration and how its parts
// are tied together. Run it without arguments to see what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // TLS works on machines without CA roots
)

// Exit codes. Wrong is for what the person can put right: usage and configuration.
const (
	exitFailed = 1
	exitWrong  = 2
)

// commandLine is what kiebot understands.
type commandLine struct {
	Demo    demoCommand    `cmd:"" help:"Try kiebot in the browser, without an account and without a network."`
	Init    initCommand    `cmd:"" help:"Write a file with all settings, to fill in."`
	Serve   serveCommand   `cmd:"" help:"Run kiebot with a Kie.ai account."`
	Check   checkCommand   `cmd:"" help:"Check the configuration and say what is wrong with it."`
	Models  modelsCommand  `cmd:"" help:"Look things up in the catalogue of models."`
	Verify  verifyCommand  `cmd:"" help:"Check every balance of a database against its ledger."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Admin       adminCommand       `cmd:"" help:"Give credits, set limits, let people in: what admins do, at the running kiebot."`
	Task        taskCommand        `cmd:"" help:"Tell all that is known about a job."`
	Console     consoleCommand     `cmd:"" help:"Print a link that opens the operator's console, once."`
	Backup      backupCommand      `cmd:"" help:"Copy the database, of a running kiebot or not, and check the copy."`
	Restore     restoreCommand     `cmd:"" help:"Put a backup in the place of the database."`
	Storage     storageCommand     `cmd:"" help:"Move to another database."`
	Export      exportCommand      `cmd:"" help:"Write all that is kept about one person."`
	Forget      forgetCommand      `cmd:"" help:"Delete what is kept about one person."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit with 0 if the running kiebot is ready."`
}

// terminal is where commands print.
type terminal struct {
	out, err io.Writer
}

const about = `A Kie.ai bot that a community hosts itself: type /imagine, get the picture.

Try it now, without any account, with kiebot demo.
Run it with a Kie.ai account with kiebot serve.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], terminal{os.Stdout, os.Stderr}))
}

// run parses and executes the command line and returns the exit code.
func run(ctx context.Context, args []string, term terminal) int {
	var line commandLine
	code := -1
	parser, err := kong.New(&line, kong.Name("kiebot"), kong.Description(about),
		kong.Writers(term.out, term.err), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.Exit(func(c int) { code = c }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(term))
	if err != nil {
		fmt.Fprintln(term.err, "kiebot:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if code >= 0 {
		return code // help was printed
	}
	if err != nil {
		fmt.Fprintf(term.err, "kiebot: %v\nSee kiebot --help.\n", err)
		return exitWrong
	}
	return report(term, chosen.Run())
}

// report prints the error for a person and returns the exit code.
func report(term terminal, err error) int {
	var wrong problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(term.err, "kiebot cannot start: %s.\n\n%v\n\n%s\n", wrong.count(), wrong, howToSet)
		return exitWrong
	case errors.Is(err, errSaid):
		return exitFailed
	case errors.Is(err, errWrongWords):
		return exitWrong
	}
	fmt.Fprintln(term.err, "kiebot:", explain(err))
	return exitFailed
}

const howToSet = `Put settings into the environment, or into a file called .env in this folder,
one NAME=value a line. Each can also be read from a file: NAME_FILE=/path.
Without any account: kiebot demo`

// errSaid ends a command whose output has said what was wrong.
var errSaid = errors.New("it was said already")

func (p problems) count() string {
	if len(p) == 1 {
		return "1 setting is missing or wrong"
	}
	return fmt.Sprintf("%d settings are missing or wrong", len(p))
}

// versionCommand is kiebot version.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(term terminal) error {
	fmt.Fprintln(term.out, "kiebot", version())
	return nil
}

// version is what the build knows of itself: the module's version, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "development"
}

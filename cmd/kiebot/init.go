package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
)

// initCommand is kiebot init.
type initCommand struct {
	Out string `default:".env" placeholder:"FILE" help:"The file to write."`
}

// Help is shown below the usage.
func (initCommand) Help() string {
	return "Writes a file with every setting, each with what it is for and its default, and secrets made anew. Only you can read it. A file that is there already is left alone."
}

// Run writes the file and says what to put into it.
func (c initCommand) Run(term terminal) error {
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and was left as it is: kiebot check says what is wrong with it, and --out writes another one", c.Out)
	}
	if err != nil {
		return fmt.Errorf("making the file of settings: %w", err)
	}
	if err := errors.Join(writeSettings(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", c.Out, err), os.Remove(c.Out))
	}
	fmt.Fprintf(term.out, "%s is written, and only you can read it. Put in what you use:\n\n", c.Out)
	table := tabwriter.NewWriter(term.out, 0, 0, 2, ' ', 0)
	for _, one := range firstSettings() {
		fmt.Fprintf(table, "  %s\t%s\n", one.name, one.from)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(term.out, "\nOne of the two chats is enough. Next: kiebot check --online")
	return nil
}

// firstSettings are those that a newcomer fills in, in the order in which to do
// it, and where to get what goes into them.
func firstSettings() []struct{ name, from string } {
	return []struct{ name, from string }{
		{"KIE_API_KEY", "the account that pays: make a key on https://kie.ai/api-key"},
		{"TELEGRAM_TOKEN", "for Telegram: write /newbot to @BotFather, and copy the token it gives you"},
		{"DISCORD_TOKEN", "for Discord: https://discord.com/developers/applications, New Application, Bot, Reset Token"},
		{"ADMINS", "you: telegram:123 or discord:456. Not known yet? telegram:1 will do for now: the bot tells everybody their id"},
	}
}

// isMade says whether the setting is a secret that need not come from anywhere else.
func isMade(name string) bool { return name == "CONSOLE_PASSWORD" || name == "TELEGRAM_WEBHOOK_SECRET" }

// settingsHead begins the file.
const settingsHead = `# The settings of kiebot. A line that begins with # is off and shows the default.
# Every NAME can also be read from a file of its own: NAME_FILE=/path
# kiebot check says what is wrong, and kiebot check --online asks Kie.ai and the chats.
`

// writeSettings writes all settings, those of a newcomer first.
func writeSettings(w io.Writer) error {
	var out strings.Builder
	out.WriteString(settingsHead)
	first := map[string]bool{}
	for _, one := range firstSettings() {
		first[one.name] = true
		fmt.Fprintf(&out, "\n# %s\n%s=\n", one.from, one.name)
	}
	for _, v := range variables() {
		switch {
		case first[v.name]:
		case isMade(v.name):
			fmt.Fprintf(&out, "\n# %s\n%s=%s\n", v.about(), v.name, rand.Text())
		default:
			fmt.Fprintf(&out, "\n# %s\n#%s=%s\n", v.about(), v.name, v.fallback)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// about is all there is to know about the variable, in one line.
func (v variable) about() string {
	if v.more == "" {
		return v.desc
	}
	return v.desc + ". " + v.more
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"unicode"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
)

// paper is the platform of demo --once: a terminal that a message can only be
// printed to, not edited in.
const paper = "terminal"

// printer is the core.Adapter of that platform.
type printer struct {
	bot  *bots.Bot
	out  io.Writer
	ends chan core.Parcel // has room for one: the end of the one request
}

// Deliver implements core.Adapter.
func (p *printer) Deliver(ctx context.Context, parcel core.Parcel) (json.RawMessage, error) {
	if parcel.Delivery.Kind == core.DeliverFinal {
		p.ends <- parcel
		return nil, nil
	}
	m := p.bot.Show(ctx, parcel)
	fmt.Fprintf(p.out, "%s – %s\n", m.Prompt, m.Status)
	return nil, nil
}

// localFile is what a file of the terminal is known by.
type localFile struct {
	Path string `json:"path"` // absolute
}

// attach takes a local path as the value of an option for a file.
func attach(path string) (core.InputFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return core.InputFile{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return core.InputFile{}, err
	}
	probed, err := media.Probe(path)
	if err != nil {
		return core.InputFile{}, err
	}
	ref, err := json.Marshal(localFile{path})
	if err != nil {
		return core.InputFile{}, err
	}
	return core.InputFile{Name: filepath.Base(path), Type: probed.Type, Size: info.Size(), Ref: ref}, nil
}

// Open implements core.Source.
func (p *printer) Open(_ context.Context, file core.InputFile) (io.ReadCloser, error) {
	var local localFile
	if err := json.Unmarshal(file.Ref, &local); err != nil {
		return nil, fmt.Errorf("reading the reference of %q: %w", file.Name, err)
	}
	return os.Open(local.Path)
}

// once runs one command through the path that every request takes.
func (d demoCommand) once(ctx context.Context, s settings, term terminal) (err error) {
	sheet := &printer{out: term.out, ends: make(chan core.Parcel, 1)}
	a, err := newApp(ctx, s, options{
		open: true, adapters: map[string]core.Adapter{paper: sheet}, sources: map[string]core.Source{paper: sheet},
	}, s.logger())
	if err != nil {
		return err
	}
	sheet.bot = a.bot
	ctx, stop := context.WithCancel(ctx)
	var engine sync.WaitGroup
	var moved error
	engine.Go(func() { moved = a.engine.Run(ctx) })
	defer func() {
		stop()
		engine.Wait()
		if closed := a.close(); err == nil {
			err = closed
		}
		if err == nil {
			err = moved
		}
	}()
	origin := core.Origin{Identity: core.Identity{Platform: paper, User: "you"}, Name: "you", Lane: core.NewLane(paper, "once"), Locale: s.locale}
	reply := a.bot.Command(ctx, bots.Incoming{Key: paper + ":once", Text: d.Once, Attach: attach, Origin: origin})
	if reply.Asks && d.Yes {
		reply = a.bot.Press(ctx, bots.Incoming{Key: paper + ":yes", Origin: origin}, reply.Buttons[0].Data)
	}
	switch {
	case reply.Asks:
		fmt.Fprintf(term.err, "%s\nTo go on, run it again with --yes.\n", reply.Text)
		return errSaid
	case reply.Refused:
		fmt.Fprintln(term.err, reply.Text)
		return errSaid
	}
	if len(reply.Accepted) == 0 {
		printReply(term.out, reply)
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case parcel := <-sheet.ends:
		return d.finish(ctx, a.bot, parcel, term)
	}
}

// printReply prints the answer to a command that makes nothing.
func printReply(out io.Writer, reply bots.Reply) {
	fmt.Fprintln(out, reply.Text)
	group := ""
	for _, item := range reply.Items {
		if item.Group != group {
			group = item.Group
			fmt.Fprintf(out, "\n%s\n", group)
		}
		fmt.Fprintf(out, "  %s  %s\n", item.Title, item.Detail)
	}
}

// finish prints the end and writes the files.
func (d demoCommand) finish(ctx context.Context, bot *bots.Bot, parcel core.Parcel, term terminal) error {
	m := bot.Show(ctx, parcel)
	if m.Status != "" {
		fmt.Fprintf(term.out, "%s – %s\n", m.Prompt, m.Status)
	}
	for n, made := range m.Media {
		switch {
		case made.File != nil:
			path, err := d.save(*made.File, m.Prompt, made.Task, n)
			if err != nil {
				return err
			}
			fmt.Fprintln(term.out, path)
		case made.URL != "":
			fmt.Fprintln(term.out, made.URL)
		default:
			fmt.Fprintln(term.out, made.Text)
		}
	}
	for _, note := range m.Notes {
		fmt.Fprintln(term.out, note)
	}
	fmt.Fprintln(term.out, m.Details)
	if m.State != core.Succeeded {
		return errSaid
	}
	return nil
}

// save copies a result into the folder for it, under a name that says what it is.
func (d demoCommand) save(file media.File, prompt string, id core.TaskID, n int) (string, error) {
	if err := os.MkdirAll(d.Out, 0o755); err != nil {
		return "", fmt.Errorf("making the folder for the files: %w", err)
	}
	path := filepath.Join(d.Out, fmt.Sprintf("%s-%s-%d%s", slug(prompt), id.Short(), n+1, filepath.Ext(file.Name)))
	from, err := os.Open(file.Path)
	if err != nil {
		return "", fmt.Errorf("reading a result: %w", err)
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("writing a result: %w", err)
	}
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return "", fmt.Errorf("writing a result: %w", err)
	}
	return path, to.Close()
}

const slugMax = 32 // characters

// slug is the beginning of the text as a file name.
func slug(text string) string {
	var name []rune
	for _, r := range text {
		switch {
		case len(name) >= slugMax:
			return string(name)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			name = append(name, unicode.ToLower(r))
		case len(name) > 0 && name[len(name)-1] != '-':
			name = append(name, '-')
		}
	}
	return string(name)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// demoCommand is kiebot demo.
type demoCommand struct {
	Once    string `help:"Run this one command, print what the chat would show, write the files and exit." placeholder:"'/imagine …'"`
	Yes     bool   `help:"Agree to the price where --once asks about it."`
	KieOnly bool   `help:"Run nothing but the Kie.ai server, for other clients; prints its address and key."`
	Out     string `help:"Folder for the files that --once writes." default:"kiebot-out" type:"path"`
	Confirm string `name:"confirm-above" help:"Credits above which a price is asked about first, or off." default:"off" env:"CONFIRM_ABOVE"`
	Listen  string `help:"Address of the browser chat; port 0 is any free one." default:"127.0.0.1:8080" env:"LISTEN_ADDR"`
}

// Help is shown below the usage.
func (demoCommand) Help() string {
	return "Everything happens on this machine: a Kie.ai server of its own draws the pictures, and what is stored is gone at the end."
}

// Run runs the demo until the context ends, or one command.
func (d demoCommand) Run(ctx context.Context, term terminal) (err error) {
	if d.KieOnly {
		return d.serveKie(ctx, term)
	}
	confirm, ok := readConfirm(d.Confirm)
	if !ok {
		return errors.New("CONFIRM_ABOVE " + notConfirm)
	}
	dir, err := os.MkdirTemp("", "kiebot-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server := kietest.New(kietest.Config{Durations: kietest.Fast(), RecordDelay: 100 * time.Millisecond})
	defer server.Close()
	if err := server.Start(); err != nil {
		return err
	}
	s := settings{
		kieKeys: []kieKey{{core.DefaultKieAccount, kie.Secret(server.Key())}}, kieURL: server.URL(), uploadURL: server.URL(), dataDir: dir,
		userDaily: demoCredits, policy: core.Policy{ConfirmAbove: confirm}, location: time.Local, locale: "en", logLevel: slog.LevelWarn,
	}
	if d.Once != "" {
		return d.once(ctx, s, term)
	}
	return d.browse(ctx, s, term)
}

// demoCredits is enough to play and little enough to see a quota at work.
const demoCredits = core.Limit(500_000)

// browse serves the browser chat.
func (d demoCommand) browse(ctx context.Context, s settings, term terminal) error {
	listener, err := net.Listen("tcp", d.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer listener.Close()
	s.publicURL = address(listener)
	log := s.logger()
	front := openFront(listener, log)
	defer front.close()
	a, err := newApp(ctx, s, options{open: true, demo: true}, log)
	if err != nil {
		return err
	}
	front.open(a)
	fmt.Fprintf(term.out, "The demo is at %s\nEverything stays on this machine and nothing costs anything. Stop it with Ctrl-C.\n", front.address)
	return errors.Join(a.run(ctx, front), a.close())
}

// serveKie serves Kie.ai alone, uploads and result files on the same address.
func (d demoCommand) serveKie(ctx context.Context, term terminal) error {
	listener, err := net.Listen("tcp", d.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	kieServer := kietest.New(kietest.Config{Durations: kietest.Fast(), BaseURL: address(listener)})
	defer kieServer.Close()
	server := &http.Server{Handler: kieServer.Handler(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(term.out, "A Kie.ai server for tests, uploads on the same address:\n\n  KIE_API_URL=%s\n  KIE_UPLOAD_URL=%s\n  KIE_API_KEY=%s\n\nStop it with Ctrl-C.\n",
		address(listener), address(listener), kieServer.Key())
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"kiebot/storage"
	"kiebot/storage/bolt"
)

// serveCommand is kiebot serve.
type serveCommand struct{}

// Help is shown below the usage.
func (serveCommand) Help() string {
	return "Settings come from the environment; kiebot check explains them.\nStops within ten seconds on SIGTERM or Ctrl-C and goes on where it stopped when it is started again."
}

// Run serves until the context ends.
func (serveCommand) Run(ctx context.Context, term terminal) error {
	s, _, err := loadSettings()
	if err != nil {
		return err
	}
	listener, err := listen("LISTEN_ADDR", s.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	var forMetrics net.Listener
	if s.metrics != "" {
		if forMetrics, err = listen("METRICS_ADDR", s.metrics); err != nil {
			return err
		}
		defer forMetrics.Close()
	}
	log := s.logger()
	front := openFront(listener, log)
	defer front.close()
	a, err := newApp(ctx, s, options{}, log)
	if err != nil {
		return err
	}
	a.openSocket(ctx, s.dataDir)
	a.forMetrics = forMetrics
	front.open(a)
	fmt.Fprintf(term.out, "kiebot %s is running.\nOpen the chat with this link, and keep it to yourself:\n\n  %s/?access=%s\n\n", version(), front.address, a.access)
	return errors.Join(a.run(ctx, front), a.close())
}

// listenError is that nothing can listen on the address in a setting.
type listenError struct {
	setting string
	err     error
}

// Error names the setting.
func (e *listenError) Error() string { return "listening on " + e.setting + ": " + e.err.Error() }

// Unwrap gives the cause.
func (e *listenError) Unwrap() error { return e.err }

func listen(setting, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &listenError{setting, err}
	}
	return listener, nil
}

// address is how a browser on this machine reaches the listener.
func address(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// explain turns an error of starting into a sentence that says what to do.
func explain(err error) string {
	var deaf *listenError
	switch {
	case errors.Is(err, bolt.ErrInUse):
		return "another kiebot is running on this DATA_DIR. Stop it, or give this one a folder of its own."
	case errors.Is(err, bolt.ErrNewer):
		return "the database in DATA_DIR was written by a newer kiebot. Start that version or a newer one."
	case errors.Is(err, storage.ErrHalf):
		return err.Error() + "."
	case errors.Is(err, bolt.ErrDamaged):
		return err.Error() + ". Nothing was changed. kiebot restore puts a backup in its place, of those in DATA_DIR/backups or of your own, and keeps this file aside."
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		return err.Error() + ". This user cannot write there: DATA_DIR has to be a folder that the user kiebot runs as may write to."
	case errors.As(err, &deaf) && errors.Is(err, syscall.EADDRINUSE):
		return "the address in " + deaf.setting + " is in use by another program. Choose another port, or 0 for any free one."
	case errors.Is(err, syscall.ENOSPC):
		return "the disk that DATA_DIR is on is full. Nothing that was accepted is lost; make room and start again."
	}
	return err.Error()
}

package kietest

import (
	"context"
	"net"
	"sync"
)

// Listener is a net.Listener without a socket: every dial makes a net.Pipe.
// It works inside a testing/synctest bubble, where real sockets would keep
// fake time from moving. All methods may be called from any goroutine.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewListener returns an open Listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept waits for the next dial. It returns net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and refuses further dials. Open connections stay.
// It always returns nil and may be called more than once.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns a placeholder: there is no address to listen on.
func (l *Listener) Addr() net.Addr { return pipeAddr{} }

// DialContext connects to the listener whatever network and address say, so
// it fits http.Transport.DialContext. It blocks until Accept takes the
// connection, ctx ends or the listener is closed (net.ErrClosed).
func (l *Listener) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	client, server := net.Pipe()
	var err error
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	client.Close()
	server.Close()
	return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr{}, Err: err}
}

// pipeAddr is the address of every in-memory listener.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "kie.test:80" }

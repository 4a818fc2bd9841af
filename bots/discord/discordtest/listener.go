package discordtest

import (
	"context"
	"net"
	"sync"
)

// inMemory is a net.Listener without a socket, for synctest bubbles: what is
// dialed is one end of a net.Pipe, what is accepted the other.
type inMemory struct {
	dialed chan net.Conn
	over   chan struct{}
	end    func()
}

func newInMemory() *inMemory {
	over := make(chan struct{})
	return &inMemory{dialed: make(chan net.Conn), over: over, end: sync.OnceFunc(func() { close(over) })}
}

// Accept waits for the next dial.
func (l *inMemory) Accept() (net.Conn, error) {
	select {
	case <-l.over:
		return nil, net.ErrClosed
	case conn := <-l.dialed:
		return conn, nil
	}
}

// Close ends Accept and refuses further dials.
func (l *inMemory) Close() error {
	l.end()
	return nil
}

// Addr is the host in the server's URL.
func (l *inMemory) Addr() net.Addr { return address("discord.test") }

func (l *inMemory) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	var err error
	select {
	case l.dialed <- theirs:
		return ours, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.over:
		err = net.ErrClosed
	}
	return nil, &net.OpError{Op: "dial", Net: "memory", Addr: l.Addr(), Err: err}
}

// address is a net.Addr of a network that is only memory.
type address string

// Network is "memory".
func (address) Network() string { return "memory" }

// String is the name of the host.
func (a address) String() string { return string(a) }

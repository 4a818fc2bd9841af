package telegramtest

import (
	"context"
	"net"
	"sync"
)

// pipes is a net.Listener whose connections are pairs of net.Pipe ends, for
// synctest bubbles, in which a real socket would keep the clock from moving.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes {
	return &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.waiting:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return memory{} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.waiting <- far:
		return near, nil
	case <-p.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: memory{}, Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: memory{}, Err: ctx.Err()}
	}
}

// memory is the address of every server without a socket.
type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "telegram.test" }

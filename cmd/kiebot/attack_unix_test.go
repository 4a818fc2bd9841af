//go:build unix

package main

import (
	"net"
	"syscall"
	"testing"
)

// Ten thousand connections that say nothing keep nobody out.
func TestAttackWithConnections(t *testing.T) {
	const connections = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max < connections+1000 {
		t.Skipf("a process may open %d files here, fewer than the test needs: %v", limit.Max, err)
	}
	p := besieged(t)
	held := make([]net.Conn, 0, connections)
	defer func() {
		for _, conn := range held {
			conn.Close()
		}
	}()
	for range connections {
		conn, err := net.Dial("tcp", p.listen)
		if err != nil {
			t.Fatalf("connection %d: %v", len(held), err)
		}
		held = append(held, conn)
	}
	p.alive("under 10,000 connections")
	answer, err := p.command("connection-1", "/imagine a cat")
	if err != nil || !answer.Accepted {
		t.Errorf("a command is answered with %+v, %v", answer, err)
	}
	p.watch("the picture", func(m shown) bool { return m.Final && len(m.Media) > 0 })
	if rss := p.resident() >> 20; rss > 256 && !racing(t) {
		t.Errorf("%d MiB are resident", rss)
	}
	p.stop()
}

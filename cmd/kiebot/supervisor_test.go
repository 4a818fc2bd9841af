package main

import (
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kiebot/kie/kietest"
)

// systemd is the end of NOTIFY_SOCKET that systemd has.
type systemd struct {
	t    *testing.T
	conn *net.UnixConn
}

func newSystemd(t *testing.T) systemd {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return systemd{t, conn}
}

// hear gives the next thing that systemd is told.
func (s systemd) hear() string {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	told := make([]byte, 1024)
	n, err := s.conn.Read(told)
	if err != nil {
		s.t.Fatal("systemd is told nothing:", err)
	}
	return string(told[:n])
}

func TestSystemd(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want []string
	}{
		"with a watchdog": {[]string{"WATCHDOG_USEC=300000"}, []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"}},
		"without one":     {nil, []string{"READY=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystemd(t)
			server := kietest.NewServer(kietest.Config{})
			t.Cleanup(server.Close)
			p := launch(t, server, append(c.env, "NOTIFY_SOCKET="+s.conn.LocalAddr().String())...)
			var told []string
			for range c.want {
				told = append(told, s.hear())
			}
			if !slices.Equal(told, c.want) {
				t.Errorf("systemd was told %q, want %q", told, c.want)
			}
			p.stop()
			for last := ""; last != "STOPPING=1"; last = s.hear() {
				if last != "" && last != "WATCHDOG=1" {
					t.Fatalf("systemd was told %q", last)
				}
			}
		})
	}
}

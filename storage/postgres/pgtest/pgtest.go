// Package pgtest starts a real PostgreSQL server for tests, in a folder of its
// own, on a port of loopback.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server. Its methods may be called concurrently, but
// for Start, Kill and Stop.
type Server struct {
	bin, dir string
	port     int
	fsync    string
	as       *account // PostgreSQL does not run as root; nil for whoever runs the tests
	process  *os.Process
	ended    chan struct{} // closed when the process has; nil when there is none
	made     atomic.Int64
}

// Options change how the server runs; the zero value is right for most tests.
type Options struct {
	Durable bool // with fsync, for measurements
}

// ErrNone means that there is no PostgreSQL server on this machine.
var ErrNone = errors.New("needs a PostgreSQL server, 15 or newer (Debian's package postgresql)")

// New starts a server that ends with the test. Where there is none it skips
// the test with a reason; in CI it fails.
func New(t testing.TB, opt Options) *Server {
	t.Helper()
	s, err := Open(opt)
	Need(t, err)
	t.Cleanup(s.Close)
	return s
}

// Need ends the test unless err, of Open, is nil.
func Need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrNone) && os.Getenv("CI") != "true":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// Open starts a server, which Close ends and removes.
func Open(opt Options) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, fsync: map[bool]string{true: "on", false: "off"}[opt.Durable]}
	if s.dir, err = os.MkdirTemp("", "kiebot-pg"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.unprivileged(), s.create()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.Start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// find gives the folder of the newest server's programs, as Debian lays them
// out, or the one that is in the PATH.
func find() (string, error) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err == nil && len(all) > 0 {
		newest := slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", ErrNone
	}
	return filepath.Dir(path), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// unprivileged gives the folder to another user where the tests run as root.
func (s *Server) unprivileged() error {
	if os.Geteuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return err
	}
	s.as = &account{uid, gid}
	return os.Chown(s.dir, uid, gid)
}

type account struct{ uid, gid int }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = attributes(s.as)
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) create() error {
	out, err := s.command("initdb", "-D", s.data(), "-U", "kiebot", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = free.Addr().(*net.TCPAddr).Port
	return free.Close()
}

// Start starts the server again after Stop or Kill, and waits until it answers.
// It refuses while processes of a killed one are there, which end by themselves.
func (s *Server) Start() error {
	var err error
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if s.ended == nil {
			if err := s.launch(); err != nil {
				return err
			}
		}
		select {
		case <-s.ended:
			s.ended = nil
			continue
		default:
		}
		if err = s.ping(); err == nil {
			return nil
		}
	}
	written, _ := os.ReadFile(s.log())
	return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, written)
}

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

func (s *Server) launch() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := os.Remove(filepath.Join(s.data(), "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cmd := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", "", "-c", "fsync="+s.fsync, "-c", "max_connections=200")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.ended)
	return nil
}

func (s *Server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Stop ends the server in order; connections are cut.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill is kill -9 of the server; its other processes notice and end.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	if s.ended == nil {
		return
	}
	_ = s.process.Signal(signal)
	<-s.ended
	s.ended = nil
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://kiebot@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Addr is where the server listens, host:port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Database makes an empty database and gives its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("db%d", s.made.Add(1))
	s.Exec(t, s.address("postgres"), "CREATE DATABASE "+name)
	return s.address(name)
}

// Exec runs a statement in the database with the address.
func (s *Server) Exec(t testing.TB, address, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

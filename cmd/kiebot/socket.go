package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"kiebot/kie"
)

// A running kiebot listens on a socket in DATA_DIR, for the subcommands that
// ask it or steer it: HTTP, to whoever may open the file, which is the user that
// kiebot runs as, and root.
const (
	socketName = "kiebot.sock"
	localMost  = 1 << 20 // bytes of a request's body
)

// longestSocket is how long the name of a socket may be on every platform:
// sockaddr_un has 104 bytes on the BSDs and macOS, 108 on Linux and Windows, with
// the zero at the end.
const longestSocket = 103

// errNotRunning means that nobody listens on the socket of the DATA_DIR.
var errNotRunning = errors.New("kiebot is not running on this DATA_DIR")

// socketPath is where the socket of a DATA_DIR is.
func socketPath(dir string) string { return filepath.Join(dir, socketName) }

// shortName gives a name for the path that fits into a socket's address: the
// path as it is, or from the working folder, or on Linux through an open
// descriptor of its folder, which done closes.
func shortName(path string) (name string, done func(), err error) {
	if len(path) <= longestSocket {
		return path, func() {}, nil
	}
	if rel, ok := fromHere(path); ok && len(rel) <= longestSocket {
		return rel, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("%s is too long for a socket's name: start kiebot in DATA_DIR, or choose a shorter one", path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}

func fromHere(path string) (string, bool) {
	here, err := os.Getwd()
	if err != nil {
		return "", false
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(here, whole)
	return rel, err == nil
}

// listenLocal listens on the socket of the DATA_DIR, whose database the caller
// has open. What a dead process left there is replaced; a socket on which
// somebody listens, and what is no socket, never.
func listenLocal(ctx context.Context, dir string) (net.Listener, error) {
	path := socketPath(dir)
	if err := vacant(ctx, path); err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" { // the folder's access list guards the file
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return bind(path)
	}
	// Bound in a folder that nobody else can enter until its mode is right.
	private := filepath.Join(dir, ".socket")
	if err := errors.Join(os.RemoveAll(private), os.Mkdir(private, 0o700)); err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	l, err := bind(filepath.Join(private, socketName))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(filepath.Join(private, socketName), 0o600), os.Rename(filepath.Join(private, socketName), path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// vacant answers nil when a socket can be made at the path.
func vacant(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s is in the way: it is no socket, and kiebot has not made it", path)
	}
	conn, err := dialLocal(ctx, path)
	if err == nil {
		return errors.Join(fmt.Errorf("another program listens on %s", path), conn.Close())
	}
	if !nobodyThere(err) {
		return fmt.Errorf("finding out whether somebody listens on %s: %w", path, err)
	}
	return nil
}

func bind(path string) (net.Listener, error) {
	name, done, err := shortName(path)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the name changes, and closeLocal knows it
	return l, nil
}

// dialPatience is how long a connection to the socket may take: the other side
// is this machine, and may be busy.
const dialPatience = 3 * time.Second

func dialLocal(ctx context.Context, path string) (net.Conn, error) {
	name, done, err := shortName(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, "unix", name)
}

// refusedOnWindows is WSAECONNREFUSED, which package syscall has no name for.
const refusedOnWindows syscall.Errno = 10061

// nobodyThere reports whether the dial failed because no process listens.
func nobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, refusedOnWindows)
}

// openSocket lets subcommands reach this process. Where the file system has no
// sockets kiebot works without, and says so.
func (a *app) openSocket(ctx context.Context, dir string) {
	l, err := listenLocal(ctx, dir)
	if err != nil {
		a.log.Warn("there is no socket in DATA_DIR: kiebot healthcheck and others that ask the running process do not work", "error", err)
		return
	}
	a.socket, a.socketFile = l, socketPath(dir)
}

// serveLocal answers on the socket until ctx ends.
func (a *app) serveLocal(ctx context.Context) {
	if a.socket == nil {
		return
	}
	server := &http.Server{
		Handler: http.MaxBytesHandler(a.local, localMost), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(a.socket); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the socket in DATA_DIR answers no more", "error", err)
		}
	}()
	<-ctx.Done()
	if err := os.Remove(a.socketFile); err != nil {
		a.log.Warn("the socket in DATA_DIR stays behind", "error", err)
	}
	late, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownFor)
	defer done()
	if server.Shutdown(late) != nil {
		server.Close()
	}
	<-ended
}

// localRoutes are those that belong to no other part.
func (a *app) localRoutes(s settings) {
	a.backupRoutes(s)
	a.verifyRoutes(s)
	a.local.HandleFunc("POST "+consoleLinkPath, a.consoleLink)
	a.local.HandleFunc("POST "+adminPath, a.administer)
	a.local.HandleFunc("GET "+exportPath, a.export)
	a.local.HandleFunc("POST "+forgetPath, a.forget)
	a.local.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, a.ready(r.Context())) })
}

// localClient asks the kiebot that runs on a DATA_DIR.
type localClient struct{ http http.Client }

// local is a client for the socket in the DATA_DIR. It holds no connection.
func local(s settings) *localClient {
	path := socketPath(s.dataDir)
	return &localClient{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialLocal(ctx, path) },
	}}}
}

// do asks and gives the body of a good answer, which the caller closes. A bad
// answer is an error with its text; errNotRunning says that nobody listens.
func (c *localClient) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://kiebot"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	switch {
	case err != nil && nobodyThere(err):
		return nil, errNotRunning
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.New("this user may not ask the kiebot on this DATA_DIR: use the user that it runs as")
	case err != nil:
		return nil, fmt.Errorf("asking the running kiebot: %w", err)
	case resp.StatusCode/100 == 2:
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, localMost))
	if err != nil {
		return nil, fmt.Errorf("asking the running kiebot: %w", err)
	}
	return nil, errors.New(strings.TrimSpace(string(text)))
}

// startIt adds to errNotRunning how to mend that.
func startIt(err error) error {
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("%w. Start it with kiebot serve, in the folder where its settings are", err)
	}
	return err
}

// stream asks and copies the body of a good answer to w as it comes.
func (c *localClient) stream(ctx context.Context, w io.Writer, method, path string, body io.Reader) error {
	answer, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if _, err := io.Copy(w, answer); err != nil {
		return fmt.Errorf("reading the answer of the running kiebot: %w", err)
	}
	return nil
}

// loadFolder reads where the data is, for commands that need no other setting.
func loadFolder() (settings, error) {
	env, _, found := loadEnvironment()
	if len(found) > 0 {
		return settings{}, found
	}
	s := settings{dataDir: env.DataDir, databaseURL: kie.Secret(env.readDatabase(&found))}
	if len(found) > 0 {
		return settings{}, found
	}
	return s, nil
}

// healthcheckCommand is kiebot healthcheck.
type healthcheckCommand struct{}

// Help is shown below the usage.
func (healthcheckCommand) Help() string {
	return "Asks the kiebot that runs on DATA_DIR, over its socket there, whether it is ready. Exits with 0 when it is, and otherwise with 1 and the reason. It needs no shell and no network, so a container's health check can be this."
}

// healthPatience is how long an answer is awaited.
const healthPatience = 5 * time.Second

// Run asks.
func (healthcheckCommand) Run(ctx context.Context, term terminal) error {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	return local(s).stream(ctx, term.out, http.MethodGet, "/readyz", nil)
}

package bolt_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"kiebot/core"
	"kiebot/storage/bolt"
)

var crashAll = flag.Bool("crash.all", false, "enumerate every crash point, for minutes")

// The child of the tests below: it lives in the folder it is given and says
// by its exit code when its store refuses work.
const (
	childFolder = "KIEBOT_CRASH_FOLDER"
	unhealthy   = 7
)

func TestLifeOfAChild(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		t.Skip("runs only as the child of the crash tests")
	}
	synctest.Test(t, func(t *testing.T) {
		switch err := live(t, dir); {
		case errors.Is(err, core.ErrStoreClosed):
			os.Exit(unhealthy)
		case err != nil:
			t.Fatal(err)
		}
	})
}

// needStrace skips where strace is missing or may not trace, except in CI.
func needStrace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a while")
	}
	out, err := exec.Command("strace", "-qq", "-e", "trace=none", "true").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("strace: %v: %s", err, out)
	default:
		t.Skipf("needs strace (a Debian package) and leave to trace: %v: %s", err, out)
	}
}

// childUnder runs a life in the folder under strace. The answer is its exit
// code, -1 when it was killed.
func childUnder(t *testing.T, dir string, strace ...string) int {
	t.Helper()
	args := append(strace, "-f", "-qq", "-P", filepath.Join(dir, "kiebot.db"), os.Args[0], "-test.run", "^TestLifeOfAChild$")
	cmd := exec.CommandContext(t.Context(), "strace", args...)
	cmd.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		t.Fatalf("strace: %v: %s", err, out)
	case exit.ExitCode() != unhealthy && exit.ExitCode() != -1:
		t.Fatalf("the child ended with %v:\n%s", err, out)
	}
	return exit.ExitCode()
}

// folder makes a folder with an empty database, so that all writes to it are
// those of the committing thread. It is a backup, which has no room to spare,
// so that the life makes the file grow.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	store, err := bolt.Open(filepath.Join(dir, "other.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f, err := os.Create(filepath.Join(dir, "kiebot.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Backup(t.Context(), f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The process is killed at, or its system call fails with EIO at, the K-th
// write and sync of its database, for every K; without -crash.all for some.
func TestDieAtEverySystemCall(t *testing.T) {
	needStrace(t)
	step := map[string]int{"pwrite64": 12, "fdatasync": 2, "fsync": 1}
	points := 0
	for _, call := range slices.Sorted(maps.Keys(step)) {
		for _, how := range []string{"signal=SIGKILL", "error=EIO"} {
			k := 1
			for ; ; k += step[call] {
				if *crashAll {
					step[call] = 1
				}
				dir := folder(t)
				code := childUnder(t, dir, "-o", os.DevNull, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, how, k))
				if code == 0 {
					break // the life has fewer of them
				}
				if want := map[string]int{"signal=SIGKILL": -1, "error=EIO": unhealthy}[how]; code != want {
					t.Fatalf("%s at %s %d: the child ended with %d, want %d", how, call, k, code, want)
				}
				points++
				if err := kept(t, dir); err != nil {
					t.Errorf("%s at %s %d: %v\n%s", how, call, k, err, strings.Join(lines(t, dir), "\n"))
				}
				os.RemoveAll(dir)
			}
			if k == 1 {
				t.Errorf("no %s was ever met with %s", call, how)
			}
		}
	}
	t.Logf("%d points", points)
}

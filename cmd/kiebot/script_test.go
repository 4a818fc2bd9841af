package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// atMostLines checks how long an output is: lines stderr 15.
func atMostLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines stdout|stderr N")
	}
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); n > most {
		ts.Fatalf("%s has %d lines, more than %d", args[0], n, most)
	}
}

// only finds the one file that the pattern names.
func only(ts *testscript.TestScript, pattern string) string {
	found, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s names %d files, want one", pattern, len(found))
	}
	return found[0]
}

// differ checks that two files have different contents.
func differ(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: differ PATTERN PATTERN")
	}
	if ts.ReadFile(only(ts, args[0])) == ts.ReadFile(only(ts, args[1])) {
		ts.Fatalf("%s and %s are the same", args[0], args[1])
	}
}

// decodes checks that a file is what it should be: decodes image PATTERN, or
// decodes video|audio PATTERN, which asks ffprobe.
func decodes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: decodes image|video|audio PATTERN")
	}
	path := only(ts, args[1])
	if args[0] == "image" {
		f, err := os.Open(path)
		ts.Check(err)
		defer f.Close()
		_, _, err = image.Decode(f)
		ts.Check(err)
		return
	}
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		if os.Getenv("CI") != "" {
			ts.Fatalf("ffprobe is not installed")
		}
		ts.Logf("not measured: ffprobe is not installed")
		return
	}
	out, err := exec.Command(ffprobe, "-v", "error", "-show_entries", "stream=codec_type", "-of", "json", path).Output()
	ts.Check(err)
	var probed struct {
		Streams []struct {
			Kind string `json:"codec_type"`
		} `json:"streams"`
	}
	ts.Check(json.Unmarshal(out, &probed))
	for _, s := range probed.Streams {
		if s.Kind == args[0] {
			return
		}
	}
	ts.Fatalf("%s has no %s: %s", path, args[0], out)
}

// ready waits until the kiebot that runs on a folder is ready: ready DATA_DIR.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DATA_DIR")
	}
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		err = local(settings{dataDir: ts.MkAbs(args[0])}).stream(context.Background(), io.Discard, http.MethodGet, "/readyz", nil)
		if err == nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	ts.Fatalf("it does not become ready: %v", err)
}

// exits checks the exit code of a command: exits CODE COMMAND ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	var failed *exec.ExitError
	err := ts.Exec(args[1], args[2:]...)
	if !errors.As(err, &failed) || fmt.Sprint(failed.ExitCode()) != args[0] {
		ts.Fatalf("%v, want exit code %s", err, args[0])
	}
}

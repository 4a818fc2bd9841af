package deploy_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The image is built and run without a Docker engine: for one FROM scratch
// buildah does both, also as an ordinary user.
const (
	imageName    = "localhost/kiebot:check"
	largestImage = 32 << 20
)

// image is the part of what buildah tells about one that matters here.
type image struct {
	Docker struct {
		Config struct {
			User        string
			Volumes     map[string]struct{}
			Healthcheck *struct{ Test []string }
		} `json:"config"`
	}
	Manifest string
}

func TestImage(t *testing.T) {
	need(t, "buildah", "buildah")
	t.Setenv("STORAGE_DRIVER", "vfs")
	t.Setenv("BUILDAH_ISOLATION", "chroot")
	said(t, "make", "-s", "-C", "..", "build")
	said(t, "buildah", "bud", "--quiet", "--format", "docker", "-f", "docker/Dockerfile", "-t", imageName, "..")

	var built image
	if err := json.Unmarshal([]byte(said(t, "buildah", "inspect", "--type", "image", imageName)), &built); err != nil {
		t.Fatal(err)
	}
	cfg := built.Docker.Config
	if cfg.User != "65532:65532" || cfg.Healthcheck == nil || !slices.Equal(cfg.Healthcheck.Test, []string{"CMD", "/kiebot", "healthcheck"}) {
		t.Errorf("the image runs as %q and asks for its health with %v", cfg.User, cfg.Healthcheck)
	}
	if _, kept := cfg.Volumes["/data"]; !kept {
		t.Error("/data is no volume")
	}
	if size := built.size(t); size > largestImage {
		t.Errorf("the image has %.1f MiB, want at most %d", float64(size)/(1<<20), largestImage>>20)
	} else {
		t.Logf("the image has %.1f MiB", float64(size)/(1<<20))
	}
	runs(t)
}

// size is that of all layers, as they are when they are unpacked.
func (i image) size(t *testing.T) int {
	t.Helper()
	var manifest struct{ Layers []struct{ Size int } }
	if err := json.Unmarshal([]byte(i.Manifest), &manifest); err != nil || len(manifest.Layers) == 0 {
		t.Fatalf("the manifest %s: %v", i.Manifest, err)
	}
	total := 0
	for _, layer := range manifest.Layers {
		total += layer.Size
	}
	return total
}

var (
	kieAddress = regexp.MustCompile(`http://[0-9.]+:[0-9]+`)
	kieKey     = regexp.MustCompile(`KIE_API_KEY=(\S+)`)
)

// runs starts the image against a Kie.ai of ours, and waits for its health.
func runs(t *testing.T) {
	t.Helper()
	address, key := demo(t)
	box := strings.TrimSpace(said(t, "buildah", "from", imageName))
	t.Cleanup(func() { _ = exec.Command("buildah", "rm", box).Run() })
	serve := exec.CommandContext(t.Context(), "buildah", "run", "--env", "KIE_API_KEY="+key,
		"--env", "KIE_API_URL="+address, "--env", "KIE_UPLOAD_URL="+address, "--env", "LISTEN_ADDR=127.0.0.1:0", "--env", "METRICS_ADDR=off",
		box, "--", "/kiebot", "serve")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	serve.Stderr = &log
	start(t, serve)
	if lines := bufio.NewScanner(out); !lines.Scan() {
		t.Fatalf("the image does not start:\n%s", log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	// It serves; what a monitor wants besides takes a moment longer.
	var last string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		said, err := exec.CommandContext(t.Context(), "buildah", "run", box, "--", "/kiebot", "healthcheck").CombinedOutput()
		if err == nil {
			return
		}
		last = string(said)
	}
	t.Errorf("kiebot healthcheck inside the image fails: %s", last)
}

// demo starts a Kie.ai on loopback.
func demo(t *testing.T) (address, key string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../bin/kiebot", "demo", "--kie-only", "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	lines := bufio.NewScanner(out)
	for (address == "" || key == "") && lines.Scan() {
		if found := kieAddress.FindString(lines.Text()); found != "" {
			address = found
		}
		if found := kieKey.FindStringSubmatch(lines.Text()); found != nil {
			key = found[1]
		}
	}
	if address == "" || key == "" {
		t.Fatal("kiebot demo --kie-only names no address and key")
	}
	return address, key
}

// start runs the command until the test ends.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
}

// said is what a command that has to succeed prints.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, log.String())
	}
	return string(out)
}

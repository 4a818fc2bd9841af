package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// BenchmarkIdle starts the program as it is released, with both platforms and
// an empty store, and reports its size, how long it takes until /readyz says
// that it is ready, and the most memory that it holds in the two seconds after
// that. It needs /proc.
func BenchmarkIdle(b *testing.B) {
	program := filepath.Join(b.TempDir(), "kiebot")
	size := release(b, program)
	kie := kietest.NewServer(kietest.Config{})
	b.Cleanup(kie.Close)
	telegram := telegramtest.NewServer(telegramtest.Config{})
	b.Cleanup(telegram.Close)
	discord := discordtest.NewServer(discordtest.Config{})
	b.Cleanup(discord.Close)
	env := []string{
		"KIE_API_KEY=" + kie.Key(), "KIE_API_URL=" + kie.URL(), "KIE_UPLOAD_URL=" + kie.URL(),
		"TELEGRAM_TOKEN=" + telegram.Token(), "TELEGRAM_API_URL=" + telegram.URL(),
		"DISCORD_TOKEN=" + discord.Token(), "DISCORD_API_URL=" + discord.URL(),
		"ALLOW=everyone", "LISTEN_ADDR=127.0.0.1:0", "METRICS_ADDR=127.0.0.1:0",
	}
	var took time.Duration
	var held float64
	runs := 0
	for b.Loop() {
		ready, resident := idle(b, program, env)
		took, held, runs = took+ready, held+resident, runs+1
	}
	b.ReportMetric(took.Seconds()*1000/float64(runs), "ms/start")
	b.ReportMetric(held/float64(runs), "MiB-idle")
	b.ReportMetric(size, "MiB-program")
}

const mebibyte = 1 << 20

// release builds the program as make build does, and gives its size in MiB.
func release(b *testing.B, program string) float64 {
	b.Helper()
	build := exec.CommandContext(b.Context(), "make", "-s", "-C", "../..", "build", "BIN="+program)
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / mebibyte
}

// idle starts the program in an empty folder and stops it again.
func idle(b *testing.B, program string, env []string) (ready time.Duration, resident float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, "serve")
	cmd.Dir = b.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir}, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines, base := bufio.NewScanner(out), ""
	for base == "" && lines.Scan() {
		if link := accessLink.FindStringSubmatch(lines.Text()); link != nil {
			base = link[1]
		}
	}
	if base == "" {
		b.Fatalf("serve printed no access link: %v", cmd.Wait())
	}
	each(b, time.Millisecond, 30*time.Second, func() bool { return answersOK(base + "/readyz") })
	ready = time.Since(began)
	each(b, 50*time.Millisecond, 2*time.Second, func() bool {
		resident = max(resident, residentMiB(b, cmd.Process.Pid))
		return false
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return ready, resident
}

// each looks every tick until it holds, or for as long as is given.
func each(b *testing.B, tick, most time.Duration, holds func() bool) {
	b.Helper()
	ticks, over := time.NewTicker(tick), time.After(most)
	defer ticks.Stop()
	for !holds() {
		select {
		case <-ticks.C:
		case <-over:
			return
		}
	}
}

func answersOK(address string) bool {
	resp, err := http.Get(address)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// residentMiB is how much memory the process holds, its program's own pages with it.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kibibytes float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kibibytes); n == 1 {
			return kibibytes / 1024
		}
	}
	b.Fatal("the process's status has no VmRSS")
	return 0
}

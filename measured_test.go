package kiebot_test

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var measure = flag.Bool("measure", false, "run the benchmarks behind README's performance table and write it")

// goal is one row of README's performance table.
type goal struct {
	what      string
	benchmark string // without Benchmark
	runs      string // for -benchtime
	unit      string
	atMost    bool // else at least
	bound     float64
}

// goals are what is promised of the speed. The benchmarks are in the packages
// that measuredPackages lists.
func goals() []goal {
	return []goal{
		{"durable accepts a second, 64 callers, as a multiple of bbolt's DB.Batch with the same records", "Accept64", "1x", "x-batch", false, 8},
		{"the same, 99th percentile of the latency, ms", "Accept64", "1x", "p99-ms", true, 5},
		{"latency of a durable accept, one caller, as a multiple of a bare bbolt Update", "Accept1", "1x", "x-bare", true, 1.15},
		{"whole task lives a second (every commit, no network), 64 in flight, as a multiple of serial bbolt Updates", "Lives/64", "1x", "x-serial", false, 2},
		{"the same, 4,000 in flight", "Lives/4000", "1x", "x-serial", false, 5},
		{"how much less long results wait unseen than with reads every 3 s, on 2 reads a second for 0.8 arrivals (simulated)", "Staleness", "5x", "times", false, 3},
		{"1,000,000 waiting tasks: heap, MiB", "MillionWaiting", "1x", "MiB", true, 300},
		{"1,000,000 waiting tasks: restart until ready, s", "MillionWaiting", "1x", "s/restart", true, 3},
		{"from a commit to the call of the platform's adapter when idle, 99th percentile, ms", "HandOff", "2000x", "p99-ms", true, 2},
		{"cost of a task among 1,000,000 that wait, as a multiple of that among 1,000", "CostPerTask/ratio", "5000x", "times", true, 2},
		{"the program, stripped, MiB", "Idle", "5x", "MiB-program", true, 32},
		{"from its start to ready, both platforms and an empty store, ms", "Idle", "5x", "ms/start", true, 100},
		{"memory that it holds then, idle, MiB", "Idle", "5x", "MiB-idle", true, 30},
	}
}

func measuredPackages() []string { return []string{"./core", "./storage/bolt", "./cmd/kiebot"} }

// row is the goal's row of the table.
func (g goal) row(measured float64) string {
	bound, verdict := "at least ", "yes"
	if g.atMost {
		bound = "at most "
	}
	if !g.met(measured) {
		verdict = "**no**"
	}
	return fmt.Sprintf("| %s | %s%s | %s | %s |\n", g.what, bound, short(g.bound), short(measured), verdict)
}

func (g goal) met(measured float64) bool {
	if g.atMost {
		return measured <= g.bound
	}
	return measured >= g.bound
}

// short writes three digits at least.
func short(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// results are the values of benchmarks, by name and unit.
type results map[string]map[string][]float64

// parseBenchmarks reads what go test -bench prints, and the processor it names.
func parseBenchmarks(out string) (found results, cpu string) {
	found = results{}
	processors := regexp.MustCompile(`-\d+$`)
	for line := range strings.Lines(out) {
		if named, ok := strings.CutPrefix(line, "cpu: "); ok {
			cpu = strings.TrimSpace(named)
		}
		fields := strings.Fields(line)
		name, ok := strings.CutPrefix(line, "Benchmark")
		if !ok || len(fields) < 4 {
			continue
		}
		name = processors.ReplaceAllString(strings.Fields(name)[0], "")
		if found[name] == nil {
			found[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				found[name][fields[i+1]] = append(found[name][fields[i+1]], v)
			}
		}
	}
	return found, cpu
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// The lines of README between which the table is.
const (
	tableBegin = "<!-- make bench writes this -->\n"
	tableEnd   = "<!-- as far as here -->\n"
)

// withTable puts the table into the text.
func withTable(text, table string) (string, error) {
	before, rest, begins := strings.Cut(text, tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		return "", fmt.Errorf("the lines %q and %q are not there", tableBegin, tableEnd)
	}
	return before + tableBegin + table + tableEnd + after, nil
}

// TestMeasured, with -measure, runs every benchmark of the goals three times
// and writes the medians into README. It fails when a goal is missed.
func TestMeasured(t *testing.T) {
	if !*measure {
		t.Skip("without -measure nothing is measured")
	}
	found, cpu := parseBenchmarks(runBenchmarks(t))
	table := "| what | goal | measured | reached |\n| --- | --- | --- | --- |\n"
	for _, g := range goals() {
		values := found[g.benchmark][g.unit]
		if len(values) == 0 {
			t.Fatalf("Benchmark%s printed no %s", g.benchmark, g.unit)
		}
		if !g.met(median(values)) {
			t.Errorf("%s: %v", g.what, values)
		}
		table += g.row(median(values))
	}
	table += "\n" + machine(t, cpu) + "\n"
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := withTable(string(readme), table)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table)
}

// runBenchmarks runs every benchmark of the goals three times and gives what was printed.
func runBenchmarks(t *testing.T) string {
	t.Helper()
	names := map[string][]string{} // by runs
	for _, g := range goals() {
		name, _, _ := strings.Cut(g.benchmark, "/")
		names[g.runs] = append(names[g.runs], name)
	}
	var out strings.Builder
	for runs, some := range names {
		pattern := "^Benchmark(" + strings.Join(some, "|") + ")$"
		args := []string{"test", "-run", "^$", "-bench", pattern, "-benchtime", runs, "-count", "3", "-timeout", "1h", "-p", "1"}
		cmd := exec.CommandContext(t.Context(), "go", append(args, measuredPackages()...)...)
		cmd.Stdout = io.MultiWriter(&out, t.Output())
		cmd.Stderr = t.Output()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
	}
	return out.String()
}

// machine names what the figures are of.
func machine(t *testing.T, cpu string) string {
	t.Helper()
	middle, late := syncs(t)
	return fmt.Sprintf("Measured on %s, %d cores, %s/%s, %s; writing and syncing 4 KiB takes %v (99th percentile %v) there.\n",
		cmp.Or(cpu, "an unnamed processor"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		middle.Round(time.Microsecond), late.Round(time.Microsecond))
}

// syncs is how long a small write takes to be on the disk: the median and the
// 99th percentile.
func syncs(t *testing.T) (middle, late time.Duration) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "syncs"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	took := make([]time.Duration, 500)
	block := make([]byte, 4096)
	for i := range took {
		began := time.Now()
		if _, err := f.WriteAt(block, int64(i)*4096); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

func TestPerformanceTable(t *testing.T) {
	found, cpu := parseBenchmarks(`goos: linux
cpu: AMD EPYC
BenchmarkLives/4000-2   	       1	1234567 ns/op	     900.5 lives/s	         5.5 x-serial
BenchmarkLives/4000-2   	       1	1234567 ns/op	     900.5 lives/s	         7.25 x-serial
BenchmarkLives/4000-2   	       1	1234567 ns/op	     900.5 lives/s	         1 x-serial
PASS
`)
	if got := median(found["Lives/4000"]["x-serial"]); cpu != "AMD EPYC" || got != 5.5 {
		t.Errorf("read %v of %q, want 5.5 of AMD EPYC", got, cpu)
	}
	g := goal{what: "speed", bound: 5}
	if got, want := g.row(5.5), "| speed | at least 5 | 5.5 | yes |\n"; got != want {
		t.Errorf("the row is %q, want %q", got, want)
	}
	g.atMost = true
	if got, want := g.row(1234.5), "| speed | at most 5 | 1234 | **no** |\n"; got != want {
		t.Errorf("the row is %q, want %q", got, want)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := withTable(string(readme), "new\n")
	if err != nil || !strings.Contains(text, tableBegin+"new\n"+tableEnd) {
		t.Errorf("the table is not in README: %v", err)
	}
}

package bolt_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The power fails. Whatever was synced is there; of what was written since,
// anything may be: each write, none of it, or some sectors from its start.
func TestPowerLoss(t *testing.T) {
	needStrace(t)
	dir := folder(t)
	image, err := os.ReadFile(filepath.Join(dir, "kiebot.db"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPower(t, image)
	for _, e := range record(t, dir) {
		switch e.call {
		case "write":
			p.lines = append(p.lines, strings.TrimSuffix(string(e.data), "\n"))
		case "pwrite64", "ftruncate":
			p.pending = append(p.pending, e)
		default:
			p.fail()
			p.synced()
		}
		if t.Failed() {
			break
		}
	}
	w := parseWorld(p.lines)
	if len(w.accepted) != len(script()) || len(w.final) != len(script()) {
		t.Errorf("the record shows %d accepted and %d ended", len(w.accepted), len(w.final))
	}
	if final, err := os.ReadFile(filepath.Join(dir, "kiebot.db")); err != nil || !bytes.Equal(final, p.image.all()) {
		t.Errorf("replayed, the record is not the file that the child left: %v", err)
	}
	if p.points < 1000 || *crashAll && p.points < 10_000 {
		t.Errorf("only %d points", p.points)
	}
	t.Logf("%d points, %d of them lived on from", p.points, p.lives)
}

// power fails at one sync after the other.
type power struct {
	t       *testing.T
	dir     string
	rand    *rand.Rand
	seed    uint64
	image   image    // what is on the disk for sure
	pending []event  // what was written since
	lines   []string // what has happened outside
	points  int
	lives   int
}

func newPower(t *testing.T, data []byte) *power {
	seed := rand.Uint64()
	return &power{t: t, dir: t.TempDir(), seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), image: image{data: bytes.TrimRight(data, "\x00"), size: int64(len(data))}}
}

// image is what is in a file. Beyond data there are zeros.
type image struct {
	data []byte
	size int64
}

// apply does what the disk does, for a part of the bytes.
func (i *image) apply(e event, part int) {
	if e.call == "ftruncate" {
		i.size = e.offset
		return
	}
	end := e.offset + int64(part)
	if grow := int(end) - len(i.data); grow > 0 {
		i.data = append(i.data, make([]byte, grow)...)
	}
	copy(i.data[e.offset:], e.data[:part])
	i.size = max(i.size, end)
}

func (i *image) clone() image { return image{data: slices.Clone(i.data), size: i.size} }

func (i *image) all() []byte {
	return append(slices.Clone(i.data), make([]byte, i.size-int64(len(i.data)))...)
}

func (i *image) write(path string) error {
	return errors.Join(os.WriteFile(path, i.data, 0o600), os.Truncate(path, i.size))
}

// sector is what a disk writes whole or not at all.
const sector = 512

// synced makes what is pending certain.
func (p *power) synced() {
	for _, e := range p.pending {
		p.image.apply(e, len(e.data))
	}
	p.pending = nil
}

// fail tries the choices of what a failure just before the sync leaves of
// the pending writes, as a number of bytes for each; -1 is none of it.
func (p *power) fail() {
	n := len(p.pending)
	for i := range n + 1 {
		p.left(func(j int) int { return p.whole(j, j < i) })  // the first ones
		p.left(func(j int) int { return p.whole(j, j != i) }) // all but one, or all
		p.left(func(j int) int { return p.whole(j, j == i) }) // only one, or none
		p.left(func(j int) int {
			if j == i {
				return p.torn(j)
			}
			return p.whole(j, true)
		})
	}
	for range map[bool]int{false: 40, true: 300}[*crashAll] {
		p.left(func(j int) int {
			if p.rand.IntN(4) == 0 {
				return p.torn(j)
			}
			return p.whole(j, p.rand.IntN(2) == 0)
		})
	}
}

func (p *power) whole(j int, there bool) int {
	if there {
		return len(p.pending[j].data)
	}
	return -1
}

// torn is some sectors of the write, but not all.
func (p *power) torn(j int) int {
	return p.rand.IntN(len(p.pending[j].data)/sector+1) * sector
}

// left checks one image: it opens, and every promise holds. From a few of
// them a life goes on to its end.
func (p *power) left(part func(int) int) {
	if p.t.Failed() {
		return
	}
	image := p.image.clone()
	for j, e := range p.pending {
		if n := part(j); n >= 0 {
			image.apply(e, n)
		}
	}
	p.points++
	path := filepath.Join(p.dir, "kiebot.db")
	if err := image.write(path); err != nil {
		p.t.Fatal(err)
	}
	err := promises(p.t.Context(), path, parseWorld(p.lines))
	if err == nil && p.points%500 == 1 {
		err = p.livesOn()
	}
	if err != nil {
		p.t.Errorf("point %d, seed %d: %v", p.points, p.seed, err)
	}
}

func (p *power) livesOn() error {
	p.lives++
	if err := os.WriteFile(outsidePath(p.dir), []byte(strings.Join(append(p.lines, ""), "\n")), 0o600); err != nil {
		return err
	}
	return kept(p.t, p.dir)
}

// event is what a life did to its database, or what happened outside.
type event struct {
	call   string // pwrite64, fdatasync, fsync, ftruncate; write for outside
	data   []byte
	offset int64
}

var callLine = regexp.MustCompile(`^\d+ +(?:<\.\.\. )?(pwrite64|fdatasync|fsync|ftruncate|write)(.*)$`)

// record lets a child live and gives what it did, in order.
func record(t *testing.T, dir string) []event {
	t.Helper()
	log := filepath.Join(dir, "strace.log")
	code := childUnder(t, dir, "-o", log, "-xx", "-s", "16777216", "-P", outsidePath(dir), "-e", "trace=pwrite64,fdatasync,fsync,ftruncate,write")
	if code != 0 {
		t.Fatalf("the child ended with %d", code)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var events []event
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<28)
	for in.Scan() {
		if e, ok := parseCall(t, in.Text()); ok {
			events = append(events, e)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// parseCall reads one line of strace's log. A write counts when it begins, a
// sync when it has ended.
func parseCall(t *testing.T, line string) (event, bool) {
	t.Helper()
	m := callLine.FindStringSubmatch(line)
	if m == nil {
		return event{}, false
	}
	e := event{call: m[1]}
	begins, ends := strings.HasPrefix(m[2], "("), !strings.HasSuffix(m[2], "<unfinished ...>")
	if ends && strings.Contains(m[2], "= -1") {
		t.Fatalf("a call failed: %.100s", line)
	}
	isSync := e.call == "fdatasync" || e.call == "fsync"
	if isSync && !ends || !isSync && !begins {
		return event{}, false
	}
	args := strings.TrimPrefix(m[2], "(")
	if e.call == "pwrite64" || e.call == "write" {
		text := strings.Split(args, `"`)
		data, err := hex.DecodeString(strings.ReplaceAll(text[1], `\x`, ""))
		if err != nil {
			t.Fatal(err)
		}
		e.data, args = data, text[2]
	}
	if e.call == "pwrite64" || e.call == "ftruncate" {
		end := strings.FieldsFunc(args, func(r rune) bool { return r < '0' || r > '9' })
		offset, err := strconv.ParseInt(end[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		e.offset = offset
	}
	return e, true
}

package media

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	spool := openSpool(t, dir, FetcherConfig{})
	clip := fixture(t, "clip.mp4")
	got, err := spool.Measure(bytes.NewReader(clip), int64(len(clip)))
	if err != nil {
		t.Fatal(err)
	}
	want := File{Type: "video/mp4", Kind: Video, Size: int64(len(clip)), Width: 64, Height: 36, Duration: got.Duration}
	if got != want || got.Duration < time.Second/2 {
		t.Errorf("measured %+v", got)
	}

	var tooBig *Error
	if _, err := spool.Measure(bytes.NewReader(clip), int64(len(clip))-1); !errors.As(err, &tooBig) || tooBig.Kind != TooBig {
		t.Errorf("one byte too many: %v", err)
	}
	broken := errors.New("the line is dead")
	if _, err := spool.Measure(io.MultiReader(bytes.NewReader(clip), iotest.ErrReader(broken)), 1e9); !errors.Is(err, broken) {
		t.Errorf("a broken source: %v", err)
	}
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

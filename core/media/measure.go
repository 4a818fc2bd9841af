package media

import (
	"fmt"
	"io"
	"os"
)

// Measure describes what content holds, read to its end, and keeps nothing of
// it: Path and Name of the File are empty. When there are more than most bytes
// the error is an *Error of kind TooBig.
func (s *Spool) Measure(content io.Reader, most int64) (File, error) {
	part, err := os.CreateTemp(s.dir, partPattern)
	if err != nil {
		return File{}, diskError(err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	n, err := io.Copy(part, io.LimitReader(content, most+1))
	if err != nil {
		return File{}, fmt.Errorf("copying the file: %w", err)
	}
	if n > most {
		return File{}, &Error{Kind: TooBig, Reason: fmt.Sprintf("the file is larger than %d bytes", most)}
	}
	file, err := probeFile(part, part.Name())
	if err != nil {
		return File{}, diskError(err)
	}
	file.Path, file.Name = "", ""
	return file, nil
}

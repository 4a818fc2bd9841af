package kie

import (
	"errors"
	"fmt"
	"strings"
)

// Ref names one Kie task: all that has to be stored to ask for it again. The
// zero Ref names none.
type Ref struct {
	// Endpoint is where the task was created. Endpoints with the same
	// [EndpointInfo.Record] read one another's tasks.
	Endpoint Endpoint
	// TaskID is Kie's id, opaque. Of an endpoint that answers at once it is the
	// answer, encoded, up to some kB long.
	TaskID string
}

// IsZero reports whether r names no task.
func (r Ref) IsZero() bool { return r == Ref{} }

// String returns "jobs:<task id>", or "" for the zero Ref.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.Endpoint) + ":" + r.TaskID
}

// MarshalText returns what String returns. It fails when UnmarshalText could
// not read the text back: half of the Ref is missing, or the endpoint's name
// holds a colon.
func (r Ref) MarshalText() ([]byte, error) {
	if r.IsZero() {
		return []byte{}, nil
	}
	if r.Endpoint == "" || r.TaskID == "" || strings.Contains(string(r.Endpoint), ":") {
		return nil, fmt.Errorf("kie: cannot write the incomplete task reference %q", r.String())
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads what MarshalText wrote. An endpoint this version does
// not know is kept, so that stored references survive an older program;
// using one fails with [ErrInvalid].
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	endpoint, id, ok := strings.Cut(string(text), ":")
	if !ok || endpoint == "" || id == "" {
		return errors.New(`kie: a task reference must look like "jobs:<task id>"`)
	}
	*r = Ref{Endpoint: Endpoint(endpoint), TaskID: id}
	return nil
}

package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Sizes of requests: without files, and with them before the file's own limit
// is known.
const (
	maxFields = 4 << 20
	maxUpload = 520 << 20
)

// call is one request, decoded ("Reference", "Uploading Files").
type call struct {
	route  *route
	params map[string]string // from the path
	query  url.Values
	text   []byte // of the JSON body, nil when there is none
	body   any    // the same, decoded
	files  map[string]*upload
	notes  []Complaint // what the service would let pass
	log    *Call
}

// upload is the part files[n] of a form.
type upload struct {
	name, kind string
	data       []byte
}

// read decodes the body of a request, JSON or a form.
func (c *call) read(header http.Header, from io.Reader) error {
	c.files = map[string]*upload{}
	kind, options, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err != nil && header.Get("Content-Type") == "":
		return c.readEmpty(from)
	case kind == "application/json":
		if c.text, err = readAll(from, maxFields); err != nil {
			return err
		}
		if len(c.text) == 0 {
			return badJSON()
		}
	case kind == "multipart/form-data" && c.route.files:
		body := &watched{Reader: from}
		err := c.readForm(multipart.NewReader(body, options["boundary"]))
		if failed := (*apiError)(nil); err != nil && body.err == nil && !errors.As(err, &failed) {
			return badRequest(50035, "Invalid Form Body")
		} else if err != nil {
			return err
		}
	default:
		return formError("_errors", "CONTENT_TYPE_INVALID", "Expected \"Content-Type\" header to be one of {'application/json'}.")
	}
	if c.text != nil {
		c.body, err = decodeJSON(c.text)
	}
	return err
}

// readEmpty is for a call without a Content-Type, which can have no body.
func (c *call) readEmpty(from io.Reader) error {
	text, err := readAll(from, maxFields)
	if err == nil && len(text) > 0 {
		return formError("_errors", "CONTENT_TYPE_INVALID", "Expected \"Content-Type\" header to be one of {'application/json'}.")
	}
	return err
}

// watched remembers how reading failed, to tell a client that left from one
// that sent nonsense.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// readAll reads up to limit bytes; more are an error with status 413, after
// all was read.
func readAll(from io.Reader, limit int64) ([]byte, error) {
	var data bytes.Buffer
	n, err := data.ReadFrom(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading a body: %w", err)
	case n > limit:
		if _, err := io.Copy(io.Discard, from); err != nil {
			return nil, fmt.Errorf("reading a body: %w", err)
		}
		return nil, tooLarge()
	}
	return data.Bytes(), nil
}

var filePart = regexp.MustCompile(`^files\[([0-9]{1,3})\]$`)

// readForm reads payload_json and files[n].
func (c *call) readForm(form *multipart.Reader) error {
	room := int64(maxUpload)
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a form: %w", err)
		}
		data, err := readAll(part, room)
		if err != nil {
			return err
		}
		room -= int64(len(data))
		if err := c.part(part, data); err != nil {
			return err
		}
	}
}

func (c *call) part(part *multipart.Part, data []byte) error {
	name := part.FormName()
	index := filePart.FindStringSubmatch(name)
	switch {
	case name == "payload_json" && c.text == nil:
		c.text = data
	case index == nil || part.FileName() == "":
		return formError(name, "DISCORDTEST_UNKNOWN_FIELD", "There is no such part here.")
	case c.files[index[1]] != nil:
		return formError(name, "DISCORDTEST_UNKNOWN_FIELD", "The part came twice.")
	default:
		c.files[index[1]] = &upload{name: part.FileName(), kind: part.Header.Get("Content-Type"), data: data}
	}
	return nil
}

// check compares the body with the route's shape. A list of commands is no
// object, so that the places of its problems begin with numbers.
func (c *call) check(s *Server) error {
	switch {
	case c.route.shape == "" && c.text != nil && string(c.text) != "null" && string(c.text) != "{}":
		return formError("_errors", "DISCORDTEST_UNKNOWN_FIELD", "There is no body here.")
	case c.route.shape == "":
		return nil
	case c.route.shape == "commands":
		ch := &checker{shapes: s.shapes}
		ch.value(nil, s.shapes["commands"].fields["list"], c.body)
		return ch.err()
	case c.body == nil && len(c.files) > 0:
		c.text, c.body = []byte("{}"), map[string]any{}
	}
	return s.conform(c.route.shape, c.body)
}

// decode reads the body into value, whose fields the shape has checked.
func (c *call) decode(value any) error {
	if err := json.Unmarshal(c.text, value); err != nil {
		return fmt.Errorf("discordtest: a body that fits its shape: %w", err)
	}
	return nil
}

// wants is a query parameter that is true or false.
func (c *call) wants(name string) bool {
	return strings.EqualFold(c.query.Get(name), "true") || c.query.Get(name) == "1"
}

// note adds a complaint.
func (c *call) note(where, format string, args ...any) {
	c.notes = append(c.notes, Complaint{Route: c.route.name(), Where: where, Problem: fmt.Sprintf(format, args...)})
}

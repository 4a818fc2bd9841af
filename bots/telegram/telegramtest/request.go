package telegramtest

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
	"slices"
	"strconv"
	"strings"
)

// maxFields is how many bytes of parameters that are no files one request may
// bring.
const maxFields = 4 << 20

// call is one request, decoded ("Making requests"). Every parameter is kept as
// text: that of a JSON string, the JSON of any other value.
type call struct {
	method *method
	params map[string]string
	files  map[string]*upload
	notes  []Complaint // what the service would let pass
	log    *Call
}

// upload is a file that came with a request.
type upload struct {
	name string // of the file
	blob *blob
}

// readCall decodes a request of any of the four kinds. Uploads above limit
// bytes are an error with code 413, after the whole body was read.
func (s *Server) readCall(r *http.Request, limit int64) (*call, error) {
	c := &call{params: map[string]string{}, files: map[string]*upload{}}
	for name, values := range r.URL.Query() {
		c.params[name] = values[len(values)-1]
	}
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Body == nil || r.Body == http.NoBody || (err != nil && r.Header.Get("Content-Type") == ""):
		return c, nil
	case err != nil:
		return c, badRequest("unsupported content type")
	}
	body := &watched{Reader: r.Body}
	switch kind {
	case "application/json":
		return c, c.readJSON(body)
	case "application/x-www-form-urlencoded":
		return c, c.readForm(body)
	case "multipart/form-data":
		err := c.readMultipart(multipart.NewReader(body, options["boundary"]), s.newBlob, limit)
		if failed := (*apiError)(nil); err != nil && body.err == nil && !errors.As(err, &failed) {
			return c, badRequest("can't parse the form: %v", err)
		}
		return c, err
	}
	return c, badRequest("unsupported content type")
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

// readFields reads all of a body without files.
func readFields(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxFields+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the body: %w", err)
	case len(text) > maxFields:
		return nil, tooLarge()
	}
	return text, nil
}

func (c *call) readJSON(body io.Reader) error {
	text, err := readFields(body)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return badRequest("can't parse JSON object")
	}
	for name, raw := range fields {
		if value, has := plain(raw); has {
			c.params[name] = value
		}
	}
	return nil
}

// plain is a JSON value as the text that the other encodings would carry.
func plain(raw json.RawMessage) (string, bool) {
	if string(raw) == "null" {
		return "", false
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), true
}

func (c *call) readForm(body io.Reader) error {
	text, err := readFields(body)
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return badRequest("can't parse the form")
	}
	for name, list := range values {
		c.params[name] = list[len(list)-1]
	}
	return nil
}

// readMultipart reads fields and files. keep stores what a file's reader
// yields, up to limit bytes.
func (c *call) readMultipart(form *multipart.Reader, keep func(io.Reader, int64) (*blob, error), limit int64) error {
	var refused error
	for room := int64(maxFields); ; {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return refused
		} else if err != nil {
			return fmt.Errorf("reading the form: %w", err)
		}
		if part.FileName() != "" {
			err = c.readFile(part, keep, limit)
		} else {
			room, err = c.readField(part, room)
		}
		var answer *apiError
		switch {
		case errors.As(err, &answer):
			refused = err
			_, _ = io.Copy(io.Discard, part) // a failing body fails the next part too
		case err != nil:
			return err
		}
	}
}

func (c *call) readFile(part *multipart.Part, keep func(io.Reader, int64) (*blob, error), limit int64) error {
	name := part.FormName()
	if c.has(name) || c.files[name] != nil {
		return badRequest("the part %q came twice", name)
	}
	b, err := keep(part, limit)
	if err != nil {
		return err
	}
	c.files[name] = &upload{name: part.FileName(), blob: b}
	return nil
}

func (c *call) readField(part *multipart.Part, room int64) (int64, error) {
	value, err := io.ReadAll(io.LimitReader(part, room+1))
	name := part.FormName()
	switch {
	case err != nil:
		return room, fmt.Errorf("reading the form: %w", err)
	case int64(len(value)) > room:
		return room, tooLarge()
	case c.files[name] != nil:
		return room, badRequest("the part %q came twice", name)
	}
	c.params[name] = string(value)
	return room - int64(len(value)), nil
}

// has says whether the parameter came with a value. The service treats an
// empty one as absent.
func (c *call) has(name string) bool { return c.params[name] != "" }

func (c *call) text(name string) string { return c.params[name] }

// int is a parameter that check found to be an integer, or 0.
func (c *call) int(name string) int64 {
	n, _ := strconv.ParseInt(c.params[name], 10, 64) // check refused what is none
	return n
}

func (c *call) bool(name string) bool {
	return slices.Contains([]string{"true", "True", "1", "yes"}, c.params[name])
}

// note adds a complaint.
func (c *call) note(parameter, format string, args ...any) {
	c.notes = append(c.notes, Complaint{Method: c.method.name, Parameter: parameter, Problem: fmt.Sprintf(format, args...)})
}

// object reads a JSON parameter into value and notes fields that are unknown.
// Without the parameter it does nothing.
func (c *call) object(name string, value any) error {
	if !c.has(name) {
		return nil
	}
	return c.decode(name, []byte(c.params[name]), value)
}

func (c *call) decode(name string, raw []byte, value any) error {
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	err := strict.Decode(value)
	if err != nil && strings.HasPrefix(err.Error(), "json: unknown field ") {
		c.note(name, "unknown field %s", strings.TrimPrefix(err.Error(), "json: unknown field "))
		err = json.Unmarshal(raw, value)
	}
	if err != nil {
		return badRequest("can't parse %s JSON object", strings.ReplaceAll(name, "_", " "))
	}
	return nil
}

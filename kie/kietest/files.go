package kietest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Lives of links (docs.kie.ai "Getting Started" and "Get Download URL").
const (
	fileLife = 14 * 24 * time.Hour
	linkLife = 20 * time.Minute
	// originLife is that of Flux Kontext's originImageUrl.
	originLife = 10 * time.Minute
	// maskLife is that of the pictures of a detection.
	maskLife = time.Hour
)

// credit answers with a bare number (docs.kie.ai "Get Remaining Credits").
func (s *Server) credit(x *exchange) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return success(x.account.balance)
}

// downloadURL answers with a bare link that lives for 20 minutes (docs.kie.ai
// "Get Download URL").
func (s *Server) downloadURL(x *exchange) reply {
	return s.shareFile(x, func(*task, string) bool { return true })
}

// download4o does the same for 4o image, where the task is named too
// (docs.kie.ai "Get 4o Image Download URL").
func (s *Server) download4o(x *exchange) reply {
	return s.shareFile(x, func(t *task, id string) bool { return t.at.name == "4o-image" && t.id == id })
}

// shareFile makes a link to a file of a task that suits.
func (s *Server) shareFile(x *exchange, suits func(t *task, id string) bool) reply {
	var ask struct {
		URL    string `json:"url"`
		TaskID string `json:"taskId"`
	}
	if json.Unmarshal(x.body, &ask) != nil {
		return refusal(http.StatusBadRequest, textBadBody)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	rest, own := strings.CutPrefix(ask.URL, s.linkBase(x.r)+"/files/")
	id, name, _ := strings.Cut(rest, "/")
	t := s.tasks[id]
	if !own || t == nil || t.account != x.account || !suits(t, ask.TaskID) || t.file(name, now) == nil {
		return refusal(http.StatusUnprocessableEntity, textForeignURL)
	}
	x.id = t.id
	return success(ask.URL + "?expires=" + strconv.FormatInt(now.Add(linkLife).Unix(), 10))
}

// file serves a result. It wants no key, like the hosts of real results.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	s.mu.Lock()
	faults := s.script.take(CallFile, nil, nil)
	s.mu.Unlock()
	for _, after := range []bool{false, true} {
		if out, struck := s.disturb(r, faults, after); struck {
			s.finishCall(w, r, CallFile, out, r.PathValue("task"))
			return
		}
	}

	t, o := s.findFile(r)
	if o == nil {
		s.note(r, CallFile, http.StatusNotFound, 0, r.PathValue("task"))
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	body, err := s.cache.get(t.id+"/"+o.name, o.art.render)
	if err != nil {
		s.log.ErrorContext(r.Context(), "drawing a result", "task", t.id, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	s.note(r, CallFile, http.StatusOK, 0, t.id)
	h := w.Header()
	h.Set("Content-Type", o.art.format.contentType())
	h.Set("ETag", o.art.tag())
	h.Set("Cache-Control", "public, max-age=1209600")
	http.ServeContent(s.hinder(w, r, t, faults, len(body)), r, "", t.ended, bytes.NewReader(body))
}

// findFile returns the task and output that a request names, or a nil output
// when there is nothing to serve.
func (s *Server) findFile(r *http.Request) (*task, *output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	t := s.tasks[r.PathValue("task")]
	if t == nil {
		return nil, nil
	}
	if !alive(r.FormValue("expires"), now) {
		return nil, nil
	}
	o := t.file(r.PathValue("name"), now)
	if o == nil {
		return nil, nil
	}
	if o.asked++; t.faults.filesGone || o.asked <= t.faults.filesMissing {
		return nil, nil
	}
	return t, o
}

// file returns the output of that name while it lives, or nil.
func (t *task) file(name string, now time.Time) *output {
	for i := range t.outputs {
		o := &t.outputs[i]
		if o.name != name {
			continue
		}
		since := t.ended
		if !o.made.IsZero() {
			since = o.made
		}
		if o.stage > t.stage || t.final != "" && (now.Before(since) || now.Sub(since) >= o.life) {
			return nil
		}
		return o
	}
	return nil
}

// link is the address of an output.
func (t *task) link(o output) string { return fmt.Sprintf("%s/files/%s/%s", t.base, t.id, o.name) }

// hinder wraps w so that the body stops where the faults say.
func (s *Server) hinder(w http.ResponseWriter, r *http.Request, t *task, faults []Fault, size int) http.ResponseWriter {
	if t.faults.filesRelease != nil {
		return &stallWriter{ResponseWriter: w, left: t.faults.filesStall,
			wait: func() bool { return s.await(r, t.faults.filesRelease) }}
	}
	for _, f := range faults {
		switch f.kind {
		case faultSlow:
			return &stallWriter{ResponseWriter: w, left: size / 2, wait: func() bool { return s.pause(r, f.wait) }}
		case faultReset:
			return &stallWriter{ResponseWriter: w, left: size / 2, wait: func() bool {
				reset(w)
				return false
			}}
		}
	}
	return w
}

// reset breaks the connection under a reply: what was written so far is on its
// way, and then the peer finds the connection reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // a recorder, or HTTP/2: the reply just ends
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// stallWriter passes left bytes on, waits once, and passes on the rest.
type stallWriter struct {
	http.ResponseWriter
	left   int
	wait   func() bool
	waited bool
}

func (w *stallWriter) Write(p []byte) (int, error) {
	if w.waited || len(p) <= w.left {
		w.left -= len(p)
		return w.ResponseWriter.Write(p)
	}
	first, err := w.ResponseWriter.Write(p[:w.left])
	if err != nil {
		return first, err
	}
	http.NewResponseController(w.ResponseWriter).Flush()
	w.waited = true
	if !w.wait() {
		panic(http.ErrAbortHandler)
	}
	rest, err := w.ResponseWriter.Write(p[first:])
	return first + rest, err
}

package kietest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest request body in bytes.
const maxBody = 4 << 20

// maxRequests is how many requests are remembered.
const maxRequests = 10_000

// exchange is one call that passed authentication. The account and all that
// belongs to the server need the server's mutex.
type exchange struct {
	r       *http.Request
	account *account
	body    []byte
	task    taskFaults
	id      string // the task the call was about, for the log
}

// reply is what a call is answered with: an envelope, or something worse.
type reply struct {
	status int // HTTP status, 0 is 200
	code   int
	msg    string
	data   any
	html   bool          // an HTML page in place of the envelope
	drop   bool          // no reply at all
	slow   time.Duration // pause in the middle of the body
	reset  bool          // a reset connection in the middle of the body
	upload bool          // the envelope of the upload calls
}

func success(data any) reply { return reply{code: http.StatusOK, msg: "success", data: data} }

func refusal(code int, msg string) reply { return reply{code: code, msg: msg} }

// unauthorized and the other texts are the ones the service uses.
const (
	textNoAccess   = "You do not have access permissions"
	textBadKey     = "Unauthorized - Authentication failed, please check your API key"
	textTooOften   = "Your call frequency is too high. Please try again later."
	textNoRecord   = "recordInfo is null"
	textNoCredits  = "Credits insufficient: the balance is not enough to run this request"
	textNoTaskID   = "taskId cannot be blank"
	textBadType    = "The Content-Type must be application/json"
	textBadBody    = "The request body is not valid JSON"
	textForeignURL = "The url is not a file of this service"
	textNoModel    = "The model name you specified is not supported. Please verify the model name and try again."

	textServerError = "Server exception, please try again later"
	textBadCallback = "callBackUrl must be a http or https URL"
)

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	seen := map[string]bool{}
	for _, e := range endpoints() {
		mux.HandleFunc(e.create, s.api(route{call: CallCreate, at: e}, http.MethodPost, s.create(e)))
		if read := e.record; !seen[read] {
			seen[read] = true
			mux.HandleFunc(read, s.api(route{call: CallRecord}, http.MethodGet, s.recordInfo(e)))
		}
	}
	for _, d := range directs() {
		mux.HandleFunc(d.path, s.api(route{call: CallDirect}, http.MethodPost, s.direct(d)))
	}
	mux.HandleFunc("/api/v1/chat/credit", s.api(route{call: CallCredit}, http.MethodGet, s.credit))
	mux.HandleFunc("/api/v1/common/download-url", s.api(route{call: CallDownloadURL}, http.MethodPost, s.downloadURL))
	mux.HandleFunc("/api/v1/gpt4o-image/download-url", s.api(route{call: CallDownloadURL}, http.MethodPost, s.download4o))
	mux.HandleFunc("/api/v1/veo/get-1080p-video", s.api(route{call: CallVeo1080p}, http.MethodGet, s.veo1080p))
	mux.HandleFunc("/api/v1/models", s.api(route{call: CallModels}, http.MethodGet, s.models))
	mux.HandleFunc("/api/v1/models/{rest...}", s.api(route{call: CallModels}, http.MethodGet, s.aboutModel))
	mux.HandleFunc("/api/file-base64-upload", s.api(route{call: CallUpload, limit: maxBase64Body}, http.MethodPost, s.uploadBase64))
	mux.HandleFunc("/api/file-stream-upload", s.api(route{call: CallUpload, limit: maxStreamBody, form: true}, http.MethodPost, s.uploadStream))
	mux.HandleFunc("/api/file-url-upload", s.api(route{call: CallUpload}, http.MethodPost, s.uploadURL))
	mux.HandleFunc("/kieai/{path...}", s.uploadedFile)
	mux.HandleFunc("/files/{task}/{name}", s.file)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.finishCall(w, r, "", reply{status: http.StatusNotFound, code: http.StatusNotFound, msg: "Not Found"}, "")
	})
	return mux
}

// route is what is special about a call.
type route struct {
	call  Call
	at    *endpoint // of CallCreate
	limit int64     // largest body in bytes, 0 is maxBody
	form  bool      // the body is a form with a file, not JSON
}

// api makes the handler of one call.
func (s *Server) api(to route, method string, answer func(*exchange) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{r: r}
		out := s.handle(x, to, method, answer)
		out.upload = to.call == CallUpload
		s.finishCall(w, r, to.call, out, x.id)
	}
}

func (s *Server) handle(x *exchange, to route, method string, answer func(*exchange) reply) reply {
	if x.r.Method != method {
		return reply{status: http.StatusMethodNotAllowed, code: http.StatusMethodNotAllowed,
			msg: "Request method '" + x.r.Method + "' is not supported"}
	}
	if refused := s.authenticate(x); refused != nil {
		return *refused
	}
	if method == http.MethodPost && !to.takes(x.r) {
		return refusal(http.StatusBadRequest, textBadType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, x.r.Body, cmp.Or(to.limit, maxBody)))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refusal(http.StatusBadRequest, "The request body is too large")
	} else if err != nil {
		return reply{drop: true}
	}
	x.body = body

	s.mu.Lock()
	open := s.count(x.account, to.call)
	var faults []Fault
	if open {
		faults = s.script.take(to.call, to.at, body)
	}
	s.mu.Unlock()
	if !open {
		return refusal(http.StatusTooManyRequests, textTooOften)
	}
	return s.execute(x, faults, answer)
}

// takes reports whether a body is of the type that the call wants.
func (to route) takes(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if to.form {
		return err == nil && kind == "multipart/form-data"
	}
	return err == nil && kind == "application/json"
}

// count notes a call and reports whether the account's limit let it through
// (docs.kie.ai "Getting Started": 20 new requests in 10 seconds). The mutex is
// held.
func (s *Server) count(a *account, call Call) bool {
	now := s.cfg.Now()
	switch call {
	case CallCreate:
		a.creates = append(a.creates, now)
		return a.limit.allow(now, createLimit, createSpan)
	case CallModels:
		return a.looks.allow(now, 1, lookSpan)
	}
	return true
}

func (s *Server) execute(x *exchange, faults []Fault, answer func(*exchange) reply) reply {
	if out, struck := s.disturb(x.r, faults, false); struck {
		return out
	}
	x.task = collect(faults)
	out := answer(x)
	if late, struck := s.disturb(x.r, faults, true); struck {
		return late
	}
	for _, f := range faults {
		switch f.kind {
		case faultSlow:
			out.slow = f.wait
		case faultReset:
			out.reset = true
		}
	}
	return out
}

// authenticate finds the account, or returns the refusal: like every error of
// the service an HTTP 200.
func (s *Server) authenticate(x *exchange) *reply {
	refused := refusal(http.StatusUnauthorized, textNoAccess)
	key, bearer := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	if !bearer || x.r.Header.Get("Apikey") != "" {
		return &refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.account = s.accounts[key]; x.account == nil {
		refused.msg = textBadKey
		return &refused
	}
	return nil
}

// finishCall logs a call and writes its reply.
func (s *Server) finishCall(w http.ResponseWriter, r *http.Request, call Call, out reply, taskID string) {
	status := out.status
	if status == 0 {
		status = http.StatusOK
	}
	if out.drop {
		status = 0
	}
	s.note(r, call, status, out.code, taskID)
	switch {
	case out.drop:
		panic(http.ErrAbortHandler) // net/http closes the connection
	case out.html:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, "<html>\r\n<head><title>"+http.StatusText(status)+"</title></head>\r\n<body>\r\n<center><h1>"+
			strconv.Itoa(status)+" "+http.StatusText(status)+"</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")
	default:
		s.writeEnvelope(w, r, status, out)
	}
}

// note remembers and logs a call.
func (s *Server) note(r *http.Request, call Call, status, code int, taskID string) {
	s.mu.Lock()
	if len(s.requests) == maxRequests {
		s.requests = append(s.requests[:0], s.requests[1:]...)
	}
	s.requests = append(s.requests, Request{
		Time: s.cfg.Now(), Call: call, Method: r.Method, Path: r.URL.Path,
		TaskID: taskID, Status: status, Code: code,
	})
	s.mu.Unlock()
	s.log.LogAttrs(r.Context(), slog.LevelDebug, "call answered", slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.Int("status", status), slog.Int("code", code), slog.String("task", taskID))
}

// envelope is every reply of the API. Only those of the upload calls say
// success.
type envelope struct {
	Success *bool  `json:"success,omitempty"`
	Code    int    `json:"code"`
	Msg     string `json:"msg"`
	Data    any    `json:"data"`
}

// writeEnvelope sends an envelope, compressed when the client likes it.
func (s *Server) writeEnvelope(w http.ResponseWriter, r *http.Request, status int, out reply) {
	e := envelope{Code: out.code, Msg: out.msg, Data: out.data}
	if out.upload {
		e.Success = new(out.code == http.StatusOK)
	}
	body := encode(e)
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=UTF-8")
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = compress(body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if out.slow > 0 || out.reset {
		half := len(body) / 2
		w.Write(body[:half])
		http.NewResponseController(w).Flush()
		if out.reset {
			reset(w)
			return
		}
		if !s.pause(r, out.slow) {
			return
		}
		body = body[half:]
	}
	w.Write(body)
}

// encode writes JSON. All it is given are types of this package that JSON can
// hold, so an error is a mistake here.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// pause blocks for d and reports whether the client and the server were still
// there at its end.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.life.done:
	}
	return false
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body)
	z.Close()
	return b.Bytes()
}

package kietest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of uploads (docs.kie.ai "File Upload API": base64 up to 10 MB, at
// most 100 MB otherwise).
const (
	maxBase64     = 10_000_000
	maxBase64Body = maxBase64*4/3 + 1<<16
	maxUpload     = 100_000_000
	maxStreamBody = maxUpload + 1<<20
	fetchTimeout  = 30 * time.Second
)

// uploadLife is the shorter of the two that the service names.
const uploadLife = 24 * time.Hour

// staleLife is how long caches go on serving a file that was overwritten.
const staleLife = time.Minute

// firstAccount is the account number of the first key.
const firstAccount = 100_001

// upload is a file that was given to the service.
type upload struct {
	content []byte
	kind    string // media type
	at      time.Time
	old     *upload // what it replaced
}

// ask is what the three upload calls have in common.
type ask struct {
	Folder string `json:"uploadPath"`
	Name   string `json:"fileName"`
}

// uploadBase64: docs.kie.ai "Base64 File Upload".
func (s *Server) uploadBase64(x *exchange) reply {
	var body struct {
		ask
		Data string `json:"base64Data"`
	}
	if json.Unmarshal(x.body, &body) != nil {
		return refusal(http.StatusBadRequest, textBadBody)
	}
	kind, data := "", body.Data
	if rest, isURL := strings.CutPrefix(data, "data:"); isURL {
		var found bool
		if kind, data, found = strings.Cut(rest, ";base64,"); !found {
			return refusal(http.StatusBadRequest, "base64Data is not a base64 data URL")
		}
	}
	content, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(content) == 0 {
		return refusal(http.StatusBadRequest, "base64Data is not valid base64")
	}
	if len(content) > maxBase64 {
		return refusal(http.StatusBadRequest, "File size exceeds the limit of 10MB, use the stream upload")
	}
	return s.keep(x, body.ask, content, kind)
}

// uploadStream: docs.kie.ai "File Stream Upload".
func (s *Server) uploadStream(x *exchange) reply {
	_, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil {
		return refusal(http.StatusBadRequest, textBadType)
	}
	form, err := multipart.NewReader(bytes.NewReader(x.body), params["boundary"]).ReadForm(maxStreamBody)
	if err != nil {
		return refusal(http.StatusBadRequest, "The form cannot be read")
	}
	defer form.RemoveAll()
	value := func(name string) string { return strings.Join(form.Value[name], "") }
	if len(form.File["file"]) != 1 {
		return refusal(http.StatusBadRequest, "file cannot be empty")
	}
	header := form.File["file"][0]
	file, err := header.Open()
	if err != nil {
		return refusal(http.StatusInternalServerError, textServerError)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	switch {
	case err != nil:
		return refusal(http.StatusInternalServerError, textServerError)
	case len(content) == 0:
		return refusal(http.StatusBadRequest, "file cannot be empty")
	case len(content) > maxUpload:
		return refusal(http.StatusBadRequest, "File size exceeds the limit of 100MB")
	}
	return s.keep(x, ask{value("uploadPath"), value("fileName")}, content, header.Header.Get("Content-Type"))
}

// uploadURL: docs.kie.ai "URL File Upload".
func (s *Server) uploadURL(x *exchange) reply {
	var body struct {
		ask
		URL string `json:"fileUrl"`
	}
	if json.Unmarshal(x.body, &body) != nil {
		return refusal(http.StatusBadRequest, textBadBody)
	}
	if !isLink(body.URL) {
		return refusal(http.StatusBadRequest, "fileUrl must be a http or https URL")
	}
	content, kind, err := s.get(x.r.Context(), body.URL)
	if err != nil {
		return refusal(http.StatusInternalServerError, "Failed to download the file")
	}
	return s.keep(x, body.ask, content, kind)
}

// get fetches a file.
func (s *Server) get(ctx context.Context, link string) (content []byte, kind string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, "", fmt.Errorf("fetching a file: %w", err)
	}
	resp, err := s.fetch.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("fetching a file: %w", err)
	}
	defer resp.Body.Close()
	content, err = io.ReadAll(io.LimitReader(resp.Body, maxUpload+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("fetching a file: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("fetching a file: %s", resp.Status)
	case len(content) == 0 || len(content) > maxUpload:
		return nil, "", errors.New("fetching a file: it is empty or too large")
	}
	return content, resp.Header.Get("Content-Type"), nil
}

// newFetchClient returns the client that fetches for url uploads.
func (s *Server) newFetchClient(transport http.RoundTripper) *http.Client {
	if transport != nil {
		return &http.Client{Transport: transport}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if "http://"+address == s.URL() || "http://"+strings.TrimSuffix(address, ":80") == s.URL() {
				return s.DialContext(ctx, network, address)
			}
			if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
				return nil, errForeign
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
}

// keep stores a file and answers with its link.
func (s *Server) keep(x *exchange, to ask, content []byte, kind string) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	if kind == "" || kind == "application/octet-stream" {
		kind = http.DetectContentType(content)
	}
	switch {
	case to.Folder == "":
		return refusal(http.StatusBadRequest, "uploadPath cannot be empty")
	case !plainPath(to.Folder):
		return refusal(http.StatusBadRequest, "uploadPath must be a path without a slash at its start and end")
	case to.Name == "":
		s.named++
		id, _ := s.identity(1<<63 + s.named)
		to.Name = id + extension(kind)
	case strings.ContainsRune(to.Name, '/') || !plainPath(to.Name):
		return refusal(http.StatusBadRequest, "fileName must be a name without a path")
	}
	s.forget(now)
	name := fmt.Sprintf("%d/%s/%s", x.account.number, to.Folder, to.Name)
	s.uploads[name] = &upload{content: content, kind: kind, at: now, old: s.uploads[name]}
	if old := s.uploads[name].old; old != nil {
		old.old = nil
	}
	return success(struct {
		Success     bool   `json:"success"`
		FileName    string `json:"fileName"`
		FilePath    string `json:"filePath"`
		DownloadURL string `json:"downloadUrl"`
		FileSize    int    `json:"fileSize"`
		MimeType    string `json:"mimeType"`
		UploadedAt  string `json:"uploadedAt"`
	}{true, to.Name, "kieai/" + name, s.linkBase(x.r) + (&url.URL{Path: "/kieai/" + name}).EscapedPath(), len(content), kind, now.UTC().Format(time.RFC3339)})
}

// plainPath reports whether a path leads only downwards.
func plainPath(p string) bool {
	return p != "." && fs.ValidPath(p) && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == '\\' })
}

// extension is what names of files without one get.
func extension(kind string) string {
	kind, _, _ = mime.ParseMediaType(kind)
	switch kind {
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "image/webp":
		return ".webp"
	case "video/mp4":
		return ".mp4"
	case "audio/mpeg":
		return ".mp3"
	case "audio/wave", "audio/wav":
		return ".wav"
	}
	return ".bin"
}

// forget drops the files whose time is over. The mutex is held.
func (s *Server) forget(now time.Time) {
	for name, u := range s.uploads {
		if now.Sub(u.at) >= uploadLife {
			delete(s.uploads, name)
		}
	}
}

// upload returns the file of that name, without kieai/ at the start, or nil.
// The mutex is held.
func (s *Server) upload(name string, now time.Time) *upload {
	u := s.uploads[name]
	if u == nil || now.Sub(u.at) >= uploadLife {
		return nil
	}
	return u
}

// uploadedFile serves an upload to everybody who knows its link.
func (s *Server) uploadedFile(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	s.mu.Lock()
	now := s.cfg.Now()
	u := s.upload(r.PathValue("path"), now)
	if u != nil && u.old != nil && now.Sub(u.at) < staleLife {
		u = u.old
	}
	s.mu.Unlock()
	if u == nil {
		s.note(r, CallFile, http.StatusNotFound, 0, "")
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	s.note(r, CallFile, http.StatusOK, 0, "")
	w.Header().Set("Content-Type", u.kind)
	http.ServeContent(w, r, "", u.at, bytes.NewReader(u.content))
}

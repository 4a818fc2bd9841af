package kie

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

const (
	// maxBase64 is the largest content that goes as text in a JSON body; for
	// larger ones docs.kie.ai recommends the stream.
	maxBase64 = 10_000_000
	// maxStem is how much of a file's own name is kept.
	maxStem = 48
	// stallAfter is how long an upload may stand still, which includes Kie's
	// own work between the last byte and the answer.
	stallAfter = 2 * time.Minute
	// defaultFolder is the uploadPath unless the File has another; Kie wants
	// one.
	defaultFolder = "uploads"
)

// errStalled ends an upload that makes no progress.
var errStalled = errors.New("nothing moved for two minutes")

// File is an input to be uploaded.
type File struct {
	// Content is read once, from where it stands to its end. It is not closed.
	Content io.Reader
	// Size is the number of bytes in Content; anything else is an error. -1
	// means unknown.
	Size int64
	// Name is the file's own name. Kie overwrites a file when another comes
	// under the same name, so a random part is put in; the extension stays,
	// since models look at it. Empty means a random name.
	Name string
	// Type is the media type, such as "image/png"; empty means Kie finds out.
	Type string
	// Folder is a path within the account's uploads; empty means "uploads".
	Folder string
	// Progress is called with the bytes of Content that were passed on, from
	// one goroutine at a time, often; it must not block. A repeated try starts
	// from zero again. Nil means no report.
	Progress func(sent int64)
}

// UploadedFile is a file that Kie holds. It deletes it after 24 hours (its
// pages also say three days).
type UploadedFile struct {
	// URL is what to put into a model's input. It is public to everybody who
	// knows it, and names the account.
	URL string
	// Name and Path are what Kie calls the file; Size is in bytes. Each can be
	// missing.
	Name, Path, Type string
	Size             int64
	// Uploaded is by Kie's clock, zero when not reported.
	Uploaded time.Time
}

// Upload gives Kie a file, since models read their inputs from URLs: up to 10
// MB with [Client.UploadBase64], larger ones with [Client.UploadStream]. Of a
// file of unknown size it reads the first 10 MB to decide. Uploads are free.
func (c *Client) Upload(ctx context.Context, f File) (UploadedFile, error) {
	if f.Content == nil || f.Size > maxBase64 {
		return c.UploadStream(ctx, f)
	}
	if f.Size >= 0 {
		return c.UploadBase64(ctx, f)
	}
	// Of unknown size: the beginning decides.
	start, err := io.ReadAll(io.LimitReader(f.Content, maxBase64+1))
	if err != nil {
		return UploadedFile{}, unreadable(err)
	}
	if len(start) <= maxBase64 {
		f.Content, f.Size = bytes.NewReader(start), int64(len(start))
		return c.UploadBase64(ctx, f)
	}
	f.Content = io.MultiReader(bytes.NewReader(start), f.Content)
	return c.UploadStream(ctx, f)
}

// UploadBase64 sends a file of at most 10 MB as text in JSON: POST
// /api/file-base64-upload on the upload host (docs.kie.ai/file-upload-api,
// "Base64 File Upload"). It holds the content in memory, as bytes and as text,
// and repeats itself up to three times: the name stays the same, so nothing is
// stored twice.
func (c *Client) UploadBase64(ctx context.Context, f File) (UploadedFile, error) {
	folder, failure := checkFile(f)
	if failure != nil {
		return UploadedFile{}, failure
	}
	if f.Size > maxBase64 {
		return UploadedFile{}, &Error{Kind: ErrInvalid, Op: opUpload, Message: "more than 10 MB do not fit into one JSON body"}
	}
	limited := f
	if f.Size < 0 {
		limited.Content = io.LimitReader(f.Content, maxBase64+1)
	}
	content, err := io.ReadAll(&sized{File: limited})
	switch {
	case err != nil:
		return UploadedFile{}, unreadable(err)
	case len(content) > maxBase64:
		return UploadedFile{}, &Error{Kind: ErrInvalid, Op: opUpload, Message: "more than 10 MB do not fit into one JSON body"}
	}
	encoded := base64.StdEncoding.EncodeToString(content)
	if f.Type != "" {
		encoded = "data:" + f.Type + ";base64," + encoded
	}
	body, err := json.Marshal(map[string]string{"base64Data": encoded, "uploadPath": folder, "fileName": uniqueName(f.Name)})
	if err != nil {
		return UploadedFile{}, unreadable(err)
	}
	guard, ctx := newGuard(ctx)
	defer guard.stop()
	open := func() io.Reader {
		return &reporter{source: bytes.NewReader(body), guard: guard, report: f.Progress, of: int64(len(body)), scale: int64(len(content))}
	}
	env, err := c.query(ctx, call{
		op: opUpload, method: http.MethodPost, base: c.uploadBase, path: "/api/file-base64-upload",
		stream: &stream{open: open, length: int64(len(body)), contentType: "application/json"},
	})
	return uploaded(env, guard.explain(err))
}

// UploadStream sends a file of any size as it is read: POST
// /api/file-stream-upload on the upload host (docs.kie.ai/file-upload-api,
// "File Stream Upload"). Its memory does not depend on the size. It does not
// repeat itself, as it could read the content only once; after [ErrTemporary]
// the file may be there, under a name that nobody knows, and sending it again
// costs nothing.
func (c *Client) UploadStream(ctx context.Context, f File) (UploadedFile, error) {
	folder, failure := checkFile(f)
	if failure != nil {
		return UploadedFile{}, failure
	}
	head, tail, contentType, err := formParts(folder, uniqueName(f.Name), f.Type)
	if err != nil {
		return UploadedFile{}, &Error{Kind: ErrInvalid, Op: opUpload, Message: "the form cannot be written", Err: err}
	}
	guard, ctx := newGuard(ctx)
	defer guard.stop()
	content := &sized{File: f}
	body := io.MultiReader(bytes.NewReader(head), &reporter{source: content, guard: guard, report: f.Progress}, bytes.NewReader(tail))
	length := int64(-1)
	if f.Size >= 0 {
		length = int64(len(head)) + f.Size + int64(len(tail))
	}
	if c.queries != nil {
		if err := c.queries.Wait(ctx); err != nil {
			return UploadedFile{}, c.lost(call{op: opUpload}, false, err)
		}
	}
	env, failure := c.exchange(ctx, call{
		op: opUpload, method: http.MethodPost, base: c.uploadBase, path: "/api/file-stream-upload",
		stream: &stream{open: func() io.Reader { return body }, length: length, contentType: contentType},
	})
	if failure != nil {
		if err := content.failed(); err != nil {
			return UploadedFile{}, unreadable(err)
		}
		return uploaded(env, guard.explain(failure))
	}
	return uploaded(env, nil)
}

// UploadURL has Kie fetch a public file and keep it as an upload: POST
// /api/file-url-upload on the upload host (docs.kie.ai/file-upload-api, "URL
// File Upload"). Kie gives up after 30 seconds and advises at most 100 MB.
// name and folder mean what they mean in a [File]. It repeats itself like
// [Client.UploadBase64].
func (c *Client) UploadURL(ctx context.Context, fileURL, name, folder string) (UploadedFile, error) {
	folder, failure := checkFolder(folder)
	if failure != nil {
		return UploadedFile{}, failure
	}
	if webAddress(fileURL) == "" {
		return UploadedFile{}, &Error{Kind: ErrInvalid, Op: opUpload, Message: "the file's address is not an http or https URL"}
	}
	body, err := json.Marshal(map[string]string{"fileUrl": fileURL, "uploadPath": folder, "fileName": uniqueName(name)})
	if err != nil {
		return UploadedFile{}, unreadable(err)
	}
	env, err := c.query(ctx, call{op: opUpload, method: http.MethodPost, base: c.uploadBase, path: "/api/file-url-upload", body: body})
	return uploaded(env, err)
}

// unreadable is the error for content that did not come as promised.
func unreadable(err error) error {
	return &Error{Kind: ErrInvalid, Op: opUpload, Message: oneLine("the content cannot be read: " + err.Error()), Err: err}
}

// checkFile refuses what cannot be sent and returns the folder.
func checkFile(f File) (string, *Error) {
	if f.Content == nil {
		return "", &Error{Kind: ErrInvalid, Op: opUpload, Message: "no content given"}
	}
	if f.Type != "" {
		if _, _, err := mime.ParseMediaType(f.Type); err != nil || strings.ContainsFunc(f.Type, notPlain) {
			return "", &Error{Kind: ErrInvalid, Op: opUpload, Message: "the media type is malformed"}
		}
	}
	return checkFolder(f.Folder)
}

// checkFolder returns the folder as Kie wants it: without a slash at the ends.
func checkFolder(folder string) (string, *Error) {
	folder = strings.Trim(folder, "/")
	if folder == "" {
		return defaultFolder, nil
	}
	if strings.Contains("/"+folder+"/", "/../") || strings.ContainsFunc(folder, notPlain) {
		return "", &Error{Kind: ErrInvalid, Op: opUpload, Message: "the folder must be a plain path"}
	}
	return folder, nil
}

// notPlain reports whether a character may not stand in a path or header.
func notPlain(r rune) bool { return r < ' ' || r > '~' || r == '\\' }

// uniqueName puts a random part between a file's name and its extension, and
// keeps to characters that need no escaping in a URL.
func uniqueName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	extension := strings.ToLower(path.Ext(name))
	stem := plainName(strings.TrimSuffix(name, path.Ext(name)))
	if extension = plainName(strings.TrimPrefix(extension, ".")); extension != "" {
		extension = "." + extension
	}
	if stem != "" {
		stem += "-"
	}
	return stem + strings.ToLower(rand.Text()) + extension
}

// plainName keeps letters, digits, - and _ of ASCII, up to maxStem of them.
func plainName(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= maxStem {
			break
		}
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "-_")
}

// uploaded reads the answer to an upload. The upload host adds success to the
// envelope; the link has stood under two names.
func uploaded(env envelope, err error) (UploadedFile, error) {
	if err != nil {
		return UploadedFile{}, err
	}
	o, ok := parseObject(env.data)
	if env.fields.text("success") == "false" || o.text("success") == "false" {
		return UploadedFile{}, &Error{Kind: ErrRefused, Op: opUpload, Code: env.code, HTTPStatus: http.StatusOK, Message: env.message}
	}
	link := webAddress(o.text("downloadUrl", "fileUrl"))
	if !ok || link == "" {
		return UploadedFile{}, unusable(opUpload, "no link to the upload")
	}
	size, _ := number(o.field("fileSize"))
	return UploadedFile{
		URL: link, Name: oneLine(o.text("fileName")), Path: oneLine(o.text("filePath", "uploadPath")),
		Type: oneLine(o.text("mimeType")), Size: max(0, int64(size)), Uploaded: decodeTime(o.field("uploadedAt")),
	}, nil
}

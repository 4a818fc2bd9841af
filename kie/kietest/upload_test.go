package kietest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiebot/kie"
	"kiebot/kie/kietest"
)

// uploadReply is what the three upload calls answer.
type uploadReply struct {
	Success                                               bool
	FileName, FilePath, DownloadURL, MimeType, UploadedAt string
	FileSize                                              int
}

// uploader is our own client with uploads going to the test server too.
func (c caller) uploader() *kie.Client {
	c.Helper()
	client, err := kie.New(kie.Config{BaseURL: c.URL(), UploadURL: c.URL(), APIKey: kie.Secret(c.Key()), HTTPClient: c.Client()})
	if err != nil {
		c.Fatal(err)
	}
	return client
}

// base64Body is the body of a base64 upload.
func base64Body(t testing.TB, content, folder, name string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"base64Data": content, "uploadPath": folder, "fileName": name})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// put uploads a text and returns the link to it.
func (c caller) put(content, folder, name string) uploadReply {
	c.Helper()
	var got uploadReply
	c.call(http.MethodPost, "/api/file-base64-upload", base64Body(c, base64.StdEncoding.EncodeToString([]byte(content)), folder, name)).
		want(c, 200, "success").decode(c, &got)
	return got
}

func TestUploadReply(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		got := c.put("\x89PNG\r\n\x1a\n", "images/user", "a b.png")
		want := uploadReply{
			Success: true, FileName: "a b.png", FilePath: "kieai/100001/images/user/a b.png", FileSize: 8, MimeType: "image/png",
			DownloadURL: c.URL() + "/kieai/100001/images/user/a%20b.png", UploadedAt: time.Now().UTC().Format(time.RFC3339),
		}
		if got != want {
			t.Errorf("reply %+v, want %+v", got, want)
		}
		var whole struct{ Success *bool }
		a := c.call(http.MethodPost, "/api/file-base64-upload", `{}`).want(c, 400, "base64Data")
		if err := json.Unmarshal(a.body, &whole); err != nil || whole.Success == nil || *whole.Success {
			t.Errorf("refusal %s", a.body)
		}
		one, two := c.put("x", "p", ""), c.put("y", "p", "")
		if one.FileName == two.FileName || !strings.HasSuffix(one.FileName, ".bin") {
			t.Errorf("random names %q and %q", one.FileName, two.FileName)
		}
		file := c.fetch(got.DownloadURL)
		if file.status != http.StatusOK || string(file.body) != "\x89PNG\r\n\x1a\n" || file.header.Get("Content-Type") != "image/png" {
			t.Errorf("file is %d, %q, %v", file.status, file.body, file.header)
		}
	})
}

func TestUploadsWithTheClient(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		client := c.uploader()
		source := c.put("from elsewhere", "p", "s.txt")
		large := strings.Repeat("0123456789", 1_000_001)
		for name, upload := range map[string]func() (kie.UploadedFile, error){
			"small": func() (kie.UploadedFile, error) {
				return client.Upload(c.Context(), kie.File{Content: strings.NewReader("small"), Size: 5, Name: "s.txt", Type: "text/plain"})
			},
			"from elsewhere": func() (kie.UploadedFile, error) {
				return client.UploadURL(c.Context(), source.DownloadURL, "copy.txt", "")
			},
			large: func() (kie.UploadedFile, error) {
				return client.Upload(c.Context(), kie.File{Content: strings.NewReader(large), Size: int64(len(large)), Name: "l.bin"})
			},
		} {
			file, err := upload()
			if err != nil {
				t.Fatal(err)
			}
			if a := c.fetch(file.URL); a.status != http.StatusOK || string(a.body) != name || file.Size != int64(len(name)) {
				t.Errorf("file %+v has %d bytes, want %d", file, len(a.body), len(name))
			}
		}
		ways := map[string]int{}
		for _, r := range c.Requests() {
			if r.Call == kietest.CallUpload {
				ways[r.Path]++
			}
		}
		if ways["/api/file-base64-upload"] != 2 || ways["/api/file-stream-upload"] != 1 || ways["/api/file-url-upload"] != 1 {
			t.Errorf("uploads by %v", ways)
		}
	})
}

func TestUploadRefusals(t *testing.T) {
	const b64, fromURL = "/api/file-base64-upload", "/api/file-url-upload"
	for _, test := range []struct {
		name, path, body string
		code             int
		text             string
	}{
		{"no JSON", b64, `{`, 400, "JSON"},
		{"not base64", b64, base64Body(t, "%%%", "p", "a"), 400, "base64"},
		{"data URL without base64", b64, base64Body(t, "data:text/plain,abc", "p", "a"), 400, "data URL"},
		{"no folder", b64, base64Body(t, "YQ==", "", "a"), 400, "uploadPath"},
		{"slash before", b64, base64Body(t, "YQ==", "/p", "a"), 400, "uploadPath"},
		{"slash after", b64, base64Body(t, "YQ==", "p/", "a"), 400, "uploadPath"},
		{"upwards", b64, base64Body(t, "YQ==", "../100002", "a"), 400, "uploadPath"},
		{"path in the name", b64, base64Body(t, "YQ==", "p", "../a"), 400, "fileName"},
		{"more than 10 MB", b64, base64Body(t, base64.StdEncoding.EncodeToString(make([]byte, 10_000_001)), "p", "a"), 400, "10MB"},
		{"much more than 10 MB", b64, base64Body(t, strings.Repeat("A", 14_000_000), "p", "a"), 400, "too large"},
		{"no link", fromURL, `{"fileUrl":"ftp://e.test/a","uploadPath":"p"}`, 400, "fileUrl"},
		{"link without JSON", fromURL, `{`, 400, "JSON"},
		{"foreign host", fromURL, `{"fileUrl":"https://e.test/a.png","uploadPath":"p"}`, 500, "Failed to download"},
		{"foreign address", fromURL, `{"fileUrl":"http://192.0.2.1/a.png","uploadPath":"p"}`, 500, "Failed to download"},
		{"nothing there", fromURL, `{"fileUrl":"http://kie.test/files/a/b.png","uploadPath":"p"}`, 500, "Failed to download"},
		{"JSON as a form", "/api/file-stream-upload", `{}`, 400, "Content-Type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.call(http.MethodPost, test.path, test.body).want(c, test.code, test.text)
			})
		})
	}
}

func TestStreamUploadForms(t *testing.T) {
	for name, test := range map[string]struct {
		fields map[string]string
		file   string
		code   int
	}{
		"right":       {map[string]string{"uploadPath": "p", "fileName": "a.txt"}, "file", 200},
		"no name":     {map[string]string{"uploadPath": "p"}, "file", 200},
		"no folder":   {map[string]string{"fileName": "a.txt"}, "file", 400},
		"other field": {map[string]string{"uploadPath": "p"}, "upload", 400},
		"no file":     {map[string]string{"uploadPath": "p"}, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				var body bytes.Buffer
				form := multipart.NewWriter(&body)
				for name, value := range test.fields {
					if err := form.WriteField(name, value); err != nil {
						t.Fatal(err)
					}
				}
				if test.file != "" {
					part, err := form.CreateFormFile(test.file, "own.txt")
					if err != nil {
						t.Fatal(err)
					}
					if _, err := part.Write([]byte("abc")); err != nil {
						t.Fatal(err)
					}
				}
				if err := form.Close(); err != nil {
					t.Fatal(err)
				}
				req := c.request(http.MethodPost, "/api/file-stream-upload", body.String())
				req.Header.Set("Content-Type", form.FormDataContentType())
				if a, err := c.try(req); err != nil || a.status != http.StatusOK || a.Code != test.code {
					t.Errorf("HTTP %d, code %d, %v; want code %d", a.status, a.Code, err, test.code)
				}
				req = c.request(http.MethodPost, "/api/file-stream-upload", "--x\r\nbroken")
				req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
				if a, err := c.try(req); err != nil || a.Code != 400 {
					t.Errorf("a broken form gave code %d, %v", a.Code, err)
				}
			})
		})
	}
}

func TestUploadsExpireAndAreOverwritten(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		link := c.put("one", "p", "a.txt").DownloadURL
		see := func(want string) {
			t.Helper()
			a := c.fetch(link)
			if got := string(a.body); a.status == http.StatusOK && got != want || a.status != http.StatusOK && want != "" {
				t.Errorf("status %d, %q; want %q", a.status, got, want)
			}
		}
		see("one")
		pass(time.Hour)
		if again := c.put("two", "p", "a.txt").DownloadURL; again != link {
			t.Errorf("the same name leads to %s and %s", link, again)
		}
		see("one") // caches are slow
		pass(time.Minute)
		see("two")
		pass(24*time.Hour - 2*time.Minute)
		see("two")
		pass(time.Minute)
		see("")
		for _, path := range []string{"/kieai/", "/kieai/100001/p", "/kieai/100002/p/a.txt"} {
			if a := c.fetch(c.URL() + path); a.status != http.StatusNotFound {
				t.Errorf("%s has status %d", path, a.status)
			}
		}
		if a := c.call(http.MethodPost, "/kieai/100001/p/a.txt", ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST gave status %d", a.status)
		}
	})
}

func TestUploadURLOverLoopback(t *testing.T) {
	address := newLoopback(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "image/gif")
		w.Write([]byte("GIF89a"))
	}))
	srv := kietest.NewServer(fast())
	defer srv.Close()
	c := caller{t, srv}
	file, err := c.uploader().UploadURL(t.Context(), address+"/a.gif", "a.gif", "p")
	if err != nil || file.Type != "image/gif" || file.Size != 6 {
		t.Errorf("file %+v, %v", file, err)
	}
	c.call(http.MethodPost, "/api/file-url-upload", `{"fileUrl":"`+address+`/away","uploadPath":"p"}`).want(t, 500, "Failed")
}

func TestFaultsOfUploads(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.Next(kietest.CallUpload, kietest.Answer(500, "later"))
		c.Next(kietest.CallUpload, kietest.After(kietest.HTML(502)))
		file, err := c.uploader().Upload(c.Context(), kie.File{Content: strings.NewReader("abc"), Size: 3, Name: "a.txt"})
		if err != nil || string(c.fetch(file.URL).body) != "abc" {
			t.Errorf("file %+v, %v", file, err)
		}
	})
}

// TestInputLinks proves which links a model's input may hold.
func TestInputLinks(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		made := c.create("a cat")
		result := c.URL() + "/files/" + made + "/0.png"
		give := func(link string) answer {
			return c.call(http.MethodPost, createPath, order(t, "nano-banana-2", map[string]any{"prompt": "x", "image_input": []string{link}}, ""))
		}
		give(result).want(c, 451, "fetch") // not made yet
		c.finished(made)
		upload := c.put("x", "p", "a.png").DownloadURL
		give(result).want(c, 200, "")
		give(upload).want(c, 200, "")
		give("https://e.test/a.png").want(c, 200, "")
		give("http://e.test/a.png").want(c, 500, "Server exception")
		give("http://127.0.0.1:1/a.png").want(c, 500, "Server exception")
		give(c.URL()+"/elsewhere.png").want(c, 451, "fetch")
		give(c.URL()+"/kieai/100001/p/b.png").want(c, 451, "fetch")
		var link string
		c.call(http.MethodPost, downloadPath, `{"url":"`+result+`"}`).want(c, 200, "").decode(t, &link)
		give(link).want(c, 200, "")
		pass(20 * time.Minute)
		give(link).want(c, 451, "fetch")
		give(result).want(c, 200, "")
		pass(24 * time.Hour)
		give(upload).want(c, 451, "fetch")
		tasks := len(c.Tasks())
		c.call(http.MethodPost, "/api/v1/aleph/generate", `{"prompt":"x","videoUrl":"`+upload+`"}`).want(c, 451, "fetch")
		if len(c.Tasks()) != tasks {
			t.Error("a task was made without its input")
		}
	})
}

// carrier answers every request for a file.
type carrier struct{ *http.Response }

func (c carrier) RoundTrip(*http.Request) (*http.Response, error) { return c.Response, nil }

func TestFetchTransport(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		code   int
	}{"there": {200, "abc", 200}, "gone": {404, "abc", 500}, "empty": {200, "", 500}} {
		t.Run(name, func(t *testing.T) {
			cfg := fast()
			cfg.FetchTransport = carrier{&http.Response{
				StatusCode: test.status, Header: http.Header{"Content-Type": {"image/webp"}}, Body: io.NopCloser(strings.NewReader(test.body)),
			}}
			bubble(t, cfg, func(c caller) {
				a := c.call(http.MethodPost, "/api/file-url-upload", `{"fileUrl":"https://e.test/a","uploadPath":"p"}`).want(c, test.code, "")
				if test.code != 200 {
					return
				}
				var got uploadReply
				a.decode(t, &got)
				if got.MimeType != "image/webp" || !strings.HasSuffix(got.FileName, ".webp") || got.FileSize != 3 {
					t.Errorf("reply %+v", got)
				}
			})
		})
	}
}

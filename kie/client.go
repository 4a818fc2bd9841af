package kie

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultBaseURL is where Kie's API lives.
const DefaultBaseURL = "https://api.kie.ai"

// Names of the operations in errors and log lines.
const (
	opCreate   = "create task"
	opStatus   = "read task"
	opWait     = "wait for task"
	opCredits  = "read credits"
	opDownload = "get download link"
	opCallback = "read callback"
)

// Config is what a [Client] needs. Only APIKey is required.
type Config struct {
	// APIKey is from kie.ai/api-key.
	APIKey Secret
	// BaseURL is scheme and host, optionally a path, of another server that
	// speaks the same protocol; empty means [DefaultBaseURL].
	BaseURL string
	// HTTPClient sends the requests; nil means one with its own connections
	// and timeouts. A given one is copied, and the copy follows no redirects.
	// Its transport must not repeat a POST that was sent: it would buy twice.
	HTTPClient *http.Client
	// UserAgent is sent with each request; empty means "kiebot".
	UserAgent string
	// Logger receives repeated tries of reading calls; nil means silence.
	Logger *slog.Logger
}

// Client calls Kie.ai's API with one key. It is safe for concurrent use.
type Client struct {
	base string
	// key is a pointer because fmt prints values in unexported fields without
	// asking their methods.
	key   *Secret
	http  *http.Client
	agent string
	log   *slog.Logger
}

// New returns a client, or an error that names the wrong field of cfg without
// its value. It does not contact Kie.
func New(cfg Config) (*Client, error) {
	if err := checkKey(cfg.APIKey); err != nil {
		return nil, err
	}
	base, err := checkBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, key: &cfg.APIKey, agent: cfg.UserAgent, log: cfg.Logger}
	if c.agent == "" {
		c.agent = "kiebot"
	}
	if strings.ContainsFunc(c.agent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("kie: Config.UserAgent holds a character that a header cannot carry")
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	own := http.Client{Transport: newTransport(), Timeout: time.Minute}
	if cfg.HTTPClient != nil {
		own = *cfg.HTTPClient
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &own
	return c, nil
}

// checkKey refuses what cannot be a key, above all one with the line break of
// the file it was read from. Quotes and backslashes would hide an echoed key
// from its removal, since JSON escapes them.
func checkKey(key Secret) error {
	if key == "" {
		return errors.New("kie: Config.APIKey is empty")
	}
	if strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return errors.New("kie: Config.APIKey holds a blank, a line break, a quote or another character that no key has")
	}
	return nil
}

// checkBase returns the base URL without a trailing slash.
func checkBase(base string) (string, error) {
	if base == "" {
		return DefaultBaseURL, nil
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		// The parser's error would quote the value.
		return "", errors.New("kie: Config.BaseURL is not an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("kie: Config.BaseURL must not have a user, a query or a fragment")
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"), nil
}

// newTransport returns a transport with a limit on every phase of a call.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 45 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
	}
}

// CreateRequest asks Kie to make something.
type CreateRequest struct {
	// Model is the exact id, such as "google/imagen4".
	Model string
	// Input is the model's own inputs; nil means none. Kie ignores names it
	// does not know without a word.
	Input map[string]any
	// CallbackURL receives the final state by POST; empty means no callback.
	CallbackURL string
}

// createBody is the wire form of a CreateRequest: docs.kie.ai, "Create Task".
type createBody struct {
	Model       string         `json:"model"`
	Input       map[string]any `json:"input"`
	CallBackURL string         `json:"callBackUrl,omitempty"`
}

// Create starts a task and returns its name. It blocks for one exchange and
// never repeats it, because each one that reaches Kie can be billed: after
// [ErrUnknownOutcome] the task may exist, after every other error it does not.
func (c *Client) Create(ctx context.Context, r CreateRequest) (Ref, error) {
	if r.Model == "" {
		return Ref{}, &Error{Kind: ErrInvalid, Op: opCreate, Message: "no model given"}
	}
	if r.Input == nil {
		r.Input = map[string]any{}
	}
	body, err := json.Marshal(createBody{Model: r.Model, Input: r.Input, CallBackURL: r.CallbackURL})
	if err != nil {
		return Ref{}, &Error{Kind: ErrInvalid, Op: opCreate, Message: "the input cannot be written as JSON", Err: err}
	}
	data, failure := c.exchange(ctx, call{
		op: opCreate, method: http.MethodPost, path: "/api/v1/jobs/createTask", body: body, creating: true,
	})
	if failure != nil {
		return Ref{}, failure
	}
	if o, ok := parseObject(data); ok {
		if id := o.taskID(); id != "" {
			return Ref{Endpoint: Jobs, TaskID: id}, nil
		}
	}
	return Ref{}, &Error{
		Kind: ErrUnknownOutcome, Op: opCreate, Code: 200, HTTPStatus: http.StatusOK,
		Message: "Kie accepted the task but did not say its id",
	}
}

// Status asks once how a task stands. A task that Kie does not know gives
// [ErrNotFound]; that is normal for some seconds after its creation.
func (c *Client) Status(ctx context.Context, ref Ref) (Status, error) {
	if ref.Endpoint != Jobs || ref.TaskID == "" {
		return Status{}, &Error{Kind: ErrInvalid, Op: opStatus, Message: "the reference does not name a jobs task"}
	}
	data, err := c.read(ctx, call{
		op: opStatus, method: http.MethodGet,
		path: "/api/v1/jobs/recordInfo?" + url.Values{"taskId": {ref.TaskID}}.Encode(),
	})
	if err != nil {
		return Status{}, err
	}
	if data == nil {
		return Status{}, &Error{Kind: ErrNotFound, Op: opStatus, Code: 200, Message: "Kie has no record of this task"}
	}
	status, ok := decodeRecord(ref, data)
	if !ok {
		return Status{}, unusable(opStatus, "a record without a state")
	}
	return status, nil
}

// Credits returns the account's balance.
func (c *Client) Credits(ctx context.Context) (Credits, error) {
	data, err := c.read(ctx, call{op: opCredits, method: http.MethodGet, path: "/api/v1/chat/credit"})
	if err != nil {
		return 0, err
	}
	var balance Credits
	if data == nil || balance.UnmarshalJSON(data) != nil {
		return 0, unusable(opCredits, "a balance that is not a number")
	}
	return balance, nil
}

// DownloadURL returns a link to a file that Kie hosts, valid for 20 minutes
// and with a file name for the browser. Kie refuses other hosts' URLs with
// [ErrInvalid]. The link does not make the file live longer.
func (c *Client) DownloadURL(ctx context.Context, fileURL string) (string, error) {
	if webAddress(fileURL) == "" {
		return "", &Error{Kind: ErrInvalid, Op: opDownload, Message: "the file's address is not an http or https URL"}
	}
	body, err := json.Marshal(map[string]string{"url": fileURL})
	if err != nil {
		return "", &Error{Kind: ErrInvalid, Op: opDownload, Message: "the address cannot be written as JSON", Err: err}
	}
	data, err := c.read(ctx, call{
		op: opDownload, method: http.MethodPost, path: "/api/v1/common/download-url", body: body,
	})
	if err != nil {
		return "", err
	}
	link := webAddress(text(data))
	if link == "" {
		return "", unusable(opDownload, "no link")
	}
	return link, nil
}

// unusable is the error for a successful reply without what was asked for.
func unusable(op, what string) error {
	return &Error{Kind: ErrTemporary, Op: op, Code: 200, HTTPStatus: http.StatusOK, Message: "Kie answered with " + what}
}

// taskID returns the task's id in the spellings of replies and callbacks.
func (o object) taskID() string { return strings.TrimSpace(o.text("taskId")) }

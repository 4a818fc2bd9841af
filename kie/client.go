package kie

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Where Kie lives: the API, and the separate host that takes input files.
const (
	DefaultBaseURL   = "https://api.kie.ai"
	DefaultUploadURL = "https://kieai.redpandaai.co"
)

// defaultAgent is the User-Agent unless the Config has another.
const defaultAgent = "kiebot-kie/1"

// Names of the operations in errors and log lines.
const (
	opCreate      = "create task"
	opStatus      = "read task"
	opWait        = "wait for task"
	opCredits     = "read credits"
	opDownload    = "get download link"
	opCallback    = "read callback"
	opUpload      = "upload file"
	opModels      = "list models"
	opSchema      = "read model schema"
	opPrice       = "read model price"
	opSuccessRate = "read model success rate"
	opVeo1080p    = "get 1080p video"
	opPersona     = "create persona"
	opTimedLyrics = "get timestamped lyrics"
	opBoostStyle  = "boost style"
)

// Config is what a [Client] needs. Only APIKey is required.
type Config struct {
	// APIKey is from kie.ai/api-key.
	APIKey Secret
	// BaseURL is scheme and host, optionally a path, of another server that
	// speaks the same protocol; empty means [DefaultBaseURL].
	BaseURL string
	// UploadURL is the same for the uploads; empty means [DefaultUploadURL].
	// It gets the API key, too.
	UploadURL string
	// HTTPClient sends the requests; nil means one with its own connections
	// and timeouts. A given one is copied, and the copy follows no redirects;
	// its Timeout does not hold for [Client.Upload], which gives up when
	// nothing moves for two minutes. Its transport must not repeat a POST that
	// was sent: it would buy twice.
	HTTPClient *http.Client
	// UserAgent is sent with each request: name and version of the program,
	// such as "painter/1.2"; empty means this package's own.
	UserAgent string
	// Logger receives a line at level debug for each exchange: method, route,
	// code, duration; never a body, an address of a file, or the key. Nil means
	// silence.
	Logger *slog.Logger

	// Tries is how often a call that buys nothing is sent at most, while the
	// trouble looks temporary; zero means 3. A caller who plans its own reads
	// and wants to hear of each refusal sets 1.
	Tries int
	// Creations paces the calls that buy something. Nil means no pace: the
	// caller keeps Kie's limit of 20 in 10 seconds. Kie counts by account, so
	// clients of one account share one CreationLimiter.
	Creations *CreationLimiter
	// Queries paces all other calls but discovery, each try counting; nil means
	// no pace. Kie allows 10 per second for one task. Clients may share one,
	// and it may be the same as Discovery.
	Queries *rate.Limiter
	// Discovery paces [Client.Models], [Client.ModelSchema], [Client.ModelPrice]
	// and [Client.ModelSuccessRate], for which Kie allows 1 request per second
	// altogether; nil means just that. Clients of one account share one.
	Discovery *rate.Limiter
}

// Client calls Kie.ai's API with one key. It is safe for concurrent use.
type Client struct {
	base       string
	uploadBase string
	// key is a pointer because fmt prints values in unexported fields without
	// asking their methods.
	key       *Secret
	http      *http.Client
	uploads   *http.Client // without a limit on the whole exchange
	agent     string
	log       *slog.Logger
	tries     int
	creations *CreationLimiter
	queries   *rate.Limiter
	discovery *rate.Limiter
}

// New returns a client, or an error that names the wrong field of cfg without
// its value. It does not contact Kie.
func New(cfg Config) (*Client, error) {
	if err := checkKey(cfg.APIKey); err != nil {
		return nil, err
	}
	base, err := checkBase("BaseURL", cfg.BaseURL, DefaultBaseURL)
	if err != nil {
		return nil, err
	}
	uploadBase, err := checkBase("UploadURL", cfg.UploadURL, DefaultUploadURL)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: base, uploadBase: uploadBase, key: &cfg.APIKey, agent: cfg.UserAgent, log: cfg.Logger,
		creations: cfg.Creations, queries: cfg.Queries, discovery: cfg.Discovery,
	}
	if c.tries = cfg.Tries; c.tries <= 0 {
		c.tries = defaultTries
	}
	if c.agent == "" {
		c.agent = defaultAgent
	}
	if strings.ContainsFunc(c.agent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("kie: Config.UserAgent holds a character that a header cannot carry")
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.discovery == nil {
		c.discovery = rate.NewLimiter(rate.Every(time.Second), 1)
	}
	c.http, c.uploads = newClients(cfg.HTTPClient)
	return c, nil
}

// newClients returns the clients for short exchanges and for uploads, which
// share their connections.
func newClients(given *http.Client) (short, uploads *http.Client) {
	own := http.Client{Timeout: time.Minute}
	if given != nil {
		own = *given
	} else {
		own.Transport = newTransport()
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	long := own
	long.Timeout = 0
	return &own, &long
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

// checkBase returns a base URL without a trailing slash.
func checkBase(field, base, otherwise string) (string, error) {
	if base == "" {
		return otherwise, nil
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		// The parser's error would quote the value.
		return "", fmt.Errorf("kie: Config.%s is not an http or https URL", field)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("kie: Config.%s must not have a user, a query or a fragment", field)
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

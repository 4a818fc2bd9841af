package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const maxRedirects = 5

// FetcherConfig says whom a Fetcher trusts and how much it takes. The zero
// value trusts nobody and is ready for use.
type FetcherConfig struct {
	// Trusted lists base URLs of hosts the operator configured. Their scheme,
	// host and port are exempt from the rules about https, port 443 and public
	// addresses. Everything after the port is ignored.
	Trusted []string

	// Dial connects to trusted hosts, and only to them. Nil dials TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// MaxBytes is the largest file accepted; 0 means 2 GiB.
	MaxBytes int64
	// Observe hears what came of each fetch, nil when all went well. It must not
	// block. Nil for nobody.
	Observe func(error)

	// IdleTimeout is how long a host may take to begin its answer, redirects
	// included, and then to send the next byte; 0 means 30 s. The whole
	// transfer is limited by the context alone.
	IdleTimeout time.Duration

	// UserAgent is sent with each request; "" means "kiebot".
	UserAgent string
}

// Fetcher downloads files from hosts that nobody vouches for. It connects to
// public addresses on port 443 over https only, at first and after each of at
// most five redirects, ignores proxy settings, and sends neither cookies nor
// credentials nor a referrer. It is safe for concurrent use.
type Fetcher struct {
	client    *http.Client
	maxBytes  int64
	observe   func(error)
	idle      time.Duration
	userAgent string
}

// NewFetcher returns a Fetcher. The error names the entry of cfg.Trusted that
// is not an http or https URL.
func NewFetcher(cfg FetcherConfig) (*Fetcher, error) {
	trusted := make(map[string]bool)
	for i, base := range cfg.Trusted {
		u, err := url.Parse(base)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("trusted host %d is not an http or https URL", i+1)
		}
		trusted[origin(u)] = true
	}
	direct := cfg.Dial
	if direct == nil {
		direct = (&net.Dialer{}).DialContext
	}
	return &Fetcher{
		client: &http.Client{
			Transport: &router{
				trusted: trusted,
				direct:  newTransport(direct),
				guarded: newTransport((&net.Dialer{Control: guardDial}).DialContext),
			},
			CheckRedirect: checkRedirect,
		},
		maxBytes:  cmp.Or(cfg.MaxBytes, 2<<30),
		observe:   cfg.Observe,
		idle:      cmp.Or(cfg.IdleTimeout, 30*time.Second),
		userAgent: cmp.Or(cfg.UserAgent, "kiebot"),
	}, nil
}

// newTransport returns a transport that keeps no connection: each file is
// fetched once, and a kept connection would outlive the check of its address.
func newTransport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// router sends each hop of a download through the transport it may use.
type router struct {
	trusted         map[string]bool // by origin
	direct, guarded http.RoundTripper
}

// RoundTrip checks req's URL and connects.
func (r *router) RoundTrip(req *http.Request) (*http.Response, error) {
	trusted := r.trustedHop(req)
	if err := checkURL(req.URL, trusted); err != nil {
		return nil, err
	}
	if trusted {
		return r.direct.RoundTrip(req)
	}
	return r.guarded.RoundTrip(req)
}

// trustedHop reports whether req and every hop that led to it are trusted: a
// stranger's redirect must not reach a service on loopback that only the
// operator's own configuration may name.
func (r *router) trustedHop(req *http.Request) bool {
	for r.trusted[origin(req.URL)] {
		if req.Response == nil {
			return true
		}
		req = req.Response.Request
	}
	return false
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &Error{Kind: HTTPStatus, Host: req.URL.Host, Reason: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	req.Header.Del("Referer") // the link that redirected us may be a signed one
	return nil
}

// Fetch copies the file at rawURL to dst and returns the number of bytes
// written, also when it fails. It blocks until the file is complete, ctx ends,
// or the host is silent for too long. The error is always an *Error.
func (f *Fetcher) Fetch(ctx context.Context, rawURL string, dst io.Writer) (int64, error) {
	n, err := f.fetch(ctx, rawURL, dst)
	if f.observe != nil {
		f.observe(err)
	}
	return n, err
}

func (f *Fetcher) fetch(ctx context.Context, rawURL string, dst io.Writer) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := &Error{Kind: Network, Reason: fmt.Sprintf("the host sent nothing for %v", f.idle)}
	watchdog := time.AfterFunc(f.idle, func() { cancel(silent) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return 0, blocked("", "the URL is not valid")
	}
	req.Header.Set("User-Agent", f.userAgent)
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, failure(ctx, lastHost(err), err)
	}
	defer resp.Body.Close()
	host := resp.Request.URL.Host
	if err := f.checkAnswer(resp); err != nil {
		return 0, err
	}
	n, err := f.copy(dst, resp.Body, watchdog)
	if err != nil {
		return n, failure(ctx, host, err)
	}
	if n == 0 {
		return 0, &Error{Kind: Network, Host: host, Reason: "the file is empty"}
	}
	return n, nil
}

func (f *Fetcher) checkAnswer(resp *http.Response) error {
	host := resp.Request.URL.Host
	if resp.StatusCode != http.StatusOK {
		return &Error{
			Kind: HTTPStatus, Host: host, Status: resp.StatusCode,
			Reason: fmt.Sprintf("the host answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)),
		}
	}
	if resp.ContentLength > f.maxBytes {
		return f.tooBig(host)
	}
	return nil
}

func (f *Fetcher) tooBig(host string) *Error {
	return &Error{Kind: TooBig, Host: host, Reason: fmt.Sprintf("the file is larger than %d bytes", f.maxBytes)}
}

// copy is io.Copy with a limit, which tells failures to read from failures to
// write, and with watchdog running while it waits for the host.
func (f *Fetcher) copy(dst io.Writer, src io.Reader, watchdog *time.Timer) (total int64, err error) {
	buf := make([]byte, 64<<10)
	for {
		watchdog.Reset(f.idle)
		n, readErr := src.Read(buf)
		watchdog.Stop()
		if total+int64(n) > f.maxBytes {
			return total, f.tooBig("")
		}
		written, err := dst.Write(buf[:n])
		total += int64(written)
		if err != nil {
			return total, diskError(err)
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// failure turns what the http client or copy returned into an *Error.
func failure(ctx context.Context, host string, err error) *Error {
	own, ok := errors.AsType[*Error](err)
	if !ok && ctx.Err() != nil {
		if own, ok = errors.AsType[*Error](context.Cause(ctx)); !ok {
			return networkError(host, ctx.Err())
		}
	}
	if !ok {
		return networkError(host, err)
	}
	result := *own
	if result.Kind != Disk {
		result.Host = cmp.Or(result.Host, host)
	}
	return &result
}

// lastHost returns the host of the hop at which the http client failed.
func lastHost(err error) string {
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(urlErr.URL); parseErr == nil {
			return u.Host
		}
	}
	return ""
}

package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of one call. A body that is being sent may take as long as it moves.
const (
	dialFor   = 10 * time.Second
	answerFor = 30 * time.Second // from the last byte sent to the answer
	callFor   = 20 * time.Second // of a call without files
	stallFor  = time.Minute      // between two reads of a body that is being sent
	answerMax = 8 << 20          // bytes of one answer
)

// client makes the calls to Discord's REST API. discordgo's sleeps through rate
// limits under a lock whatever the context says, sends a POST again after a
// 502, keeps a bucket for every interaction for ever, and holds uploads in
// memory; here each call is made once, and its failure says what is known.
type client struct {
	transport http.RoundTripper
	base      string // without a slash at its end
	token     string
	limits    *limits
}

func newClient(token, base string, transport http.RoundTripper) *client {
	if transport == nil {
		transport = NewTransport()
	}
	return &client{transport: transport, base: base, token: token, limits: newLimits()}
}

// NewTransport is what calls to the REST API go over by themselves: it gives up
// a connection or an answer in time.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialFor}).DialContext,
		TLSHandshakeTimeout:   dialFor,
		ResponseHeaderTimeout: answerFor,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// call is one call to the API.
type call struct {
	method string
	route  string   // as the documentation writes it: /channels/{}/messages
	args   []string // what stands for its {}
	query  url.Values
	body   any // JSON; nil for none
	files  []upload
	// open says that the token of an interaction is among the args, and that
	// the call needs no other and counts for no limit of the bot's.
	open bool
}

func (c call) name() string { return c.method + " " + c.route }

func (c call) path() string {
	path := c.route
	for _, arg := range c.args {
		path = strings.Replace(path, "{}", url.PathEscape(arg), 1)
	}
	if len(c.query) > 0 {
		path += "?" + c.query.Encode()
	}
	return path
}

// major is what a limit is for beside the route: the channel or guild, or the
// interaction.
func (c call) major() string {
	switch {
	case c.open && len(c.args) > 1:
		return c.args[1] // the token
	case len(c.args) > 0:
		return c.args[0]
	}
	return ""
}

// do makes the call, unless a limit forbids it for now, and decodes what it
// answers into out, which may be nil. An error is a *callError or a
// *waitError. A call whose answer cannot be read was made all the same, and is
// no error: out is empty then.
func (c *client) do(ctx context.Context, one call, out any) error {
	if wait := c.limits.wait(one, time.Now()); wait > 0 {
		return &waitError{wait}
	}
	failed := &callError{Call: one.name()}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if len(one.files) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callFor)
		defer cancel()
	}
	req, sending, err := c.request(ctx, one, func() { stop(errStalled) })
	if err != nil {
		failed.Cause = err
		return failed
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		failed.Cause, failed.CutOff = c.presentable(one, cause(ctx, err)), sending != nil && !sending.done()
		return failed
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	c.limits.note(one, resp, time.Now())
	failed.Status = resp.StatusCode
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if out != nil && err == nil {
			_ = json.Unmarshal(body, out) // a newer kind of component, perhaps: it is there all the same
		}
		return nil
	}
	failed.read(resp, body)
	if failed.Status == http.StatusTooManyRequests {
		c.limits.refused(one, failed, time.Now())
	}
	return failed
}

func (c *client) request(ctx context.Context, one call, stall func()) (*http.Request, *form, error) {
	var body io.Reader
	var sending *form
	kind := "application/json"
	if one.body != nil {
		data, err := json.Marshal(one.body)
		if err != nil {
			return nil, nil, fmt.Errorf("encoding a call: %w", err)
		}
		body = bytes.NewReader(data)
		if len(one.files) > 0 {
			sending = newForm(data, one.files, stall)
			body, kind = sending, sending.contentType()
		}
	}
	req, err := http.NewRequestWithContext(ctx, one.method, c.base+one.path(), body)
	if err != nil {
		return nil, nil, errors.New("the address of the call is not one")
	}
	if sending != nil {
		req.ContentLength = sending.size
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("User-Agent", userAgent)
	if !one.open {
		req.Header.Set("Authorization", "Bot "+c.token)
	}
	return req, sending, nil
}

// userAgent is of the form that Discord asks for ("User Agent").
const userAgent = "DiscordBot (https://kie.ai, 1)"

// cause prefers why we gave up over what that looked like.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// presentable is the error without the bot's token and the interaction's.
func (c *client) presentable(one call, err error) error {
	text := err.Error()
	secrets := []string{c.token}
	for _, arg := range one.args {
		if one.open {
			secrets = append(secrets, arg, url.PathEscape(arg))
		}
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// callError is why a call failed. Its text has no token and nothing that a
// person wrote.
type callError struct {
	Call       string // method and route
	Status     int    // of HTTP; 0 when no answer came
	Code       int    // Discord's; 0 when the answer was not one of its own
	RetryAfter time.Duration
	Global     bool  // the RetryAfter is about every call
	Page       bool  // the answer is a page: Cloudflare's, mostly
	Cause      error // of no answer
	CutOff     bool  // files were still on their way, so Discord did nothing
}

// Error says what was called and what came back.
func (e *callError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("discord %s: %v", e.Call, e.Cause)
	case e.Code == 0:
		return fmt.Sprintf("discord %s: HTTP status %d", e.Call, e.Status)
	}
	return fmt.Sprintf("discord %s: HTTP status %d, code %d", e.Call, e.Status, e.Code)
}

// Unwrap gives the cause of no answer.
func (e *callError) Unwrap() error { return e.Cause }

// read takes in an answer that is not a success.
func (e *callError) read(resp *http.Response, body []byte) {
	var said struct {
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
		Global     bool    `json:"global"`
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	e.Page = err != nil || kind != "application/json" || json.Unmarshal(body, &said) != nil
	e.Code, e.Global = said.Code, said.Global || resp.Header.Get("X-RateLimit-Global") == "true"
	e.RetryAfter = time.Duration(said.RetryAfter * float64(time.Second))
	if resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	if header, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64); err == nil {
		e.RetryAfter = max(e.RetryAfter, time.Duration(header*float64(time.Second)))
	}
	if e.Page {
		e.Global = true // not Discord but what stands before it refuses, and everything
		e.RetryAfter = max(e.RetryAfter, pageWait)
	}
	e.RetryAfter = max(e.RetryAfter, leastWait)
}

// Waits that are ours, where Discord names none.
const (
	pageWait  = time.Minute
	leastWait = 250 * time.Millisecond
	tokenWait = time.Minute // between two tries of a token that is not valid
)

// waitError is a call that was not made, because Discord would refuse it.
type waitError struct{ wait time.Duration }

// Error says how long it has to wait.
func (e *waitError) Error() string {
	return "discord: nothing is taken there for " + e.wait.Round(time.Millisecond).String()
}

package kie

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxBody caps a reply. The largest real ones, records of long lyrics,
	// stay below 100 kB.
	maxBody = 8 << 20
	// defaultTries is how often a reading call is sent at most.
	defaultTries = 3
	// firstPause doubles after each try.
	firstPause = 500 * time.Millisecond
	// maxPause is the longest Retry-After that a call sits out by itself; a
	// longer one is left to the caller.
	maxPause = 30 * time.Second
	// minEchoKey is the shortest key that is looked for in replies. Kie's keys
	// have 32 characters; a shorter word could be part of an honest reply.
	minEchoKey = 8
)

// call is one operation of the API.
type call struct {
	op, method string
	base       string     // empty means the API's
	path       string     // without ids, for logs and, unless url is set, for the request
	url        string     // path as sent, escaped, when it holds ids
	query      url.Values // nil for none
	body       []byte     // JSON, nil for none
	stream     *stream    // in place of body
	creating   bool       // it buys something: never sent twice
}

// stream is a body that is sent as it is read.
type stream struct {
	open        func() io.Reader // a fresh body for each try
	length      int64            // bytes, -1 when unknown
	contentType string
}

// buy performs a call that changes something, exactly once, in the pace of
// Config.Creations.
func (c *Client) buy(ctx context.Context, call call) (envelope, *Error) {
	call.creating = true
	if c.creations != nil {
		release, err := c.creations.Acquire(ctx)
		if err != nil {
			return envelope{}, c.lost(call, false, err)
		}
		defer release()
	}
	return c.exchange(ctx, call)
}

// query performs a call that changes nothing, in the pace of Config.Queries.
func (c *Client) query(ctx context.Context, call call) (envelope, error) {
	return c.read(ctx, call, c.queries)
}

// read repeats a call that changes nothing while the trouble looks temporary:
// docs.kie.ai asks for backoff on 429 and 5xx. Each try waits for limit, which
// may be nil.
func (c *Client) read(ctx context.Context, call call, limit *rate.Limiter) (envelope, error) {
	for try := 1; ; try++ {
		if limit != nil {
			if err := limit.Wait(ctx); err != nil {
				return envelope{}, c.lost(call, false, err)
			}
		}
		env, failure := c.exchange(ctx, call)
		if failure == nil {
			return env, nil
		}
		pause := max(failure.RetryAfter, jitter(firstPause<<(try-1)))
		if try >= c.tries || !failure.passing() || pause > maxPause || endsWithin(ctx, pause) {
			return env, failure
		}
		if err := sleep(ctx, pause); err != nil {
			failure.Err = err
			return env, failure
		}
	}
}

// jitter spreads a pause over ±50 %, so that many callers do not come back
// together.
func jitter(pause time.Duration) time.Duration { return pause/2 + rand.N(pause) }

// endsWithin reports whether ctx ends before the pause is over, as far as can
// be known now.
func endsWithin(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < pause
}

// sleep waits, or returns the context's error when it ends first.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// exchange sends a call once and logs how it went, without anything that was
// said.
func (c *Client) exchange(ctx context.Context, call call) (envelope, *Error) {
	start := time.Now()
	env, failure := c.roundTrip(ctx, call)
	attrs := [...]slog.Attr{
		slog.String("op", call.op), slog.String("method", call.method), slog.String("route", call.path),
		slog.Int("code", env.code), slog.Duration("duration", time.Since(start)), slog.String("kind", ErrorKind(0).String()),
	}
	if failure != nil {
		attrs[len(attrs)-1] = slog.String("kind", failure.Kind.String())
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "kie call", attrs[:]...)
	return env, failure
}

// roundTrip sends a call once and returns the envelope. The envelope decides
// wherever there is one; the HTTP status is often 200 for errors and sometimes
// an error for real answers.
func (c *Client) roundTrip(ctx context.Context, call call) (envelope, *Error) {
	response, sent, err := c.send(ctx, call)
	if err != nil {
		return envelope{}, c.lost(call, sent, err)
	}
	defer func() {
		// The body was read as far as it is wanted.
		_ = response.Body.Close()
	}()
	failure := &Error{Op: call.op, HTTPStatus: response.StatusCode, RetryAfter: retryAfter(response.Header, time.Now())}
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		failure.Kind = ErrRefused
		failure.Message = fmt.Sprintf("HTTP %d redirects elsewhere, which is not followed: check the base URL", response.StatusCode)
		return envelope{}, failure
	}
	body, err := c.readBody(response)
	if err != nil {
		failure.Kind = statusKind(call.creating, response.StatusCode)
		failure.Message = oneLine(fmt.Sprintf("HTTP %d with an unreadable body: %v", response.StatusCode, err))
		failure.Err = err
		return envelope{}, failure
	}
	env, ok := parseEnvelope(body)
	switch {
	case !ok:
		failure.Kind = statusKind(call.creating, response.StatusCode)
		failure.Message = describe(response.StatusCode, body)
		if response.StatusCode == http.StatusNotFound {
			failure.Message += ": check the base URL"
		}
		return envelope{}, failure
	case env.code == 200:
		return env, nil
	}
	failure.Kind = codeKind(call.creating, env.code, env.message)
	failure.Code = env.code
	failure.Message = env.message
	return env, failure
}

// send performs the HTTP request and reports whether Kie may have received it.
//
// "Not sent" must be certain, because the caller then sends again. The trace
// of net/http gives that certainty: GetConn proves that the transport reports
// its steps at all, and WroteHeaders fires once the headers are with the
// connection, after dialling and the TLS handshake. Without it, at most a part
// of the request left this machine, which no server executes.
func (c *Client) send(ctx context.Context, call call) (response *http.Response, sent bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	var traced, wrote atomic.Bool
	trace := &httptrace.ClientTrace{
		GetConn:      func(string) { traced.Store(true) },
		WroteHeaders: func() { wrote.Store(true) },
	}
	request, err := c.newRequest(httptrace.WithClientTrace(ctx, trace), call)
	if err != nil {
		return nil, false, err
	}
	client := c.http
	if call.stream != nil {
		client = c.uploads
	}
	response, err = client.Do(request)
	return response, wrote.Load() || !traced.Load(), err
}

// newRequest writes a call as a request.
func (c *Client) newRequest(ctx context.Context, call call) (*http.Request, error) {
	address := call.url
	if address == "" {
		address = call.path
	}
	if len(call.query) > 0 {
		// Kie's samples write a blank as %20.
		address += "?" + strings.ReplaceAll(call.query.Encode(), "+", "%20")
	}
	base := call.base
	if base == "" {
		base = c.base
	}
	var body io.Reader = bytes.NewReader(call.body)
	contentType := "application/json"
	if call.stream != nil {
		body, contentType = call.stream.open(), call.stream.contentType
	}
	request, err := http.NewRequestWithContext(ctx, call.method, base+address, body)
	if err != nil {
		return nil, err
	}
	if call.stream != nil {
		request.ContentLength = call.stream.length
	}
	request.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.agent)
	if call.body != nil || call.stream != nil {
		request.Header.Set("Content-Type", contentType)
	}
	return request, nil
}

// lost is the error for a request without a response.
func (c *Client) lost(call call, sent bool, err error) *Error {
	// url.Error repeats method and address, which Op already says.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if strings.Contains(err.Error(), c.key.Reveal()) {
		// net/http quotes what it cannot parse, and a server may echo.
		err = errors.New("the reply could not be parsed")
	}
	failure := &Error{Kind: ErrTemporary, Op: call.op, Err: err}
	switch {
	case !sent:
		failure.Message = oneLine(fmt.Sprintf("nothing was sent: %v", err))
	case call.creating:
		failure.Kind = ErrUnknownOutcome
		failure.Message = oneLine(fmt.Sprintf("no answer after sending: %v", err))
	default:
		failure.Message = oneLine(fmt.Sprintf("no answer: %v", err))
	}
	return failure
}

// readBody returns the whole body, unpacked and without the API key. It fails
// on a body that is cut or larger than maxBody.
func (c *Client) readBody(response *http.Response) ([]byte, error) {
	var source io.Reader = response.Body
	// The transport unpacks what it asked for itself; a caller's transport may
	// not ask, and Kie packs regardless.
	if strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(source)
		if err != nil {
			return nil, fmt.Errorf("unpacking the body: %w", err)
		}
		source = unpacked
	}
	body, err := io.ReadAll(io.LimitReader(source, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the body exceeds %d bytes", maxBody)
	}
	if key := c.key.Reveal(); len(key) >= minEchoKey {
		body = bytes.ReplaceAll(body, []byte(key), []byte(redacted))
	}
	return body, nil
}

// retryAfter reads the header Retry-After, seconds or a date (RFC 9110,
// section 10.2.3); 0 when absent, past or unreadable.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

package telegram

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
	"path"
	"strings"
	"time"

	"github.com/go-telegram/bot"
)

// Bounds of one call. A body that is being sent may take as long as it moves.
const (
	dialFor   = 10 * time.Second
	answerFor = 90 * time.Second // from the last byte sent to the answer; getUpdates waits for 50 s on purpose
	stallFor  = time.Minute      // between two reads of a body that is being sent
	answerMax = 32 << 20         // bytes of one answer
)

// client makes the calls to a Bot API server: the library's, over a transport
// of ours. The library holds whole uploads in memory, loses the HTTP status of
// whatever is not the Bot API's own answer, and names the token in some errors;
// here a file goes from the disk to the connection, every failure is a
// *callError, and no error names the token.
type client struct {
	*bot.Bot
	transport http.RoundTripper
	base      string
	token     string
}

// newClient makes a client for the server at base, which has no slash at its
// end. It calls nothing. A nil transport is one with the bounds above.
func newClient(token, base string, transport http.RoundTripper) (*client, error) {
	if transport == nil {
		transport = NewTransport()
	}
	c := &client{transport: transport, base: base, token: token}
	var err error
	c.Bot, err = bot.New(token, bot.WithServerURL(base), bot.WithSkipGetMe(), bot.WithHTTPClient(answerFor, c),
		bot.WithErrorsHandler(func(error) {})) // it hears of bodies that could not be closed; ours are in memory
	if err != nil {
		return nil, fmt.Errorf("making the Telegram client: %w", c.presentable(err))
	}
	return c, nil
}

// NewTransport is what calls to the Bot API go over by themselves: it gives up
// a connection or an answer in time.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialFor}).DialContext,
		TLSHandshakeTimeout:   dialFor,
		ResponseHeaderTimeout: answerFor,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// Do implements the library's HttpClient. It follows no redirect, sends the
// files of the context in place of their marks, and answers only with what the
// Bot API says about a call that it made.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	method := path.Base(req.URL.Path)
	ctx, stop := context.WithCancelCause(req.Context())
	defer stop(nil)
	req = req.WithContext(ctx)
	if err := putFiles(req, func() { stop(errStalled) }); err != nil {
		return nil, &callError{Method: method, Cause: err}
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, &callError{Method: method, Cause: c.presentable(cause(ctx, err)), CutOff: underway(req.Body)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMax+1))
	if err != nil {
		return nil, &callError{Method: method, Status: resp.StatusCode, Cause: c.presentable(cause(ctx, err))}
	}
	if failed := refusal(method, resp, body); failed != nil {
		return nil, failed
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// cause prefers why we gave up over what that looked like.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// refusal reads an answer that is not a success.
func refusal(method string, resp *http.Response, body []byte) *callError {
	if resp.StatusCode == http.StatusOK && bytes.HasPrefix(body, []byte(`{"ok":true`)) {
		return nil
	}
	var answer struct {
		OK          bool   `json:"ok"`
		Code        int    `json:"error_code"`
		Description string `json:"description"`
		Parameters  struct {
			RetryAfter int64 `json:"retry_after"`
			MovedTo    int64 `json:"migrate_to_chat_id"`
		} `json:"parameters"`
	}
	failed := &callError{Method: method, Status: resp.StatusCode}
	if err := json.Unmarshal(body, &answer); err != nil || !answer.OK && answer.Code == 0 {
		failed.Description = "the answer is " + kindOfBody(resp)
		failed.RetryAfter = retryAfter(resp)
		return failed
	}
	if answer.OK && resp.StatusCode == http.StatusOK {
		return nil
	}
	failed.Code, failed.Description, failed.MovedTo = answer.Code, oneLine(answer.Description), answer.Parameters.MovedTo
	failed.RetryAfter = time.Duration(answer.Parameters.RetryAfter) * time.Second
	if failed.Code == http.StatusTooManyRequests && failed.RetryAfter <= 0 {
		failed.RetryAfter = retryAfter(resp)
	}
	return failed
}

// kindOfBody says what came in place of an answer: a proxy's page, mostly.
func kindOfBody(resp *http.Response) string {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind == "application/json" {
		return "not the Bot API's"
	}
	return "not the Bot API's but " + kind
}

// retryAfter is the Retry-After header; zero when there is none in seconds.
func retryAfter(resp *http.Response) time.Duration {
	wait, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s")
	if err != nil || wait < 0 {
		return 0
	}
	return wait
}

const descriptionMax = 200 // bytes that are kept of what a server says

// oneLine is the text without control characters, cut.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > descriptionMax {
		text = strings.ToValidUTF8(text[:descriptionMax], "") + "…"
	}
	return text
}

// presentable is the error without the token.
func (c *client) presentable(err error) error {
	if c.token == "" || !strings.Contains(err.Error(), c.token) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), c.token, "…"))
}

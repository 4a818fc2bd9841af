package telegramtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// hook is where updates are sent ("setWebhook").
type hook struct {
	url       string
	secret    string
	most      int // connections
	stop      context.CancelFunc
	ctx       context.Context
	lanes     map[string]bool // those with a delivery under way
	slots     chan struct{}
	lastError string
	lastDate  int64
	posts     []Delivery
}

// Delivery is one attempt to deliver an update to the webhook.
type Delivery struct {
	Time     time.Time
	UpdateID int64
	Kind     string
	Attempt  int // from 1
	Status   int // of the answer, 0 when none came
}

func newWebhookClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{DialContext: dialLoopback}
	}
	// "Marvin's Marvellous Guide to All Things Webhook": redirects are not followed.
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: noRedirects}
}

func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, &net.AddrError{Err: "not on this machine", Addr: address}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

var secretToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// setWebhook follows "setWebhook". Unlike the service this server takes plain
// http for loopback addresses even when it is not a local one, since that is
// where a test's bot listens.
func (s *Server) setWebhook(c *call) (any, error) {
	if c.has("secret_token") && !secretToken.MatchString(c.text("secret_token")) {
		return nil, badRequest("secret token contains unallowed characters")
	}
	if !c.has("url") {
		return s.deleteWebhook(c)
	}
	if err := s.webhookURL(c.text("url")); err != nil {
		return nil, err
	}
	if err := s.setAllowed(c); err != nil {
		return nil, err
	}
	s.oustPoller("terminated by setWebhook request")
	s.stopHook()
	if c.bool("drop_pending_updates") {
		s.queue.waiting = nil
	}
	most := min(max(int(c.int("max_connections")), 1), 100)
	if !c.has("max_connections") {
		most = 40
	}
	h := hook{url: c.text("url"), secret: c.text("secret_token"), most: most, lanes: map[string]bool{}, slots: make(chan struct{}, most)}
	h.ctx, h.stop = context.WithCancel(life{s.done})
	s.hook = h
	s.deliver()
	return true, nil
}

func (s *Server) webhookURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return badRequest("bad webhook: invalid webhook URL specified")
	}
	loopback := net.ParseIP(u.Hostname()).IsLoopback() || s.cfg.WebhookTransport != nil
	port := u.Port()
	switch {
	case s.cfg.Local && u.Scheme == "http", loopback && u.Scheme == "http":
		return nil
	case u.Scheme != "https":
		return badRequest("bad webhook: An HTTPS URL must be provided for webhook")
	case port != "" && !slices.Contains([]string{"443", "80", "88", "8443"}, port) && !s.cfg.Local && !loopback:
		return badRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
	}
	return nil
}

// life is the context of a Server. It ends with Close.
type life struct{ done chan struct{} }

func (life) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l life) Done() <-chan struct{}     { return l.done }
func (life) Value(any) any               { return nil }

func (l life) Err() error {
	select {
	case <-l.done:
		return context.Canceled
	default:
		return nil
	}
}

func (s *Server) stopHook() {
	if s.hook.stop != nil {
		s.hook.stop()
	}
	s.hook = hook{posts: s.hook.posts}
}

// deleteWebhook follows "deleteWebhook".
func (s *Server) deleteWebhook(c *call) (any, error) {
	s.stopHook()
	if c.bool("drop_pending_updates") {
		s.queue.waiting = nil
	}
	return true, nil
}

// getWebhookInfo follows "getWebhookInfo".
func (s *Server) getWebhookInfo(*call) (any, error) {
	s.expire()
	return struct {
		URL         string   `json:"url"`
		Certificate bool     `json:"has_custom_certificate"`
		Pending     int      `json:"pending_update_count"`
		LastDate    int64    `json:"last_error_date,omitempty"`
		LastError   string   `json:"last_error_message,omitempty"`
		Most        int      `json:"max_connections,omitempty"`
		Allowed     []string `json:"allowed_updates,omitempty"`
	}{s.hook.url, false, len(s.queue.waiting), s.hook.lastDate, s.hook.lastError, s.hook.most, s.queue.allowed}, nil
}

// logOut follows "logOut".
func (s *Server) logOut(*call) (any, error) { return true, nil }

// Deliveries returns every attempt to deliver an update to the webhook.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hook.posts)
}

// deliver starts a delivery for every lane that has updates and none under
// way. It wants s.mu.
func (s *Server) deliver() {
	if s.hook.url == "" || s.closed {
		return
	}
	for _, u := range s.queue.waiting {
		if !s.hook.lanes[u.lane] {
			s.hook.lanes[u.lane] = true
			ctx, lane := s.hook.ctx, u.lane
			s.wg.Go(func() { s.deliverLane(ctx, lane) })
		}
	}
}

// deliverLane delivers the updates of one chat or person in order, each until
// it is taken.
func (s *Server) deliverLane(ctx context.Context, lane string) {
	for attempt := 1; ; attempt++ {
		u, h := s.firstOf(ctx, lane)
		if u == nil {
			return
		}
		select {
		case h.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		status, after, err := s.post(ctx, h, u)
		<-h.slots
		if s.delivered(ctx, u, attempt, status, err) {
			attempt = 0
			continue
		}
		select {
		case <-time.After(max(after, s.pause(attempt))):
		case <-ctx.Done():
			return
		}
	}
}

// firstOf is the first update of a lane, nil when there is none left, which
// ends the lane, or the webhook changed.
func (s *Server) firstOf(ctx context.Context, lane string) (*update, *hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if ctx.Err() != nil {
		return nil, nil
	}
	h := s.hook
	for _, u := range s.queue.waiting {
		if u.lane == lane {
			return u, &h
		}
	}
	delete(s.hook.lanes, lane)
	return nil, nil
}

// pause is how long to wait after this many attempts: the first retry comes at
// once, then the pause doubles up to a minute or two.
func (s *Server) pause(attempts int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if attempts == 1 {
		return 0
	}
	most := time.Minute + time.Duration(s.random.Int64N(int64(time.Minute)))
	return min(time.Second<<min(attempts-2, 10), most)
}

func (s *Server) post(ctx context.Context, h *hook, u *update) (status int, after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(u.body))
	if err != nil {
		return 0, 0, fmt.Errorf("making a webhook request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if h.secret != "" {
		r.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
	}
	answer, err := s.webhook.Do(r)
	if err != nil {
		return 0, 0, fmt.Errorf("calling the webhook: %w", err)
	}
	defer answer.Body.Close()
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // 0 when there is none
	return answer.StatusCode, time.Duration(min(seconds, 3600)) * time.Second, nil
}

// delivered notes an attempt and says whether the update was taken.
func (s *Server) delivered(ctx context.Context, u *update, attempt, status int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.posts = append(s.hook.posts, Delivery{Time: s.now(), UpdateID: u.id, Kind: u.kind, Attempt: attempt, Status: status})
	defer s.touch()
	taken := status >= 200 && status < 300
	switch {
	case taken:
		i := slices.Index(s.queue.waiting, u)
		if i >= 0 {
			s.queue.waiting = slices.Delete(s.queue.waiting, i, i+1)
		}
	case ctx.Err() == nil:
		s.hook.lastDate, s.hook.lastError = s.now().Unix(), "Connection failed"
		if err == nil {
			s.hook.lastError = fmt.Sprintf("Wrong response from the webhook: %d %s", status, http.StatusText(status))
		}
	}
	return taken
}

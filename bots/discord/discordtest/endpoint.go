package discordtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Delivery is one attempt to post an interaction to the endpoint.
type Delivery struct {
	Time        time.Time
	Interaction string // its id; empty for a PING
	Kind        int    // "Interaction Type"
	Forgery     Forgery
	Took        time.Duration // on the configured clock
	Status      int           // of the reply, 0 when none came
	Problem     string        // why the reply is no answer, empty when it is one
}

// Forgery is what is wrong with a delivery.
type Forgery int

// The ways in which a delivery can be wrong. The endpoint has to refuse the
// first four with status 401; those of another time are well signed, and up to
// the endpoint.
const (
	Genuine     Forgery = iota // nothing
	NoSignature                // the headers are missing
	WrongKey                   // signed with another key
	OtherBody                  // the signature is that of another body
	NoHex                      // the signature is no hexadecimal text
	OldTime                    // signed an hour ago
	LaterTime                  // signed in an hour
)

// signed is a request as it was posted.
type signed struct {
	body            []byte
	time, signature string
}

func newEndpointClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{DialContext: dialLoopback, MaxIdleConnsPerHost: 64}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, Timeout: answerLife, CheckRedirect: stay}
}

func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, &net.AddrError{Err: "not on this machine", Addr: address}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// SetEndpoint makes interactions be posted to this address from now on, and no
// longer sent over the gateway; "" undoes it. As the developer portal does, it
// first sends a PING and another one that is badly signed, and says what is
// wrong with the replies.
func (s *Server) SetEndpoint(address string) error {
	if address != "" {
		if err := s.verify(address); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = address
	return nil
}

// verify follows "Setting Up an Endpoint". Unlike the service it takes plain
// http.
func (s *Server) verify(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("discordtest: %q is no address of an endpoint", address)
	}
	s.mu.Lock()
	ping := fmt.Appendf(nil, `{"id":%q,"application_id":%q,"type":1,"token":%q,"version":1}`, s.newID(), s.cfg.ApplicationID, s.secret(20))
	s.mu.Unlock()
	status, kind, text, err := s.exchange(address, s.signed(ping, Genuine))
	var reply struct{ Type int }
	switch {
	case err != nil:
		return fmt.Errorf("discordtest: the endpoint: %w", err)
	case status != http.StatusOK || !isJSON(kind) || json.Unmarshal(text, &reply) != nil || reply.Type != pong:
		return fmt.Errorf("discordtest: the endpoint answers PING with %d %s %.100s", status, kind, text)
	}
	for _, how := range []Forgery{WrongKey, NoSignature} {
		if status, _, _, err := s.exchange(address, s.signed(ping, how)); err != nil || status != http.StatusUnauthorized {
			return fmt.Errorf("discordtest: the endpoint answers a badly signed PING with %d, %w", status, err)
		}
	}
	return nil
}

func isJSON(kind string) bool {
	return kind == "application/json" || len(kind) > 16 && kind[:17] == "application/json;"
}

// signed signs a body as the service does: over the time and the body
// ("Validating Security Request Headers").
func (s *Server) signed(body []byte, how Forgery) *signed {
	at, key := s.now(), s.key
	switch how {
	case OldTime:
		at = at.Add(-time.Hour)
	case LaterTime:
		at = at.Add(time.Hour)
	}
	if how == WrongKey {
		key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	}
	out := &signed{body: body, time: strconv.FormatInt(at.Unix(), 10)}
	message := append([]byte(out.time), body...)
	if how == OtherBody {
		message = append(message, ' ')
	}
	out.signature = hex.EncodeToString(ed25519.Sign(key, message))
	switch how {
	case NoSignature:
		out.time, out.signature = "", ""
	case NoHex:
		out.signature = "z" + out.signature[1:]
	}
	return out
}

// exchange posts a request and reads the whole reply.
func (s *Server) exchange(address string, out *signed) (status int, kind string, text []byte, err error) {
	r, err := http.NewRequestWithContext(life{s.done}, http.MethodPost, address, bytes.NewReader(out.body))
	if err != nil {
		return 0, "", nil, fmt.Errorf("making a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	if out.signature != "" {
		r.Header.Set("X-Signature-Ed25519", out.signature)
		r.Header.Set("X-Signature-Timestamp", out.time)
	}
	reply, err := s.out.Do(r)
	if err != nil {
		return 0, "", nil, fmt.Errorf("posting: %w", err)
	}
	defer reply.Body.Close()
	text, err = io.ReadAll(io.LimitReader(reply.Body, maxUpload))
	if err != nil {
		return reply.StatusCode, "", nil, fmt.Errorf("reading the reply: %w", err)
	}
	return reply.StatusCode, reply.Header.Get("Content-Type"), text, nil
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

// dispatch sends an interaction to the bot, one way or the other. It wants
// s.mu.
func (s *Server) dispatch(in *Interaction) {
	if s.endpoint == "" {
		guild := ""
		if in.room.guild != nil {
			guild = in.room.guild.id
		}
		s.publish(0, guild, "INTERACTION_CREATE", in.payload)
		return
	}
	if s.closed {
		return
	}
	address := s.endpoint
	if in.sent == nil {
		in.sent = s.signed(in.payload, Genuine)
	}
	out := in.sent
	s.wg.Go(func() { s.post(address, in, out, Genuine) })
}

// Forge posts the interaction to the endpoint once more with something wrong,
// and returns when the endpoint has replied. The reply is never an answer.
func (in *Interaction) Forge(how Forgery) Delivery {
	s := in.s
	s.mu.Lock()
	address := s.endpoint
	s.mu.Unlock()
	return s.post(address, in, s.signed(in.payload, how), how)
}

// post delivers an interaction and takes the reply as the first answer.
func (s *Server) post(address string, in *Interaction, out *signed, how Forgery) Delivery {
	d := Delivery{Time: s.now(), Interaction: in.ID, Kind: in.Kind, Forgery: how}
	status, kind, text, err := s.exchange(address, out)
	d.Status = status
	if err == nil && how == Genuine {
		err = s.replied(in, status, kind, text)
	}
	if err != nil {
		d.Problem = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Took = s.now().Sub(d.Time)
	s.deliveries = append(s.deliveries, d)
	s.touch()
	return d
}

// replied takes the reply of an endpoint: 200 with the answer, or 202 when the
// bot answers by a callback.
func (s *Server) replied(in *Interaction, status int, kind string, text []byte) error {
	if status == http.StatusAccepted && len(text) == 0 {
		return nil
	}
	if status != http.StatusOK {
		return fmt.Errorf("discordtest: the endpoint replies with status %d", status)
	}
	c := &call{route: &route{shape: "response", files: true, method: "REPLY", path: "endpoint"}, log: &Call{}}
	if err := c.read(http.Header{"Content-Type": {kind}}, bytes.NewReader(text)); err != nil {
		return fmt.Errorf("discordtest: the endpoint's reply: %w", err)
	}
	if err := c.check(s); err != nil {
		return fmt.Errorf("discordtest: the endpoint's reply: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case in.answer != nil:
		return errors.New("discordtest: the interaction was answered before")
	case in.late():
		return errors.New("discordtest: the reply comes after three seconds")
	}
	err := s.respond(in, c.body, c.files, c)
	s.complaints = append(s.complaints, c.notes...)
	return err
}

// Deliveries returns every attempt to post an interaction to the endpoint,
// genuine or not, without PING.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// editApplication follows "Edit Current Application" for the endpoint.
func (s *Server) editApplication(c *call) (any, error) {
	var body struct {
		Endpoint *string `json:"interactions_endpoint_url"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body.Endpoint == nil {
		if c.body.(map[string]any)["interactions_endpoint_url"] == nil {
			s.endpoint = ""
		}
		return s.application(), nil
	}
	s.mu.Unlock()
	err := s.SetEndpoint(*body.Endpoint)
	s.mu.Lock()
	if err != nil {
		return nil, formError("interactions_endpoint_url", "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID", "The specified interactions endpoint url could not be verified.")
	}
	return s.application(), nil
}

package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/bwmarrin/discordgo"
)

const (
	planFor     = 5 * time.Second // that Discord's answer counts as true
	answerFor   = 10 * time.Second
	answerMax   = 1 << 16   // bytes of it
	longestStay = time.Hour // until Discord is asked again whether it allows a session
	mostShards  = 1 << 12   // that are believed
	userAgent   = "DiscordBot (https://kie.ai, 1)"
)

// planner asks Discord how to connect (Using Gateway, Get Gateway Bot). Its
// methods may be called concurrently.
type planner struct {
	base      string // of the REST API
	token     Token
	transport http.RoundTripper

	lock  chan struct{} // held while the rest is used
	plan  discordgo.GatewayBotResponse
	asked time.Time
}

func newPlanner(base string, token Token, transport http.RoundTripper) *planner {
	return &planner{base: base, token: token, transport: transport, lock: make(chan struct{}, 1)}
}

// ask is what Discord said a moment ago, or says now. As many sessions as are
// begun with it are counted off; with too few left it fails.
func (p *planner) ask(ctx context.Context, begun int) (discordgo.GatewayBotResponse, error) {
	select {
	case p.lock <- struct{}{}:
	case <-ctx.Done():
		return discordgo.GatewayBotResponse{}, ctx.Err()
	}
	defer func() { <-p.lock }()
	if p.asked.IsZero() || time.Since(p.asked) >= planFor {
		plan, err := p.fetch(ctx)
		if err != nil {
			return plan, err
		}
		p.plan, p.asked = plan, time.Now()
	}
	limit := &p.plan.SessionStartLimit
	if limit.Remaining < begun {
		return p.plan, &failure{
			what:  "Discord lets no session begin for now, there were too many within a day",
			after: min(time.Duration(limit.ResetAfter)*time.Millisecond, longestStay),
		}
	}
	limit.Remaining -= begun
	return p.plan, nil
}

// fetch makes the call. It follows no redirect.
func (p *planner) fetch(ctx context.Context) (plan discordgo.GatewayBotResponse, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/gateway/bot", nil)
	if err != nil {
		return plan, fmt.Errorf("asking Discord for its gateway: %w", err)
	}
	req.Header.Set("Authorization", "Bot "+p.token.reveal())
	req.Header.Set("User-Agent", userAgent)
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return plan, &failure{what: "Discord cannot be reached", cause: err}
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return plan, &failure{what: wrongToken, fate: hopeless}
	default:
		return plan, refusal(resp)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, answerMax)).Decode(&plan)
	if err != nil || plan.Shards < 1 || plan.Shards > mostShards {
		return plan, &failure{what: "Discord's answer about its gateway cannot be understood"}
	}
	return plan, nil
}

// refusal is the failure that an answer stands for which is no success.
func refusal(resp *http.Response) *failure {
	f := &failure{what: fmt.Sprintf("Discord answers with status %d", resp.StatusCode)}
	if wait, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil && wait > 0 {
		f.after = min(wait, longestStay)
	}
	return f
}

// socket is the address to connect to, made from one that Discord gave. It is
// encrypted, since the token goes there, unless plain is allowed.
func socket(given string, plain bool) (string, error) {
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "wss" && (u.Scheme != "ws" || !plain) {
		return "", &failure{what: "Discord gave no address to connect to"}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery, u.Fragment = "v=10&encoding=json", ""
	return u.String(), nil
}

package console

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many passwords and links can be tried, right ones included: from one
// address, and from all together, since addresses are cheap.
const (
	triesOfOne  = 5
	oneEvery    = 30 * time.Second
	triesOfAll  = 30
	allEvery    = 5 * time.Second
	addressesOf = 4096 // are remembered
)

// Guesses counts failed attempts to get into the console since the start.
type Guesses struct {
	Wrong   uint64 // passwords and links that were wrong
	Refused uint64 // attempts that were not looked at, because there had been too many
}

// guesses bounds and counts attempts.
type guesses struct {
	mu    sync.Mutex
	all   *rate.Limiter
	of    map[string]*rate.Limiter // by address
	count Guesses
}

func newGuesses() *guesses {
	return &guesses{all: rate.NewLimiter(rate.Every(allEvery), triesOfAll), of: map[string]*rate.Limiter{}}
}

// allow reports whether an attempt from the address may be looked at. One that
// its own address has no tries left for takes none from the others.
func (g *guesses) allow(address string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.of[address]
	if own == nil {
		if len(g.of) >= addressesOf {
			clear(g.of) // a flood; the bound of all together holds
		}
		own = rate.NewLimiter(rate.Every(oneEvery), triesOfOne)
		g.of[address] = own
	}
	if own.AllowN(now, 1) && g.all.AllowN(now, 1) {
		return true
	}
	g.count.Refused++
	return false
}

func (g *guesses) wrong() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count.Wrong++
}

func (g *guesses) counted() Guesses {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// addressOf is where the request comes from; of IPv6 the network, of which one
// customer has all.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}

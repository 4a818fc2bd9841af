package media

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestPublic(t *testing.T) {
	table := []struct {
		addr string
		want bool
	}{
		{"1.1.1.1", true},
		{"9.255.255.255", true},
		{"100.63.255.255", true},
		{"100.128.0.0", true},
		{"172.15.255.255", true},
		{"172.32.0.0", true},
		{"223.255.255.255", true},
		{"2606:4700:4700::1111", true},
		{"2a00:1450:4001::200e", true},
		{"::ffff:1.1.1.1", true},
		{"64:ff9b::1.1.1.1", true},

		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"10.0.0.1", false},
		{"100.64.0.1", false},
		{"100.100.100.200", false}, // Alibaba metadata
		{"127.0.0.1", false},
		{"127.255.255.254", false},
		{"168.63.129.16", false}, // Azure host agent
		{"169.254.169.254", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.0.0.192", false}, // Oracle metadata
		{"192.0.2.1", false},
		{"192.88.99.1", false},
		{"192.168.1.1", false},
		{"198.18.0.1", false},
		{"198.19.255.255", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"224.0.0.1", false},
		{"239.255.255.250", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::127.0.0.1", false}, // IPv4-compatible
		{"::ffff:127.0.0.1", false},
		{"::ffff:10.0.0.1", false},
		{"::ffff:0:1.1.1.1", false}, // IPv4-translated
		{"64:ff9b::10.0.0.1", false},
		{"64:ff9b::169.254.169.254", false},
		{"64:ff9b:1::1.1.1.1", false}, // local NAT64
		{"100::1", false},             // discard
		{"2001::1", false},            // Teredo
		{"2001:2::1", false},          // benchmarking
		{"2001:db8::1", false},        // documentation
		{"2002:7f00:1::", false},      // 6to4 of 127.0.0.1
		{"2002:101:101::1", false},    // 6to4 of 1.1.1.1
		{"3fff::1", false},            // documentation
		{"5f00::1", false},            // segment routing
		{"fc00::1", false},            // unique local
		{"fd00:ec2::254", false},      // Amazon metadata
		{"fe80::1", false},            // link-local
		{"fe80::1%eth0", false},       // with a zone
		{"2606:4700::1111%eth0", false},
		{"fec0::1", false}, // site-local
		{"ff02::1", false}, // multicast
	}
	for _, row := range table {
		if got := public(netip.MustParseAddr(row.addr)); got != row.want {
			t.Errorf("public(%s) = %v, want %v", row.addr, got, row.want)
		}
	}
}

func TestGuardDial(t *testing.T) {
	table := []struct {
		network, address string
		allowed          bool
	}{
		{"tcp4", "1.1.1.1:443", true},
		{"tcp6", "[2606:4700:4700::1111]:443", true},
		{"tcp4", "127.0.0.1:443", false},
		{"tcp6", "[fe80::1%eth0]:443", false},
		{"udp4", "1.1.1.1:443", false},
		{"tcp", "example.com:443", false},
		{"unix", "/run/service.sock", false},
	}
	for _, row := range table {
		err := guardDial(row.network, row.address, nil)
		if (err == nil) != row.allowed {
			t.Errorf("guardDial(%s, %s) = %v, want allowed = %v", row.network, row.address, err, row.allowed)
		}
	}
}

func TestCheckURL(t *testing.T) {
	table := []struct {
		url     string
		trusted bool
		want    string // part of the reason, "" when allowed
	}{
		{"https://cdn.example/a.png?sig=1", false, ""},
		{"https://cdn.example:443/a.png", false, ""},
		{"http://127.0.0.1:8081/file", true, ""},
		{"http://cdn.example/a.png", false, "only https"},
		{"HTTP://cdn.example/a.png", false, "only https"},
		{"ftp://cdn.example/a.png", false, "only https"},
		{"file:///etc/passwd", false, "not valid"},
		{"/etc/passwd", false, "not valid"},
		{"", false, "not valid"},
		{"https:cdn.example/a.png", false, "not valid"},
		{"https://:443/a.png", false, "not valid"},
		{"https://" + strings.Repeat("a", 300) + "/a.png", false, "not valid"},
		{"https://cdn.example:8443/a.png", false, "only port 443"},
		{"https://cdn.example:22/a.png", false, "only port 443"},
		{"https://user@cdn.example/a.png", false, "user name"},
		{"https://user:pass@cdn.example/a.png", false, "user name"},
		{"http://user:pass@127.0.0.1:8081/file", true, "user name"},
	}
	for _, row := range table {
		u, err := url.Parse(row.url)
		if err != nil {
			t.Fatal(err)
		}
		err = checkURL(u, row.trusted)
		if row.want == "" && err != nil {
			t.Errorf("checkURL(%q) = %v, want it allowed", row.url, err)
		}
		if row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("checkURL(%q) = %v, want a reason with %q", row.url, err, row.want)
		}
	}
}

// Blocked destinations must be refused by the whole Fetcher: given directly,
// and as the target of a redirect from a host that is trusted.
func TestFetchBlockedAddress(t *testing.T) {
	var hits []string
	other := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { hits = append(hits, r.Host) })
	port := other[strings.LastIndex(other, ":"):]
	targets := []string{
		other + "/secret",
		"https://127.0.0.1/secret",
		"https://127.0.0.1" + port + "/secret",
		"https://localhost/secret",
		"https://LOCALHOST/secret",
		"https://[::1]/secret",
		"https://[::ffff:127.0.0.1]/secret",
		"https://[::ffff:a00:1]/secret",
		"https://[64:ff9b::a9fe:a9fe]/secret",
		"https://10.1.2.3/secret",
		"https://169.254.169.254/latest/meta-data/?secret",
		"https://0.0.0.0/secret",
		"http://1.1.1.1/secret",
		"https://1.1.1.1:22/secret",
		"https://secret:secret@1.1.1.1/secret",
		"gopher://1.1.1.1/secret",
	}
	trusted := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{trusted}})
	check := func(label, rawURL string, kinds ...ErrorKind) {
		t.Helper()
		_, err := fetcher.Fetch(t.Context(), rawURL, new(strings.Builder))
		got, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: error %v is not an *Error", label, err)
			return
		}
		if got.Kind != BlockedAddress && !slices.Contains(kinds, got.Kind) {
			t.Errorf("%s: kind %q (%v), want it blocked", label, got.Kind, err)
		}
		if got.Kind == BlockedAddress && got.Temporary() {
			t.Errorf("%s: a blocked address is called temporary", label)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error quotes the URL: %v", label, err)
		}
	}
	for _, target := range targets {
		check("direct "+target, target)
		check("redirect to "+target, trusted+"/?to="+url.QueryEscape(target))
	}
	// The http package itself gives up on a Location that is missing or that it
	// cannot parse.
	check("redirect to nowhere", trusted+"/?to=", HTTPStatus)
	check("redirect to no URL", trusted+"/?to="+url.QueryEscape("https://bad host/secret"), Network)
	check("no URL", "https://bad host/secret")
	check("nothing", "")
	if len(hits) > 0 {
		t.Errorf("a blocked server was reached: %v", hits)
	}
}

// A host that only redirects may not lend a stranger the operator's trust.
func TestTrustIsNotInherited(t *testing.T) {
	r := &router{trusted: map[string]bool{"http://127.0.0.1:8081": true, "https://api.example:443": true}}
	hop := func(rawURL string, from *http.Request) *http.Request {
		req, err := http.NewRequest(http.MethodGet, rawURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if from != nil {
			req.Response = &http.Response{Request: from}
		}
		return req
	}
	trusted := hop("http://127.0.0.1:8081/a", nil)
	upper := hop("https://API.example/a", nil)
	stranger := hop("https://cdn.example/a", nil)
	table := []struct {
		name string
		req  *http.Request
		want bool
	}{
		{"trusted", trusted, true},
		{"default port and case", upper, true},
		{"other scheme", hop("https://127.0.0.1:8081/a", nil), false},
		{"other port", hop("http://127.0.0.1:8082/a", nil), false},
		{"stranger", stranger, false},
		{"trusted to trusted", hop("http://127.0.0.1:8081/b", upper), true},
		{"trusted to stranger", hop("https://cdn.example/b", trusted), false},
		{"stranger to trusted", hop("http://127.0.0.1:8081/b", stranger), false},
		{"stranger to trusted to trusted", hop("https://api.example/c", hop("http://127.0.0.1:8081/b", stranger)), false},
	}
	for _, row := range table {
		if got := r.trustedHop(row.req); got != row.want {
			t.Errorf("%s: trusted = %v, want %v", row.name, got, row.want)
		}
	}
}

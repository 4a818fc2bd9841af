package media

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// guardDial is a net.Dialer Control function: it sees the address after name
// resolution and just before connecting, so a name that changes its answer
// between a check and the connection gains nothing.
func guardDial(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return blocked("", "its address is not a TCP address")
	}
	if !public(target.Addr()) {
		return blocked("", fmt.Sprintf("its address %s is not public", target.Addr()))
	}
	return nil
}

// public reports whether addr belongs to a host on the public internet, by the
// IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890).
func public(addr netip.Addr) bool {
	addr = unembed(addr)
	if addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr) {
		return false // only this block is global unicast; an address with a zone is in none
	}
	for _, prefix := range reservedPrefixes() {
		if netip.MustParsePrefix(prefix).Contains(addr) {
			return false
		}
	}
	return true
}

// unembed returns the IPv4 address inside an IPv4-mapped or a NAT64 address:
// an IPv6-only host with DNS64 reaches the whole IPv4 internet through the
// latter (RFC 6052), so that prefix cannot be refused as a whole.
func unembed(addr netip.Addr) netip.Addr {
	if netip.MustParsePrefix("64:ff9b::/96").Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr.Unmap()
}

func reservedPrefixes() []string {
	return []string{
		"0.0.0.0/8",        // this network, unspecified
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata service
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's host agent: public by number, local by route
		"169.254.0.0/16",   // link-local; most clouds' metadata service
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // IETF assignments; Oracle's metadata service
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarking
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, broadcast
		"2001::/23",        // IETF assignments: Teredo, benchmarking, ORCHID
		"2001:db8::/32",    // documentation
		"2002::/16",        // 6to4: wraps any IPv4 address, no longer in use
		"3fff::/20",        // documentation
	}
}

// checkURL refuses what no address check can see. trusted lifts the rules about
// scheme and port.
func checkURL(u *url.URL, trusted bool) error {
	host := u.Host
	switch {
	case u.Hostname() == "" || len(host) > 260 || u.Opaque != "":
		return blocked("", "the URL is not valid")
	case u.User != nil:
		return blocked(host, "the URL holds a user name")
	case trusted:
		return nil
	case u.Scheme != "https":
		return blocked(host, "only https is allowed")
	case u.Port() != "" && u.Port() != "443":
		return blocked(host, "only port 443 is allowed")
	}
	return nil
}

// origin returns u's scheme, host and port in one canonical spelling.
func origin(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "http":
		port = "80"
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

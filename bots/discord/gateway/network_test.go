package gateway

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The same with a real network, encrypted as Discord's, and a real reset.
func TestOverTheNetwork(t *testing.T) {
	p := emptyPeer(t)
	server := httptest.NewTLSServer(http.HandlerFunc(p.serve))
	defer server.Close()
	cert := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", cert)
	address := strings.Replace(server.URL, "https", "wss", 1)
	p.plan = strings.Replace(p.plan, "ws://gateway.test", address, 1)

	g := p.start(func(cfg *Config) { cfg.URL, cfg.Dial = server.URL+"/api/v10", nil })
	l := p.accept()
	l.write(`{"op":10,"d":{"heartbeat_interval":100}}`)
	if r := l.next(10 * time.Second); r.Op != opIdentify {
		t.Fatalf("op %d in place of an identify", r.Op)
	}
	l.readies("[]", address+"/resume")
	l.interacts("1")
	for range 3 {
		if r := l.next(10 * time.Second); r.Op != opHeartbeat {
			t.Errorf("op %d in place of a heartbeat", r.Op)
		}
	}
	if err := l.ws.NetConn().(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	l.ws.NetConn().(interface{ NetConn() net.Conn }).NetConn().Close()

	l = p.accept()
	l.hello()
	if r := l.next(10 * time.Second); r.Op != opResume || l.path != "/resume" || string(r.Data) != `{"token":"`+testToken+`","session_id":"session-1","seq":2}` {
		t.Errorf("op %d at %s with %s", r.Op, l.path, r.Data)
	}
	l.seq.Store(2)
	l.event(eventResumed, `{}`)
	l.interacts("2")
	l.write(`{"op":1}`)
	if r := l.next(10 * time.Second); string(r.Data) != "4" {
		t.Errorf("heard up to %s", r.Data)
	}
	g.ends(10 * time.Second)
	l.over(ends)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.taken, []string{"1", "2"}) {
		t.Error(p.taken)
	}
}

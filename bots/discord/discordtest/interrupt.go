package discordtest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// GatewayMoment is a moment in the life of a connection to the gateway.
type GatewayMoment int

// The moments at which the gateway can fail.
const (
	AtDial      GatewayMoment = iota // before the handshake
	AtHello                          // in place of HELLO
	AtIdentify                       // in place of READY
	AtResume                         // in place of RESUMED and what was missed
	AtHeartbeat                      // in place of the acknowledgement
	AtEvent                          // in place of an event
)

// GatewayFault is one way for the gateway to go wrong. Silent is what happens
// when nothing else is said: what should have come never comes.
type GatewayFault struct {
	At    GatewayMoment
	Skip  int // how many such moments pass first
	Times int // how many it strikes: 0 means one, a negative number all

	Reconnect bool // op 7
	Invalid   bool // op 9, whose d is Resumable; when that is false the session is over
	Resumable bool
	Close     int  // closes with this code
	Drop      bool // resets the connection
}

// FaultGateway orders trouble at the gateway. stop ends it early.
func (s *Server) FaultGateway(f GatewayFault) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = cmp.Or(f.Times, 1)
	s.gate.faults = append(s.gate.faults, &f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gate.faults = slices.DeleteFunc(s.gate.faults, func(g *GatewayFault) bool { return g == &f })
	}
}

// Interrupt does to every connection what f says, now. With nothing said they
// stay open and are never answered or told anything again.
func (s *Server) Interrupt(f GatewayFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.gate.conns {
		f.strike(c)
		if (f == GatewayFault{At: f.At}) {
			c.deaf = true
			_ = c.ws.SetReadDeadline(time.Time{}) // nor is it told that its session timed out
		}
	}
	s.touch()
}

// suffers is suffer for who does not hold s.mu.
func (s *Server) suffers(at GatewayMoment, conns ...*conn) *GatewayFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suffer(at, conns...)
}

// suffer takes the fault of this moment, if there is one, and lets the
// connections have it. At a connection that is deaf nothing happens. It wants
// s.mu.
func (s *Server) suffer(at GatewayMoment, conns ...*conn) *GatewayFault {
	for _, c := range conns {
		if c.deaf {
			return &GatewayFault{At: at}
		}
	}
	for _, f := range s.gate.faults {
		if f.Times == 0 || f.At != at {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times = max(f.Times-1, min(f.Times, -1))
		struck := *f
		for _, c := range conns {
			struck.strike(c)
		}
		return &struck
	}
	return nil
}

// strike does to a connection what the fault says. It wants the server's lock.
func (f *GatewayFault) strike(c *conn) {
	if f.Reconnect {
		c.say(opReconnect, "null")
	}
	if f.Invalid && f.Resumable {
		c.say(opInvalid, "true")
	} else if f.Invalid {
		c.say(opInvalid, "false")
		if c.session != nil {
			c.s.forget(c.session)
			c.session = nil
		}
	}
	if f.Close != 0 {
		c.closeWith(f.Close, "")
	}
	if f.Drop {
		c.drop()
	}
}

// refuse is a fault before the handshake: a reset, a status, or silence.
func (f *GatewayFault) refuse(w http.ResponseWriter, r *http.Request, done <-chan struct{}) {
	switch {
	case f.Drop:
		reset(w)
	case f.Close != 0:
		http.Error(w, websocket.ErrBadHandshake.Error(), f.Close)
	default:
		select {
		case <-r.Context().Done():
		case <-done:
		}
		panic(http.ErrAbortHandler)
	}
}

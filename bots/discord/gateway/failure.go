package gateway

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// fate is what the end of a connection means for its session.
type fate int

const (
	resumable fate = iota // it waits at Discord, with what is missed
	gone                  // another has to be begun
	hopeless              // connecting again would end the same way
)

// failure is why there is no connection, or no longer. It is for the log and
// for readiness: it holds nothing of a payload.
type failure struct {
	what  string
	cause error // nil where what says it all
	fate  fate
	code  int           // that Discord closed the connection with; 0 for none
	after time.Duration // before which not to try again
}

func (f *failure) Error() string {
	if f.cause == nil {
		return f.what
	}
	return f.what + ": " + f.cause.Error()
}

func (f *failure) Unwrap() error { return f.cause }

// failureOf is the failure in an error.
func failureOf(err error) *failure {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{what: "the connection to Discord ended", cause: err}
	}
	return f
}

// What only the operator can put right, or whoever looks after kiebot.
const (
	wrongToken  = "Discord does not accept DISCORD_TOKEN: get the present one from the developer portal and start kiebot again"
	wrongShard  = "Discord does not accept DISCORD_SHARDS: it is auto, or n/m with n from 0 to m-1"
	moreShards  = "the bot is in too many servers for that few connections: set DISCORD_SHARDS to auto"
	wrongAPI    = "Discord no longer speaks version 10 of its gateway: get a newer kiebot"
	wrongIntent = "Discord does not accept the intents, of which kiebot asks for none: get a newer kiebot"
)

// The gateway's close codes that matter (Opcodes and Status Codes, Gateway
// Close Event Codes).
const (
	closeNotAuthenticated = 4003 // also: the session has been invalidated
	closeWrongToken       = 4004
	closeWrongSequence    = 4007
	closeTimedOut         = 4009
	closeWrongShard       = 4010
	closeMoreShards       = 4011
	closeWrongVersion     = 4012
	closeWrongIntents     = 4013
	closeForbiddenIntents = 4014
)

// closing is the failure that a close code stands for. After every code that is
// not named here the session may still be there, and a resume costs nothing.
func closing(code int) *failure {
	f := &failure{what: fmt.Sprintf("Discord closed the connection with %d", code), code: code}
	switch code {
	case closeNotAuthenticated, closeWrongSequence, closeTimedOut:
		f.fate = gone
	case closeWrongToken:
		f.what, f.fate = wrongToken, hopeless
	case closeWrongShard:
		f.what, f.fate = wrongShard, hopeless
	case closeMoreShards:
		f.what, f.fate = moreShards, hopeless
	case closeWrongVersion:
		f.what, f.fate = wrongAPI, hopeless
	case closeWrongIntents, closeForbiddenIntents:
		f.what, f.fate = wrongIntent, hopeless
	}
	return f
}

var errBroken = errors.New("what came is no gateway payload")

// unread is the failure that a read ended with.
func unread(err error) *failure {
	var closed *websocket.CloseError
	var network net.Error
	switch {
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		return closing(closed.Code) // what it says beside the code is Discord's own
	case errors.As(err, &network) && network.Timeout():
		return &failure{what: "Discord said nothing for too long"}
	case errors.Is(err, websocket.ErrReadLimit):
		return &failure{what: "Discord sent more at once than is taken", cause: errBroken}
	case errors.Is(err, errBroken):
		return &failure{what: "Discord cannot be understood", cause: errBroken}
	}
	return &failure{what: "the connection to Discord broke", cause: err}
}

package discord

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

// The gateway goes wrong fifty times in a row. What Discord still accepts an
// answer to is answered, and what ends with the session comes to the next one.
func TestTheGatewayFiftyTimes(t *testing.T) {
	type gatewayFault = discordtest.GatewayFault
	ways := []struct {
		name   string
		now    gatewayFault
		resume *gatewayFault // what goes wrong with the first attempt to go on
		lost   bool          // the session is over, or nobody notices for a while
	}{
		{name: "op 7", now: gatewayFault{Reconnect: true}},
		{name: "op 9, resumable", now: gatewayFault{Invalid: true, Resumable: true}},
		{name: "op 9", now: gatewayFault{Invalid: true}, lost: true},
		{name: "a reset", now: gatewayFault{Drop: true}},
		{name: "an unknown error", now: gatewayFault{Close: 4000}},
		{name: "a session that timed out", now: gatewayFault{Close: 4009}, lost: true},
		{name: "silence", lost: true},
		{name: "a refused resume", now: gatewayFault{Drop: true}, resume: &gatewayFault{At: discordtest.AtResume, Invalid: true}, lost: true},
		{name: "a reset while resuming", now: gatewayFault{Drop: true}, resume: &gatewayFault{At: discordtest.AtResume, Drop: true}, lost: true},
		{name: "op 7 while resuming", now: gatewayFault{Reconnect: true}, resume: &gatewayFault{At: discordtest.AtResume, Reconnect: true}, lost: true},
	}
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		w.discord.Online(t)
		at := w.channel.As(w.ada)
		running := 0
		for n := range 50 {
			way := ways[n%len(ways)]
			if way.resume != nil {
				w.discord.FaultGateway(*way.resume)
			}
			w.discord.Interrupt(way.now)
			if way.lost {
				<-time.After(5 * time.Minute)
				w.discord.Online(t)
			}
			asked := at.Types("/balance")
			<-time.After(3 * time.Second)
			if _, ok := asked.Answered(); !ok {
				t.Errorf("number %d, %s: not answered", n, way.name)
			}
			<-time.After(5 * time.Minute)
			synctest.Wait()
			switch now := runtime.NumGoroutine(); {
			case n == len(ways)-1:
				running = now
			case n == 49 && now > running+5:
				t.Errorf("%d goroutines after ten, %d after fifty", running, now)
			}
		}
		at.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		if sessions := w.discord.Sessions(); len(sessions) > 50 {
			t.Errorf("%d sessions", len(sessions))
		} else {
			fmt.Fprintf(t.Output(), "%d sessions\n", len(sessions))
		}
	})
}

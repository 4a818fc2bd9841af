package bots

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Contain runs answer. When that panics, broken gives the answer instead: whoever
// asked must not wait for ever, and nobody else must notice.
func Contain(answer func() Reply, broken func(error) Reply) (reply Reply) {
	defer func() {
		if what := recover(); what != nil {
			reply = broken(Panicked(what))
		}
	}()
	return answer()
}

// Panicked is a recovered panic as an error for the log, with where it was. What
// the panic says may be a person's words, so only its type is told, unless it is
// the runtime's own.
func Panicked(what any) error {
	if ours, ok := what.(runtime.Error); ok {
		return fmt.Errorf("panic: %w\n%s", ours, debug.Stack())
	}
	return fmt.Errorf("panic of a %T\n%s", what, debug.Stack())
}

// Broken is the answer to who would wait for one that a panic ended.
func (b *Bot) Broken(locale string) Reply {
	return Reply{Refused: true, Text: b.voice(locale).say("refused.broken", nil)}
}

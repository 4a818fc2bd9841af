package telegram

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// killer is the connection of a process that dies at its n-th call of a chat:
// before Telegram hears of it, or when Telegram has done it and nobody heard.
// What was durable then is kept in file; the dead call nobody any more.
type killer struct {
	*town
	n     int
	after bool
	file  string

	mu     sync.Mutex
	calls  int
	method string        // at which it died
	done   chan struct{} // closed when it is dead
}

func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	method := path.Base(r.URL.Path)
	chat := !slices.Contains([]string{"getMe", "getUpdates", "setMyCommands", "getMyCommands", "deleteWebhook", "getStarTransactions"}, method)
	k.mu.Lock()
	dead := k.method != ""
	if chat && !dead {
		k.calls++
	}
	dies := chat && !dead && k.calls == k.n
	if dies {
		k.method = method
	}
	k.mu.Unlock()
	switch {
	case dead:
		return nil, errors.New("the process is dead")
	case dies:
		return nil, k.die(r)
	}
	return k.net.RoundTrip(r)
}

// die keeps what is durable. A call to Kie that is under way is waited for:
// what becomes of that is core's to test.
func (k *killer) die(r *http.Request) error {
	defer close(k.done)
	<-time.After(time.Second)
	kept, err := os.Create(k.file)
	if err != nil {
		return err
	}
	defer kept.Close()
	if err := k.store.Backup(k.t.Context(), kept); err != nil {
		return err
	}
	if k.after {
		resp, err := k.net.RoundTrip(r)
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return errors.New("the process dies")
}

func (k *killer) died() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.method
}

// Killed at any call and started again, everything is shown, and only a message
// that Telegram took while the process died is there twice.
func TestKilledAtAnyCall(t *testing.T) {
	for _, after := range []bool{false, true} {
		more := true
		for n := 1; more && !t.Failed(); n++ {
			more = false // also for one that is left out with -run
			t.Run(fmt.Sprintf("call %d, executed %t", n, after), func(t *testing.T) {
				inTown(t, townConfig{}, func(t *testing.T, w *town) { more = killedAt(t, w, n, after) })
			})
		}
	}
}

// killedAt is false when there was no such call.
func killedAt(t *testing.T, w *town, n int, after bool) bool {
	k := &killer{town: w, n: n, after: after, file: filepath.Join(w.dir, "kept.db"), done: make(chan struct{})}
	w.end()
	w.wire = k
	w.start()
	ann := w.tg.Person("Ann")
	ann.Types("/imagine a cat --n 2")
	for k.died() == "" {
		if got := ann.Private().FromBot(); len(got) == 3 && got[0].Kind() == "photo" {
			return false
		}
		<-time.After(100 * time.Millisecond)
	}
	<-k.done
	w.end()
	w.must(os.Rename(k.file, filepath.Join(w.dir, "kiebot.db")))
	w.wire = w.net
	w.start()
	ann.Until(t, finds("text", "a cat", "left today"))
	<-time.After(10 * time.Minute)
	want := map[string]int{"photo": 2, "text": 1}
	switch { // what nobody heard of is shown again, and nothing else
	case after && k.died() == "sendMediaGroup":
		want["photo"] = 4
	case after && k.died() == "sendMessage":
		want["text"] = 2
	}
	if got := kinds(ann.Private().FromBot()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("killed at %s, the chat shows %v, want %v", k.died(), got, want)
	}
	return true
}

// kinds counts messages by their kind.
func kinds(messages []telegramtest.Message) map[string]int {
	count := map[string]int{}
	for _, m := range messages {
		count[m.Kind()]++
	}
	return count
}

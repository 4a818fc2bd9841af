package telegramtest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// A local server names files on its disk, takes webhooks over plain http and
// has no limit of 20 MB ("Using a Local Bot API Server").
func TestLocal(t *testing.T) {
	b := newBot(t, telegramtest.Config{Local: true, Dir: t.TempDir()})
	ann := b.s.Person("Ann")
	big := bytes.Repeat([]byte("cat"), 8<<20)
	sent := ann.Sends(telegramtest.Video(big, 16, 9, 5), "/edit")
	var f telegramtest.File
	b.must(&f, "getFile", fields{"file_id": sent.FileID()})
	got, err := os.ReadFile(f.FilePath)
	if err != nil || !filepath.IsAbs(f.FilePath) || !bytes.Equal(got, big) {
		t.Errorf("%s holds %d bytes, %v", f.FilePath, len(got), err)
	}
	b.took(nil, b.upload("sendDocument", fields{"chat_id": ann.ID()}, map[string][]byte{"document": make([]byte, 51<<20)}))
	b.must(nil, "setWebhook", fields{"url": "http://127.0.0.1:1/hook"})
	b.clean()
}

// note keeps what a test was told in place of failing.
type note struct {
	ctx  context.Context
	text string
}

func (n *note) Helper()                        {}
func (n *note) Context() context.Context       { return n.ctx }
func (n *note) Fatalf(f string, values ...any) { n.text = fmt.Sprintf(f, values...) }

// Waiting in vain fails the test and shows what there is.
func TestWaitingInVain(t *testing.T) {
	b := newBot(t, telegramtest.Config{Patience: time.Millisecond})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "hello"})
	if ann.Next(t).Text != "hello" {
		t.Error("the message is another")
	}
	n := &note{ctx: t.Context()}
	ann.Next(n)
	if !strings.Contains(n.text, "no further message") || !strings.Contains(n.text, "testbot: [text] hello") {
		t.Errorf("the test was told %q", n.text)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	n = &note{ctx: ended}
	ann.Until(n, func(m telegramtest.Message) bool { return m.Text == "bye" })
	if !strings.Contains(n.text, "before the test ended") {
		t.Errorf("the test was told %q", n.text)
	}
	n = &note{ctx: t.Context()}
	b.s.Until(n, func() bool { return false })
	if !strings.Contains(n.text, "did not happen within 1ms") {
		t.Errorf("the test was told %q", n.text)
	}
}

// Edits are counted, what was edited away is gone, and people's edits are told.
func TestEdits(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	said := ann.Types("/imagine a cat")
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "waiting", "reply_parameters": fields{"message_id": said.ID}})
	msg := ann.Next(t)
	photo := picture(t, 30, 20)
	b.took(nil, b.upload("editMessageMedia", fields{"chat_id": ann.ID(), "message_id": msg.ID, "media": fields{"type": "photo", "media": "attach://a", "caption": "done"},
		"reply_markup": keyboard(fields{"text": "a", "callback_data": "b"})}, map[string][]byte{"a": photo}))
	msg = ann.Private().Message(msg.ID)
	if msg.Text != "" || msg.Caption != "done" || !bytes.Equal(msg.Bytes(), photo) || msg.Edits != 1 || msg.ReplyTo.ID != said.ID || len(msg.Buttons()) != 1 {
		t.Errorf("the message became %v", msg)
	}
	b.must(nil, "editMessageCaption", fields{"chat_id": ann.ID(), "message_id": msg.ID, "caption": "really done"})
	if now := ann.Private().Message(msg.ID); now.Caption != "really done" || len(now.Buttons()) != 0 {
		t.Errorf("an edit without a keyboard leaves %v", now)
	}
	b.refused(b.call("editMessageText", fields{"chat_id": ann.ID(), "message_id": msg.ID, "text": "x"}), "Bad Request: there is no text in the message to edit")
	if got := ann.Edits(said, "/imagine a dog"); got.Text != "/imagine a dog" || got.EditDate == 0 {
		t.Errorf("the person's edit is %+v", got)
	}
	if got := b.updates(fields{"offset": -1}); len(got) != 1 || got[0]["edited_message"] == nil {
		t.Errorf("the bot was told %v", got)
	}
	b.must(nil, "deleteMessages", fields{"chat_id": ann.ID(), "message_ids": []int64{msg.ID, 9999}})
	if !ann.Private().Message(msg.ID).Deleted || len(ann.Private().FromBot()) != 0 {
		t.Error("a deleted message is still there")
	}
	b.clean()
}

package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

// Only what Discord signed a moment ago is listened to, and once.
func TestForgedAndReplayedInteractions(t *testing.T) {
	inWorld(t, worldConfig{hook: true}, func(t *testing.T, w *world) {
		in := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		in.Becomes(t, made(1, "a cat"))
		for _, how := range []discordtest.Forgery{discordtest.NoSignature, discordtest.WrongKey, discordtest.OtherBody, discordtest.NoHex, discordtest.OldTime, discordtest.LaterTime} {
			if d := in.Forge(how); d.Status != http.StatusUnauthorized {
				t.Errorf("forgery %d: status %d", how, d.Status)
			}
		}
		w.channel.As(w.ada).Sends(42, nil) // of a type that does not exist yet
		<-time.After(time.Second)
		if all := w.discord.Deliveries(); all[len(all)-1].Status != http.StatusBadRequest {
			t.Errorf("an unknown type: %+v", all[len(all)-1])
		}
		in.Redeliver()
		<-time.After(signedFor + time.Second)
		in.Redeliver()
		<-time.After(time.Minute)
		all := w.discord.Deliveries()
		if n := len(all); all[n-2].Status != http.StatusConflict || all[n-1].Status != http.StatusUnauthorized {
			t.Errorf("%+v", all[n-2:])
		}
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestRedeliveredByTheGateway(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		in := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		in.Redeliver()
		in.Becomes(t, made(1, "a cat"))
		in.Redeliver()
		<-time.After(10 * time.Minute)
		if n := len(w.kie.Tasks()); n != 1 || len(w.channel.FromBot()) != 1 || len(w.discord.Calls(routeFirst)) != 1 {
			t.Errorf("%d requests, %s", n, w.channel.FromBot())
		}
	})
}

// An interaction that comes again to a process that never saw it makes nothing
// new, and costs nothing.
func TestRedeliveredAfterARestart(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		in := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		in.Becomes(t, says("a cat"))
		w.end()
		w.start()
		in.Redeliver()
		in.Becomes(t, made(1, "a cat"))
		<-time.After(10 * time.Minute)
		if n := len(w.kie.Tasks()); n != 1 || len(w.channel.FromBot()) != 1 {
			t.Errorf("%d requests, %s", n, w.channel.FromBot())
		}
	})
}

// What comes may be of other types than it should be: nothing panics, and
// whatever can be answered is.
func TestInteractionsOfWrongTypes(t *testing.T) {
	option := func(text string) func(map[string]any) {
		return func(i map[string]any) { i["data"].(map[string]any)["options"] = json.RawMessage(text) }
	}
	for name, change := range map[string]func(map[string]any){
		"numbers for words":   option(`[{"name":"prompt","type":3,"value":7}]`),
		"words for numbers":   option(`[{"name":"prompt","type":3,"value":"a"},{"name":"count","type":4,"value":"two"}]`),
		"words for switches":  option(`[{"name":"prompt","type":3,"value":"a"},{"name":"private","type":5,"value":"yes"}]`),
		"objects":             option(`[{"name":"prompt","type":3,"value":{"a":[1]}},{"name":"image","type":11,"value":{}}]`),
		"files that are none": option(`[{"name":"prompt","type":3,"value":"a"},{"name":"image","type":11,"value":"12345"}]`),
		"unknown options":     option(`[{"name":"new","type":99,"value":null},{"name":"prompt","type":3}]`),
		"no options":          option(`null`),
		"no channel":          func(i map[string]any) { delete(i, "channel") },
		"no permissions":      func(i map[string]any) { i["app_permissions"] = "many" },
		"an unknown command":  func(i map[string]any) { i["data"].(map[string]any)["name"] = "weather" },
		"a command for people": func(i map[string]any) {
			i["data"].(map[string]any)["type"] = 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
				w.discord.FaultGateway(discordtest.GatewayFault{At: discordtest.AtEvent})
				in := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
				w.ours.take(changed(t, in, change))
				in.Answer(t)
				if n := w.spy.logged("could not be handled"); n != 0 {
					t.Error("it panicked")
				}
			})
		})
	}
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		for _, raw := range []string{"", "null", "[]", `{"id":7}`, `{"id":"7","token":"x","type":42}`, `{"id":"8","token":"x","type":1}`} {
			w.ours.take(json.RawMessage(raw))
		}
		w.discord.FaultGateway(discordtest.GatewayFault{At: discordtest.AtEvent})
		in := w.channel.As(w.ada).Types("/balance")
		w.ours.take(changed(t, in, func(i map[string]any) { i["type"] = 42 }))
		in.Failed(t)
		if n := w.spy.logged("could not be handled"); n != 0 {
			t.Error("it panicked")
		}
		w.channel.As(w.ada).Types("/balance").Answer(t)
	})
}

// changed is the interaction with something else in it.
func changed(t *testing.T, in *discordtest.Interaction, change func(map[string]any)) json.RawMessage {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(in.Payload(), &whole); err != nil {
		t.Fatal(err)
	}
	change(whole)
	data, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files that no model takes are refused with a sentence, and what only calls
// itself a picture costs nothing.
func TestAttachmentsThatAreNoUse(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		for _, test := range []struct {
			name string
			data []byte
			says string
		}{
			{"empty.png", nil, "empty.png"},
			{"huge.png", append(picture(t), make([]byte, 31<<20)...), "MB"},
			{"notes.png", []byte("hello"), ""},
		} {
			asked := at.Types("/edit", set("prompt", "a hat"), attach("image", test.name, test.data))
			asked.Becomes(t, says(test.says, "othing was charged"))
		}
		letter := at.Writes("read this", attach("", "notes.txt", []byte("hello")))
		if m := at.UsesOn(letter, "Animate").Becomes(t, says("no picture or video", "othing was charged")); m.For != w.ada.ID() {
			t.Errorf("%s", m)
		}
		if n := len(w.kie.Tasks()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestLongPrompts(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		for _, words := range []string{strings.Repeat("😀*_`", 1000), strings.Repeat("**[x](y)** ", 360), strings.Repeat("|| ~~", 800)} {
			w.channel.As(w.ada).Types("/imagine", set("prompt", words)).Becomes(t, made(1, words[:20]))
			form := w.channel.As(w.ada).Types("/imagine").Modal(t)
			form.Submits(set("words", words)).Becomes(t, made(1, words[:20]))
		}
	})
}

// Buttons are pressed under messages that are gone, that are somebody else's,
// and with names that nobody gave them.
func TestButtonsOfOtherMessages(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		result := at.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		again, _ := result.Button("Again")
		id := again.CustomID[strings.LastIndex(again.CustomID, ":")+1:]
		for _, name := range []string{"x", "1:again:", "1:delete:zzzz", "2:again:" + id, "1:edited:" + id, "form:nothing:", "form:imagine:{", strings.Repeat("x", 100), "1:new:" + id} {
			if m := w.ada.Forges(result, name); m.Answer(t).Type == 0 {
				t.Errorf("%s was not answered", name)
			}
		}
		for _, action := range []string{"again", "edit", "info", "delete", "cancel", "upscale", "animate"} {
			asked := w.eva.Forges(result, "1:"+action+":"+id)
			w.channel.As(w.eva).Until(t, func(m discordtest.Message) bool {
				return m.Metadata != nil && m.Metadata.ID == asked.ID && m.For == w.eva.ID()
			})
		}
		<-time.After(10 * time.Minute)
		if n := len(w.kie.Tasks()); n != 1 || len(w.channel.FromBot()) != 1 {
			t.Errorf("%d requests, %s", n, w.channel.FromBot())
		}
		at.Deletes(result)
		w.ada.PressesStale(result, "Again").Answer(t)
		w.channel.Until(t, func(m discordtest.Message) bool { return m.ID != result.ID && made(1, "a cat")(m) })
	})
}

// The place goes while a task runs: whoever asked gets the result alone.
func TestPlacesThatGo(t *testing.T) {
	for name, goes := range map[string]func(*world){
		"a deleted channel":    func(w *world) { w.channel.Deletes() },
		"a bot that is kicked": func(w *world) { w.guild.Kicks() },
		"no Attach Files":      func(w *world) { w.channel.Deny(discordtest.PermAttachFiles) },
	} {
		for when, kie := range map[string]kietest.Config{"early": {}, "late": slow()} {
			t.Run(name+" "+when, func(t *testing.T) {
				both(t, worldConfig{kie: kie}, func(t *testing.T, w *world) {
					w.ada.Installs() // so that the two of them still share something
					w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat")).Original(t)
					<-time.After(time.Second)
					goes(w)
					found := func() (n int) {
						for _, m := range slices.Concat(w.channel.FromBot(), w.ada.FromBot()) {
							if made(1, "a cat")(m) {
								n++
							}
						}
						return n
					}
					w.discord.Until(t, func() bool { return found() == 1 })
					<-time.After(time.Hour)
					if n := found(); n != 1 || w.discord.Invalid() > 3 {
						t.Errorf("it is there %d times; %d calls were refused", n, w.discord.Invalid())
					}
				})
			})
		}
	}
}

// finished is a batch of one result, which no interaction can show any more.
func (w *world) finished(file media.File, id core.DeliveryID) core.Parcel {
	lane := core.NewLane(Platform, w.channel.ID())
	task := core.Task{
		ID: "01kdvdnwyqssf841v9", State: core.Succeeded, Finished: now(),
		Outputs: []core.Output{{URL: "https://files.kie.test/a", File: &file}},
		Request: core.Request{Model: "google/imagen4-fast", Prompt: "a cat", Origin: core.Origin{
			Identity: core.Identity{Platform: Platform, User: w.ada.ID()}, Lane: lane, Locale: "en", Ref: ref{Guild: w.guild.ID(), Posts: true}.encode(),
		}},
	}
	return core.Parcel{
		Delivery: core.Delivery{ID: id, Lane: lane, Kind: core.DeliverFinal, Lead: task.ID}, Tasks: []core.Task{task},
		Keep: func(context.Context, json.RawMessage) error { return nil },
	}
}

// 60 MB go as a link where the guild takes no more than 10 or 50 MB.
func TestALargeResult(t *testing.T) {
	for tier, files := range []int{0, 0, 0, 1} {
		inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
			w.guild.SetTier(tier)
			up := resultFile(t, 60<<20)
			file := media.File{Path: up.path, Name: "a.mp4", Size: up.size, Kind: media.Video, Type: up.kind}
			if _, err := w.ours.Deliver(t.Context(), w.finished(file, 7)); err != nil {
				t.Fatal(err)
			}
			m := w.channel.Next(t)
			_, linked := m.Button("🔗")
			if len(m.Attachments) != files || linked != (files == 0) || says("works until")(m) != linked {
				t.Errorf("tier %d: %s", tier, m)
			}
		})
	}
}

// Discord takes less than it says: each refusal is a step down.
func TestStepsDown(t *testing.T) {
	for _, fault := range []discordtest.Fault{{Status: 413}, {Status: 413, HTML: true}, {Status: 400, Code: codeTooLarge}} {
		for times, want := range []string{".png", "-smaller.jpg", ""} {
			inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
				var data bytes.Buffer
				w.must(png.Encode(&data, image.NewGray(image.Rect(0, 0, 320, 200))))
				path := filepath.Join(w.dir, "a.png")
				w.must(os.WriteFile(path, data.Bytes(), 0o600))
				if fault.Route, fault.Times = routePost, times; times > 0 {
					w.discord.Fault(fault)
				}
				file := media.File{Path: path, Name: "a.png", Size: int64(data.Len()), Kind: media.Image, Type: "image/png", Width: 320, Height: 200}
				if _, err := w.ours.Deliver(t.Context(), w.finished(file, 7)); err != nil {
					t.Fatal(err)
				}
				m := w.channel.Next(t)
				_, linked := m.Button("🔗")
				if want == "" && len(m.Attachments) > 0 || want != "" && (len(m.Attachments) != 1 || !strings.HasSuffix(m.Attachments[0].Filename, want)) || linked != (times > 0) {
					t.Errorf("%+v: %s", fault, m)
				}
			})
		}
	}
}

// Discord is away for an hour while tasks run: their results are shown
// afterwards, once each.
func TestAnHourWithoutDiscord(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		other := w.guild.Channel("waves")
		cat := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		wave := other.As(w.eva).Types("/video", set("prompt", "a wave"))
		cat.Becomes(t, says("a cat"))
		wave.Becomes(t, says("a wave"))
		up := w.discord.Down()
		<-time.After(time.Hour)
		up()
		began := time.Now()
		w.channel.Until(t, made(1, "a cat"))
		other.Until(t, made(1, "a wave"))
		if took := time.Since(began); took > 15*time.Minute {
			t.Errorf("shown %v after Discord was back", took)
		}
		<-time.After(time.Hour)
		if a, b := w.channel.FromBot(), other.FromBot(); len(a) != 1 || len(b) != 1 {
			t.Errorf("%s, %s", a, b)
		}
	})
}

func TestThousandsOfGuildsAtTheStart(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		w.end()
		var last *discordtest.Guild
		for n := range 2500 {
			last = w.discord.Guild(fmt.Sprint("guild ", n), w.ada)
		}
		chat := last.Channel("pictures")
		w.start()
		w.discord.Online(t)
		synctest.Wait()
		chat.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
	})
}

// News is shown as it was written and calls nobody; the same one twice is one message.
func TestNews(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		news := core.Parcel{Delivery: core.Delivery{ID: 9, Kind: core.DeliverNews, Lane: core.NewLane(Platform, w.channel.ID()), Text: "Tea *at five*, @everyone"}}
		for range 2 {
			if _, err := w.ours.Deliver(t.Context(), news); err != nil {
				t.Fatal(err)
			}
		}
		if m := w.channel.Next(t); m.Content != `Tea \*at five\*, @everyone` {
			t.Errorf("it says %q", m.Content)
		}
		if n := len(w.channel.Messages()); n != 1 {
			t.Errorf("%d messages", n)
		}
		gone := news
		gone.Delivery.ID, gone.Delivery.Lane = 10, core.NewLane(Platform, "12345")
		_, err := w.ours.Deliver(t.Context(), gone)
		var known *core.DeliveryError
		if !errors.As(err, &known) || !known.Permanent || known.Fallback != "" {
			t.Errorf("a channel that is gone: %v", err)
		}
	})
}

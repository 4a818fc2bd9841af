package discord

import (
	"encoding/json"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/core/media"
)

// video is one of so many bytes.
func video(t *testing.T, size int64) media.File {
	t.Helper()
	up := resultFile(t, size)
	return media.File{Path: up.path, Name: "a.mp4", Size: up.size, Kind: media.Video, Type: up.kind}
}

// ends shows the file as the end of what the interaction asked for, in the
// message that answers it.
func (w *world) ends(in *discordtest.Interaction, file media.File) {
	w.t.Helper()
	var read interaction
	w.must(json.Unmarshal(in.Payload(), &read))
	who := core.Identity{Platform: Platform, User: read.person().ID}
	tasks, err := w.engine.History(w.t.Context(), who, "", 1)
	w.must(err)
	p := w.finished(file, 7)
	p.Tasks[0].Request.Origin, p.Shown = tasks[0].Request.Origin, tasks[0].Shown
	_, err = w.ours.Deliver(w.t.Context(), p)
	w.must(err)
}

// While a token works, a file may be as large as the interaction says, within
// reason; afterwards only what the guild takes of the bot counts. What is larger
// is a link that says how long it works.
func TestHowLargeAFileMayBe(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		tier, size int
		nitro      bool
		late       bool
		files      int
	}{
		"what everybody may":                     {size: 10 * mib, files: 1},
		"more than that":                         {size: 10*mib + 1},
		"with boosts":                            {size: 11 * mib, tier: 2, files: 1},
		"of who pays for more":                   {size: 11 * mib, nitro: true, files: 1},
		"more than Discord takes of who pays":    {size: 111 * mib, nitro: true},
		"what everybody may, late":               {size: 10 * mib, late: true, files: 1},
		"with boosts, late":                      {size: 11 * mib, tier: 2, late: true, files: 1},
		"more than the bot may, of who pays for": {size: 11 * mib, nitro: true, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
				who := w.discord.Person("Max")
				if c.nitro {
					who = w.discord.Person("Max", discordtest.Nitro())
				}
				w.guild.Joins(who)
				w.guild.SetTier(c.tier)
				asked := w.channel.As(who).Types("/imagine", set("prompt", "a cat"))
				waiting := asked.Becomes(t, made(1, "a cat"))
				<-time.After(time.Second) // until it is stored that it was shown
				if c.late {
					<-time.After(20 * time.Minute)
				}
				w.ends(asked, video(t, int64(c.size)))
				m := asked.Original(t)
				_, linked := m.Button("🔗")
				if m.ID != waiting.ID || len(m.Attachments) != c.files || linked != (c.files == 0) || says("works until")(m) != linked {
					t.Errorf("%s", m)
				}
				if all := w.channel.FromBot(); len(all) != 1 || w.discord.Invalid() != 0 {
					t.Errorf("%d calls were refused; %s", w.discord.Invalid(), all)
				}
				if own := len(w.discord.Calls(routeOwn)); own != map[bool]int{true: 1}[c.late] {
					t.Errorf("the bot edited by itself %d times", own)
				}
			})
		})
	}
}

// All the files of a message may have 25 MiB together: what is more comes in
// further messages.
func TestSeveralLargeFiles(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		p := w.finished(video(t, 9<<20), 7)
		p.Tasks[0].Outputs = append(p.Tasks[0].Outputs, p.Tasks[0].Outputs[0], p.Tasks[0].Outputs[0])
		if _, err := w.ours.Deliver(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if all := w.channel.FromBot(); len(all) != 2 || len(all[0].Attachments) != 2 || len(all[1].Attachments) != 1 {
			t.Errorf("%s", all)
		}
	})
}

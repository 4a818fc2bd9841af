package discordtest_test

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"

	"github.com/bwmarrin/discordgo"

	"kiebot/bots/discord/discordtest"
)

// toServer leads every request of a client to the server.
type toServer struct{ s *discordtest.Server }

func (d toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(d.s.URL())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	return d.s.Client().Transport.RoundTrip(r)
}

// A library that knows nothing of this server works with it: registration, a
// command over the gateway, a deferred answer, an edit with a file, a press, a
// form.
func TestClient(t *testing.T) {
	s := discordtest.NewServer(discordtest.Config{})
	defer s.Close()
	ann := s.Person("Ann", discordtest.Locale("ru"))
	chat := s.Guild("cats", ann).Channel("general")
	bot, err := discordgo.New("Bot " + s.Token())
	if err != nil {
		t.Fatal(err)
	}
	bot.Client = &http.Client{Transport: toServer{s}}
	bot.Identify.Intents = 0
	bot.AddHandler(func(bot *discordgo.Session, in *discordgo.InteractionCreate) {
		if err := answer(bot, in, picture(t, 4, 4)); err != nil {
			t.Error(err)
		}
	})
	if err := bot.Open(); err != nil {
		t.Fatal(err, s.Complaints())
	}
	defer bot.Close()
	s.Online(t)
	least := 1.0
	if _, err := bot.ApplicationCommandBulkOverwrite(s.ApplicationID(), "", []*discordgo.ApplicationCommand{{
		Name: "imagine", Description: "Makes a picture", NameLocalizations: &map[discordgo.Locale]string{discordgo.Russian: "картинка"},
		Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionString, Name: "prompt", Description: "What to see", Required: true},
			{Type: discordgo.ApplicationCommandOptionInteger, Name: "count", Description: "How many", MinValue: &least, MaxValue: 4},
		},
	}}); err != nil {
		t.Fatal(err)
	}

	in := chat.As(ann).Types("/картинка", discordtest.Set("prompt", "a cat"), discordtest.Set("count", 2))
	msg := in.Becomes(t, func(m discordtest.Message) bool { return !m.Loading() })
	if msg.Content != "a cat" || len(msg.Attachments) != 1 || !bytes.Equal(s.FileBytes(msg.Attachments[0].ID), picture(t, 4, 4)) {
		t.Errorf("the message became %v", msg)
	}
	form := ann.Presses(msg, "edit").Modal(t)
	if form.Title != "Edit" || len(form.Fields()) != 1 {
		t.Errorf("the form is %+v", form)
	}
	sent := form.Submits(discordtest.Set("prompt", "a blue\ncat"))
	if got := sent.Original(t); got.Content != "a blue\ncat" {
		t.Errorf("the form was answered with %v", got)
	}
	for _, c := range s.Complaints() {
		t.Errorf("complaint: %v", c)
	}
}

// answer is the bot: it draws what a command asks for, opens a form at a press,
// and repeats what the form says.
func answer(bot *discordgo.Session, in *discordgo.InteractionCreate, cat []byte) error {
	switch in.Type {
	case discordgo.InteractionMessageComponent:
		return bot.InteractionRespond(in.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseModal, Data: &discordgo.InteractionResponseData{
			CustomID: "edit:1", Title: "Edit", Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{
				discordgo.TextInput{CustomID: "prompt", Label: "Prompt", Style: discordgo.TextInputParagraph, Value: "a cat", Required: true, MaxLength: 4000},
			}}},
		}})
	case discordgo.InteractionModalSubmit:
		said := in.ModalSubmitData().Components[0].(*discordgo.ActionsRow).Components[0].(*discordgo.TextInput).Value
		return bot.InteractionRespond(in.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: &discordgo.InteractionResponseData{Content: said}})
	}
	if err := bot.InteractionRespond(in.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource}); err != nil {
		return err
	}
	said := in.ApplicationCommandData().Options[0].StringValue()
	_, err := bot.InteractionResponseEdit(in.Interaction, &discordgo.WebhookEdit{
		Content: &said, Files: []*discordgo.File{{Name: "cat.png", ContentType: "image/png", Reader: bytes.NewReader(cat)}},
		Attachments: &[]*discordgo.MessageAttachment{{ID: "0", Filename: "cat.png"}},
		Components: &[]discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{
			discordgo.Button{Label: "edit", Style: discordgo.SecondaryButton, CustomID: "edit:1"},
		}}},
		AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
	})
	return err
}

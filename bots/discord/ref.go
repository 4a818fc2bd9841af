package discord

import (
	"encoding/json"
	"fmt"
	"time"

	"kiebot/core"
)

// ref is what a request keeps about the interaction that it came by.
type ref struct {
	Application string `json:"app"`
	Token       string `json:"token"` // answers the interaction, for tokenFor
	ID          string `json:"id"`    // of the interaction, which says when it was
	Channel     string `json:"channel"`
	FileLimit   int64  `json:"limit,omitempty"` // bytes of one file, of an answer to the interaction
	Private     bool   `json:"private,omitempty"`
	// Posts says that the bot may post in the channel without the token.
	Posts bool   `json:"posts,omitempty"`
	Guild string `json:"guild,omitempty"`
	// Pressed says that it was a button: its @original is the message that the
	// button is under.
	Pressed bool `json:"pressed,omitempty"`
}

// tokenFor is how long an answer to an interaction can be changed: Discord says
// fifteen minutes, and a try after that counts against us.
const tokenFor = 14 * time.Minute

func (i *interaction) ref(private bool) ref {
	return ref{
		Application: i.Application, Token: i.Token, ID: i.ID, Channel: i.ChannelID, FileLimit: i.FileLimit,
		Private: private, Posts: i.posts(), Guild: i.Guild, Pressed: i.Type == typeComponent,
	}
}

// posts says whether the bot may write and attach files in the channel by itself.
func (i *interaction) posts() bool {
	if i.direct() {
		return true
	}
	if i.Owners["0"] == "" || i.Guild == "" {
		return false
	}
	may := permissions(i.Permissions)
	send := int64(maySend)
	if i.Channel.thread() {
		send = maySendThread
	}
	return may&mayAdminister != 0 || may&mayView != 0 && may&send != 0 && may&mayAttach != 0
}

func (r ref) encode() json.RawMessage {
	data, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("texts and numbers do not encode: %v", err))
	}
	return data
}

// readRef decodes what core gives back; what is not ours is nothing.
func readRef(origin core.Origin) ref {
	var r ref
	if origin.Identity.Platform != Platform || json.Unmarshal(origin.Ref, &r) != nil {
		return ref{}
	}
	return r
}

// fresh says whether the token can still be used.
func (r ref) fresh(now time.Time) bool {
	return r.Token != "" && now.Before(madeAt(r.ID).Add(tokenFor))
}

package telegram

import "encoding/json"

// ref is what Origin.Ref keeps for this adapter: where in the chat an answer goes.
type ref struct {
	Message int `json:"message,omitempty"` // what it replies to
	Thread  int `json:"thread,omitempty"`  // the topic, in a group or a private chat
}

// readRef reads what a request keeps; what is not ours is nothing.
func readRef(data json.RawMessage) ref {
	var r ref
	if err := json.Unmarshal(data, &r); err != nil {
		return ref{}
	}
	return r
}

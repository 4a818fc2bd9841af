package telegramtest_test

import (
	"net/http"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

func keyboard(buttons ...fields) fields {
	return fields{"inline_keyboard": []any{buttons}}
}

// Each call is refused with the sentence of the service. A value $ann stands
// for a private chat, $group for a group, $msg for a message of the bot in the
// private chat, $photo for the id of a photo.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("😀", 2049) // 4098 UTF-16 code units
	cases := []struct {
		name, method string
		params       fields
		sentence     string
	}{
		{"no chat", "sendMessage", fields{"text": "x"}, "Bad Request: chat_id is empty"},
		{"unknown chat", "sendMessage", fields{"chat_id": 4711, "text": "x"}, "Bad Request: chat not found"},
		{"chat of the wrong type", "sendMessage", fields{"chat_id": "abc", "text": "x"}, "Bad Request: chat not found"},
		{"no text", "sendMessage", fields{"chat_id": "$ann"}, "Bad Request: message text is empty"},
		{"blank text", "sendMessage", fields{"chat_id": "$ann", "text": " \n "}, "Bad Request: message text is empty"},
		{"long text", "sendMessage", fields{"chat_id": "$ann", "text": long}, "Bad Request: message is too long"},
		{"entity out of bounds", "sendMessage", fields{"chat_id": "$ann", "text": "ab", "entities": []fields{{"type": "bold", "offset": 1, "length": 2}}}, "Bad Request: ENTITY_BOUNDS_INVALID"},
		{"entity inside an emoji", "sendMessage", fields{"chat_id": "$ann", "text": "😀b", "entities": []fields{{"type": "bold", "offset": 1, "length": 2}}}, "Bad Request: entity begins or ends in a middle of a UTF-16 symbol"},
		{"unknown entity", "sendMessage", fields{"chat_id": "$ann", "text": "ab", "entities": []fields{{"type": "big", "offset": 0, "length": 2}}}, "Bad Request: can't parse MessageEntity: Unsupported type specified"},
		{"unknown parse mode", "sendMessage", fields{"chat_id": "$ann", "text": "ab", "parse_mode": "BB"}, "Bad Request: unsupported parse_mode"},
		{"unknown tag", "sendMessage", fields{"chat_id": "$ann", "text": "a <cat>", "parse_mode": "HTML"}, `Bad Request: can't parse entities: Unsupported start tag "cat" at byte offset 2`},
		{"open tag", "sendMessage", fields{"chat_id": "$ann", "text": "<b>x", "parse_mode": "HTML"}, `Bad Request: can't parse entities: Can't find end tag corresponding to start tag "b"`},
		{"crossed tags", "sendMessage", fields{"chat_id": "$ann", "text": "<b><i>x</b></i>", "parse_mode": "HTML"}, `Bad Request: can't parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`},
		{"thread unknown", "sendMessage", fields{"chat_id": "$ann", "text": "x", "message_thread_id": 99}, "Bad Request: message thread not found"},
		{"thread of the wrong type", "sendMessage", fields{"chat_id": "$ann", "text": "x", "message_thread_id": "one"}, `Bad Request: can't parse "message_thread_id" as an integer`},
		{"reply to nothing", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": fields{"message_id": 9999}}, "Bad Request: message to be replied not found"},
		{"reply without an id", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": fields{}}, "Bad Request: message to be replied not specified"},
		{"reply into another chat", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": fields{"message_id": "$msg", "chat_id": 4711}}, "Bad Request: message to be replied not found"},
		{"reply into another chat, anyway", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": fields{"message_id": 9999, "chat_id": 4711, "allow_sending_without_reply": true}}, "Bad Request: message to be replied not found"},
		{"reply of the wrong type", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": 5}, "Bad Request: can't parse reply parameters JSON object"},
		{"long data", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a", "callback_data": strings.Repeat("ж", 33)})}, "Bad Request: BUTTON_DATA_INVALID"},
		{"button without text", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "", "callback_data": "a"})}, "Bad Request: can't parse inline keyboard button"},
		{"button that does nothing", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a"})}, "Bad Request: can't parse inline keyboard button"},
		{"button to a local host", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a", "url": "http://localhost/x"})}, "Bad Request: inline keyboard button URL 'http://localhost/x' is invalid: Wrong HTTP URL"},
		{"button to no address", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a", "url": "admin"})}, "Bad Request: inline keyboard button URL 'admin' is invalid: Wrong HTTP URL"},
		{"button of an unknown style", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a", "callback_data": "b", "style": "huge"})}, "Bad Request: can't parse inline keyboard button: invalid button style specified"},
		{"nine in a row", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(nine()...)}, "Bad Request: REPLY_MARKUP_TOO_LONG"},
		{"keyboard of the wrong type", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": "[]"}, "Bad Request: can't parse reply keyboard markup JSON object"},
		{"effect in a group", "sendMessage", fields{"chat_id": "$group", "text": "x", "message_effect_id": "5"}, "Bad Request: EFFECT_ID_INVALID"},

		{"no photo", "sendPhoto", fields{"chat_id": "$ann"}, "Bad Request: there is no photo in the request"},
		{"long caption", "sendPhoto", fields{"chat_id": "$ann", "photo": "$photo", "caption": strings.Repeat("😀", 513)}, "Bad Request: message caption is too long"},
		{"a photo by URL", "sendPhoto", fields{"chat_id": "$ann", "photo": "https://example.com/a.png"}, "Bad Request: failed to get HTTP URL content"},
		{"eleven in an album", "sendMediaGroup", fields{"chat_id": "$ann", "media": times(11, fields{"type": "photo", "media": "$photo"})}, "Bad Request: too many messages to send as an album"},
		{"an album that mixes", "sendMediaGroup", fields{"chat_id": "$ann", "media": []fields{{"type": "photo", "media": "$photo"}, {"type": "document", "media": "$photo"}}}, "Bad Request: can't use the media of the specified type in the album"},
		{"an album of animations", "sendMediaGroup", fields{"chat_id": "$ann", "media": times(2, fields{"type": "animation", "media": "$photo"})}, "Bad Request: can't use the media of the specified type in the album"},
		{"a part that is not there", "sendMediaGroup", fields{"chat_id": "$ann", "media": times(2, fields{"type": "photo", "media": "attach://a"})}, "Bad Request: invalid file HTTP URL specified"},
		{"an unknown action", "sendChatAction", fields{"chat_id": "$ann", "action": "dancing"}, "Bad Request: wrong parameter action in request"},
		{"an unknown reaction", "setMessageReaction", fields{"chat_id": "$ann", "message_id": "$msg", "reaction": []fields{{"type": "emoji", "emoji": "🐱"}}}, "Bad Request: REACTION_INVALID"},
		{"two reactions", "setMessageReaction", fields{"chat_id": "$ann", "message_id": "$msg", "reaction": times(2, fields{"type": "emoji", "emoji": "👀"})}, "Bad Request: REACTIONS_TOO_MANY"},

		{"the same text", "editMessageText", fields{"chat_id": "$ann", "message_id": "$msg", "text": " hello"}, "Bad Request: message is not modified: specified new message content"},
		{"no message to edit", "editMessageText", fields{"chat_id": "$ann", "message_id": 9999, "text": "x"}, "Bad Request: message to edit not found"},
		{"which message", "editMessageText", fields{"chat_id": "$ann", "text": "x"}, "Bad Request: message identifier is not specified"},
		{"a person's message", "editMessageText", fields{"chat_id": "$ann", "message_id": "$theirs", "text": "x"}, "Bad Request: message can't be edited"},
		{"an edit to nothing", "editMessageText", fields{"chat_id": "$ann", "message_id": "$msg", "text": ""}, "Bad Request: message text is empty"},
		{"the caption of a text", "editMessageCaption", fields{"chat_id": "$ann", "message_id": "$msg", "caption": "x"}, "Bad Request: there is no caption in the message to edit"},
		{"an edit to a reply keyboard", "editMessageText", fields{"chat_id": "$ann", "message_id": "$msg", "text": "x", "reply_markup": fields{"remove_keyboard": true}}, "Bad Request: inline keyboard expected"},
		{"the same keyboard", "editMessageReplyMarkup", fields{"chat_id": "$ann", "message_id": "$msg"}, "Bad Request: message is not modified"},
		{"no message to delete", "deleteMessage", fields{"chat_id": "$ann", "message_id": 9999}, "Bad Request: message to delete not found"},
		{"another's message in a group", "deleteMessage", fields{"chat_id": "$group", "message_id": "$other"}, "Bad Request: message can't be deleted for everyone"},

		{"an old query", "answerCallbackQuery", fields{"callback_query_id": "1"}, "Bad Request: query is too old and response timeout expired or query ID is invalid"},
		{"an unknown file", "getFile", fields{"file_id": "x"}, "Bad Request: wrong file_id or the file is temporarily unavailable"},
		{"a command's name", "setMyCommands", fields{"commands": []fields{{"command": "Start!", "description": "x"}}}, "Bad Request: BOT_COMMAND_INVALID"},
		{"a command's description", "setMyCommands", fields{"commands": []fields{{"command": "start", "description": ""}}}, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"},
		{"too many commands", "setMyCommands", fields{"commands": times(101, fields{"command": "a", "description": "b"})}, "Bad Request: BOT_COMMANDS_TOO_MUCH"},
		{"an unknown scope", "setMyCommands", fields{"commands": []fields{}, "scope": fields{"type": "world"}}, "Bad Request: can't parse BotCommandScope"},
		{"a long language", "setMyCommands", fields{"commands": []fields{}, "language_code": "rus"}, "Bad Request: invalid language code specified"},
		{"a stranger", "getChatMember", fields{"chat_id": "$group", "user_id": 4711}, "Bad Request: member not found"},
		{"administrators of a private chat", "getChatAdministrators", fields{"chat_id": "$ann"}, "Bad Request: there are no administrators in the private chat"},
		{"a webhook over http", "setWebhook", fields{"url": "http://example.com/"}, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"},
		{"a webhook at a port", "setWebhook", fields{"url": "https://example.com:8080/"}, "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"},
		{"a secret with spaces", "setWebhook", fields{"url": "https://example.com/", "secret_token": "a b"}, "Bad Request: secret token contains unallowed characters"},
		{"euros without a provider", "sendInvoice", invoice(fields{"currency": "EUR"}), "Bad Request: PAYMENT_PROVIDER_INVALID"},
		{"two prices in Stars", "sendInvoice", invoice(fields{"prices": times(2, fields{"label": "a", "amount": 1})}), "Bad Request: STARS_INVOICE_INVALID"},
		{"a long payload", "sendInvoice", invoice(fields{"payload": strings.Repeat("x", 129)}), "Bad Request: INVOICE_PAYLOAD_INVALID"},
		{"an unknown charge", "refundStarPayment", fields{"user_id": "$ann", "telegram_payment_charge_id": "x"}, "Bad Request: CHARGE_ID_INVALID"},
		{"an old checkout", "answerPreCheckoutQuery", fields{"pre_checkout_query_id": "1", "ok": true}, "Bad Request: query is too old and response timeout expired or query ID is invalid"},
		{"an old inline query", "answerInlineQuery", fields{"inline_query_id": "1", "results": []fields{}}, "Bad Request: query is too old and response timeout expired or query ID is invalid"},
		{"results with one id", "answerInlineQuery", fields{"inline_query_id": "1", "results": times(2, fields{"type": "photo", "id": "a", "photo_file_id": "$photo"})}, "Bad Request: RESULT_ID_DUPLICATE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBot(t, telegramtest.Config{})
			b.refused(b.call(c.method, b.filled(c.params)), c.sentence)
		})
	}
}

// filled puts a world in place and its ids into the parameters.
func (b bot) filled(params fields) fields {
	b.t.Helper()
	ann := b.s.Person("Ann")
	theirs := ann.Starts("")
	group := b.s.Group("cats", ann)
	other := group.As(ann).Types("x")
	b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "hello"})
	msg := ann.Next(b.t)
	photo := ann.Sends(telegramtest.Photo(picture(b.t, 100, 50)), "")
	values := map[string]any{"$ann": ann.ID(), "$group": group.ID(), "$msg": msg.ID, "$theirs": theirs.ID, "$other": other.ID, "$photo": photo.FileID()}
	return fill(params, values).(fields)
}

func fill(value any, values map[string]any) any {
	switch value := value.(type) {
	case fields:
		filled := fields{}
		for name, v := range value {
			filled[name] = fill(v, values)
		}
		return filled
	case []fields:
		filled := make([]any, len(value))
		for i, v := range value {
			filled[i] = fill(v, values)
		}
		return filled
	case string:
		if v, has := values[value]; has {
			return v
		}
	}
	return value
}

func times(n int, f fields) []fields {
	list := make([]fields, n)
	for i := range list {
		list[i] = f
	}
	return list
}

func nine() []fields { return times(9, fields{"text": "a", "callback_data": "b"}) }

func invoice(changed fields) fields {
	f := fields{"chat_id": "$ann", "title": "Credits", "description": "100 credits", "payload": "p", "currency": "XTR", "prices": []fields{{"label": "100", "amount": 50}}}
	for name, value := range changed {
		f[name] = value
	}
	return f
}

// What the service lets pass is noted, and refused on request.
func TestComplaints(t *testing.T) {
	cases := []struct {
		name, method string
		params       fields
		parameter    string
	}{
		{"unknown parameter", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_to": 5}, "reply_to"},
		{"unknown field", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_parameters": fields{"message_id": "$msg", "anyway": true}}, "reply_parameters"},
		{"unknown field of a button", "sendMessage", fields{"chat_id": "$ann", "text": "x", "reply_markup": keyboard(fields{"text": "a", "callback_data": "b", "color": "red"})}, "reply keyboard markup"},
		{"no Boolean", "sendMessage", fields{"chat_id": "$ann", "text": "x", "protect_content": "maybe"}, "protect_content"},
		{"a limit that is clamped", "getUpdates", fields{"limit": 1000}, "limit"},
		{"a timeout that is clamped", "getUpdates", fields{"timeout": 60}, "timeout"},
		{"an unknown kind of update", "getUpdates", fields{"allowed_updates": []string{"messages"}}, "allowed_updates"},
		{"an album of one", "sendMediaGroup", fields{"chat_id": "$ann", "media": []fields{{"type": "photo", "media": "$photo"}}}, "media"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBot(t, telegramtest.Config{})
			if r := b.call(c.method, b.filled(c.params)); !r.OK {
				t.Errorf("the service would let it pass: %s", r.Description)
			}
			if got := b.s.Complaints(); len(got) != 1 || got[0].Parameter != c.parameter {
				t.Errorf("complaints are %v; want one about %s", got, c.parameter)
			}
		})
	}
	b := newBot(t, telegramtest.Config{RefuseUnknown: true})
	b.refused(b.call("sendMessage", b.filled(fields{"chat_id": "$ann", "text": "x", "reply_to": 5})), "Bad Request: reply_to: unknown parameter")
}

// Calls without a method or with the wrong token are no calls of the bot.
func TestRoutes(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	b.refused(b.call("sendCat", nil), "Not Found")
	for path, status := range map[string]int{
		"/": 404, "/bot": 404, "/botx/getMe": 404, "/bot1:x/getMe": 401, "/bot" + b.s.Token() + "/GETME?x=1": 200, "/file/bot1:x/photos/a": 401,
		"/file/bot" + b.s.Token() + "/photos/a": 404,
	} {
		answer, err := b.s.Client().Get(b.s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("%s: status %d; want %d", path, answer.StatusCode, status)
		}
	}
	if got := b.s.Complaints(); len(got) != 2 || got[0].Problem != "no such method" {
		t.Errorf("complaints are %v", got)
	}
}

// All encodings of a call mean the same ("Making requests").
func TestEncodings(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.took(nil, b.post("sendMessage", "application/json; charset=utf-8", strings.NewReader(`{"chat_id":`+id(ann)+`,"text":"é 😀","protect_content":true,"parse_mode":null}`)))
	b.took(nil, b.post("sendMessage", "application/x-www-form-urlencoded", strings.NewReader("chat_id="+id(ann)+"&text=%C3%A9+%F0%9F%98%80&protect_content=true")))
	b.took(nil, b.upload("sendMessage", fields{"chat_id": ann.ID(), "text": "é 😀", "protect_content": true}, nil))
	answer, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.s.URL()+"/bot"+b.s.Token()+"/sendMessage?protect_content=true&chat_id="+id(ann)+"&text=%C3%A9+%F0%9F%98%80", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.s.Client().Do(answer)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	for range 4 {
		if m := ann.Next(t); m.Text != "é 😀" || !m.Protected {
			t.Errorf("message is %v", m)
		}
	}
	b.clean()
}

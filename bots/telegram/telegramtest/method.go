package telegramtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// handler answers a call whose parameters passed its method's check. It is
// called with the server's lock held.
type handler func(*Server, *call) (any, error)

// method is a row of the table.
type method struct {
	name   string
	params map[string]param
	order  []string // the parameters as written
	run    handler
	posts  bool // counts for flood control
}

// param says what values a parameter takes.
type param struct {
	kind     string // int, bool, float, str, chat, json or file
	required bool
	min, max int64 // of an integer, or of the length of a string in characters; max 0 means no range
}

// Parameters that many methods share.
const (
	toChat    = " business_connection_id:str chat_id!:chat message_thread_id:int direct_messages_topic_id:int"
	asSent    = " disable_notification:bool protect_content:bool allow_paid_broadcast:bool message_effect_id:str suggested_post_parameters:json reply_parameters:json"
	withKeys  = " reply_markup:json"
	captioned = " caption:str parse_mode:str caption_entities:json"
	ephemeral = " ephemeral_message_parameters:json"
	editing   = " business_connection_id:str chat_id:chat message_id:int inline_message_id:str"
)

// rows is the table: one row for each method, with its parameters in the order
// of the section of the same name. A parameter is written name:kind, with !
// after the name when it is required and (min..max) after the kind when it has
// a range.
func rows() []row {
	return slices.Concat(receivingRows(), sendingRows(), editingRows(), chatRows(), paymentRows())
}

type row struct {
	name, params string
	run          handler
}

func receivingRows() []row {
	return []row{
		{"getMe", "", (*Server).getMe},
		{"logOut", "", (*Server).logOut},
		{"getUpdates", "offset:int limit:int(1..100) timeout:int(0..50) allowed_updates:json", nil},
		{"setWebhook", "url!:str certificate:file ip_address:str max_connections:int(1..100) allowed_updates:json drop_pending_updates:bool secret_token:str(1..256)", (*Server).setWebhook},
		{"deleteWebhook", "drop_pending_updates:bool", (*Server).deleteWebhook},
		{"getWebhookInfo", "", (*Server).getWebhookInfo},
		{"answerCallbackQuery", "callback_query_id!:str text:str(0..200) show_alert:bool url:str cache_time:int", (*Server).answerCallbackQuery},
		{"answerInlineQuery", "inline_query_id!:str results!:json cache_time:int(0..2147483647) is_personal:bool next_offset:str button:json", (*Server).answerInlineQuery},
		{"getFile", "file_id!:str", (*Server).getFile},
	}
}

func sendingRows() []row {
	return []row{
		{"sendMessage", toChat + " text:str parse_mode:str entities:json link_preview_options:json" + asSent + withKeys + ephemeral, (*Server).sendMessage},
		{"sendPhoto", toChat + " photo!:file" + captioned + " show_caption_above_media:bool has_spoiler:bool" + asSent + withKeys + ephemeral, (*Server).sendPhoto},
		{"sendAudio", toChat + " audio!:file" + captioned + " duration:int(0..2147483647) performer:str title:str thumbnail:file" + asSent + withKeys + ephemeral, (*Server).sendAudio},
		{"sendDocument", toChat + " document!:file thumbnail:file" + captioned + " disable_content_type_detection:bool" + asSent + withKeys + ephemeral, (*Server).sendDocument},
		{"sendVideo", toChat + " video!:file duration:int(0..2147483647) width:int(0..65535) height:int(0..65535) thumbnail:file cover:file start_timestamp:int" + captioned + " show_caption_above_media:bool has_spoiler:bool supports_streaming:bool" + asSent + withKeys + ephemeral, (*Server).sendVideo},
		{"sendAnimation", toChat + " animation!:file duration:int(0..2147483647) width:int(0..65535) height:int(0..65535) thumbnail:file" + captioned + " show_caption_above_media:bool has_spoiler:bool" + asSent + withKeys + ephemeral, (*Server).sendAnimation},
		{"sendVoice", toChat + " voice!:file" + captioned + " duration:int(0..2147483647)" + asSent + withKeys + ephemeral, (*Server).sendVoice},
		{"sendMediaGroup", toChat + " media!:json" + asSent, (*Server).sendMediaGroup},
		{"sendChatAction", "business_connection_id:str chat_id!:chat message_thread_id:int action!:str", (*Server).sendChatAction},
		{"setMessageReaction", "chat_id!:chat message_id!:int reaction:json is_big:bool", (*Server).setMessageReaction},
	}
}

func editingRows() []row {
	return []row{
		{"editMessageText", editing + " text:str parse_mode:str entities:json link_preview_options:json" + withKeys + ephemeral, (*Server).editMessageText},
		{"editMessageCaption", editing + captioned + " show_caption_above_media:bool" + withKeys + ephemeral, (*Server).editMessageCaption},
		{"editMessageMedia", editing + " media!:json" + withKeys + ephemeral, (*Server).editMessageMedia},
		{"editMessageReplyMarkup", editing + withKeys + ephemeral, (*Server).editMessageReplyMarkup},
		{"deleteMessage", "chat_id!:chat message_id!:int", (*Server).deleteMessage},
		{"deleteMessages", "chat_id!:chat message_ids!:json", (*Server).deleteMessages},
	}
}

func chatRows() []row {
	return []row{
		{"setMyCommands", "commands!:json scope:json language_code:str", (*Server).setMyCommands},
		{"getMyCommands", "scope:json language_code:str", (*Server).getMyCommands},
		{"deleteMyCommands", "scope:json language_code:str", (*Server).deleteMyCommands},
		{"getChat", "chat_id!:chat", (*Server).getChat},
		{"getChatMember", "chat_id!:chat user_id!:int", (*Server).getChatMember},
		{"getChatMemberCount", "chat_id!:chat", (*Server).getChatMemberCount},
		{"getChatAdministrators", "chat_id!:chat", (*Server).getChatAdministrators},
		{"leaveChat", "chat_id!:chat", (*Server).leaveChat},
	}
}

func methodTable() map[string]*method {
	table := map[string]*method{}
	for _, r := range rows() {
		m := &method{name: r.name, run: r.run, params: map[string]param{}}
		for _, field := range strings.Fields(r.params) {
			name, p := parseParam(field)
			m.params[name] = p
			m.order = append(m.order, name)
		}
		m.posts = strings.HasPrefix(r.name, "editMessage") || strings.HasPrefix(r.name, "send") && r.name != "sendChatAction"
		table[strings.ToLower(r.name)] = m
	}
	return table
}

// parseParam reads name!:kind(min..max). It panics when the table is wrong.
func parseParam(field string) (string, param) {
	name, kind, found := strings.Cut(field, ":")
	p := param{kind: kind}
	name, p.required = strings.CutSuffix(name, "!")
	if open := strings.IndexByte(kind, '('); open >= 0 {
		p.kind = kind[:open]
		if n, err := fmt.Sscanf(kind[open:], "(%d..%d)", &p.min, &p.max); n != 2 || err != nil {
			panic("telegramtest: the table of methods has " + field)
		}
	}
	if !found || !slices.Contains([]string{"int", "bool", "float", "str", "chat", "json", "file"}, p.kind) {
		panic("telegramtest: the table of methods has " + field)
	}
	return name, p
}

// check compares a call with its method's row. What the service lets pass
// becomes a complaint.
func (c *call) check() error {
	for name := range c.params {
		if _, known := c.method.params[name]; !known {
			c.note(name, "unknown parameter")
		}
	}
	for _, name := range c.method.order {
		if err := c.checkParam(name, c.method.params[name]); err != nil {
			return err
		}
	}
	return c.checkFiles()
}

func (c *call) checkParam(name string, p param) error {
	value, given := c.params[name]
	if value == "" {
		if p.required && c.files[name] == nil {
			return missing(name, p)
		}
		if given && p.kind != "str" && p.kind != "chat" {
			c.note(name, "empty value for a parameter of type %s", p.kind)
		}
		return nil
	}
	switch p.kind {
	case "int":
		return c.checkInt(name, value, p)
	case "bool":
		if value != "true" && value != "false" {
			c.note(name, "%q is no Boolean", value)
		}
	case "float":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return badRequest("can't parse %q as a number", name)
		}
	case "str":
		return c.checkString(name, value, p)
	case "json":
		if !json.Valid([]byte(value)) {
			return badRequest("can't parse %s JSON object", strings.ReplaceAll(name, "_", " "))
		}
	}
	return nil
}

func (c *call) checkInt(name, value string, p param) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return badRequest("can't parse %q as an integer", name)
	}
	if p.max != 0 && (n < p.min || n > p.max) {
		c.note(name, "%d is outside %d-%d", n, p.min, p.max)
	}
	return nil
}

func (c *call) checkString(name, value string, p param) error {
	if !utf8.ValidString(value) {
		return badRequest("strings must be encoded in UTF-8")
	}
	if n := int64(utf16Len(value)); p.max != 0 && (n < p.min || n > p.max) {
		c.note(name, "%d characters, outside %d-%d", n, p.min, p.max)
	}
	return nil
}

// checkFiles complains of files that nothing refers to.
func (c *call) checkFiles() error {
	for name := range c.files {
		if p, known := c.method.params[name]; known && p.kind == "file" {
			continue
		}
		if !c.refersTo("attach://" + name) {
			c.note(name, "a file that no parameter refers to")
		}
	}
	return nil
}

func (c *call) refersTo(link string) bool {
	for _, value := range c.params {
		if value == link || strings.Contains(value, strconv.Quote(link)) {
			return true
		}
	}
	return false
}

// missing is how the service says that a required parameter is absent.
func missing(name string, p param) error {
	switch {
	case name == "chat_id":
		return badRequest("chat_id is empty")
	case name == "message_id":
		return badRequest("message identifier is not specified")
	case p.kind == "file":
		return badRequest("there is no %s in the request", name)
	case name == "file_id":
		return badRequest("file_id not specified")
	case name == "user_id":
		return badRequest("invalid user_id specified")
	}
	return badRequest("parameter %q is required", name)
}

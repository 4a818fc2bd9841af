package discordtest

import (
	"bytes"
	"encoding/json"
	"io"
)

// shapeTable is every object that a bot may send, from the sections "Message",
// "Receiving and Responding", "Component Reference", "Application Commands"
// and "Gateway Events".
func shapeTable() map[string]*shape {
	table := map[string]*shape{}
	for _, rows := range []map[string]string{messageShapes(), commandShapes(), gatewayShapes()} {
		for name, fields := range rows {
			table[name] = parseShape(fields)
		}
	}
	for _, row := range componentShapes() {
		sh := parseShape("type!:int id:int(0..2147483647) " + row.fields)
		sh.number = row.number
		table[row.name] = sh
	}
	return table
}

func messageShapes() map[string]string {
	const words = "content?:str(0..2000) tts?:bool embeds?:[embed](0..10) allowed_mentions?:mentions components?:any attachments?:[attachment](0..10) flags?:int "
	return map[string]string{
		"message":   words + "nonce?:nonce enforce_nonce?:bool message_reference?:reference sticker_ids?:[id](0..3)",
		"edit":      words,
		"response":  "type!:int<1,4,5,6,7,8,9> data?:data",
		"data":      words + "choices?:[choice](0..25) custom_id?:str(0..100) title?:str(0..45)",
		"embed":     "title?:str(0..256) type?:str<rich> description?:str(0..4096) url?:url timestamp?:str color?:int(0..16777215) footer?:footer image?:picture thumbnail?:picture author?:author fields?:[part](0..25)",
		"footer":    "text!:str(1..2048) icon_url?:media",
		"picture":   "url!:media",
		"author":    "name!:str(1..256) url?:url icon_url?:media",
		"part":      "name!:str(1..256) value!:str(1..1024) inline?:bool",
		"mentions":  "parse:[str<roles,users,everyone>](0..3) roles?:[id](0..100) users?:[id](0..100) replied_user?:bool",
		"reference": "type?:int<0> message_id!:id channel_id?:id guild_id?:id fail_if_not_exists?:bool",
		// What the service itself writes into an attachment may come back.
		"attachment": "id!:id filename?:str(1..1024) title?:str(0..1024) description?:str(0..1024) is_spoiler?:bool duration_secs?:num waveform?:str(0..400) content_type?:str size:int url?:str proxy_url?:str height?:int width?:int ephemeral:bool flags:int",
		"channel":    "recipient_id!:id",
		"me":         "interactions_endpoint_url?:str description?:str(0..400)",
	}
}

type componentShape struct {
	name   string
	number int
	fields string
}

func componentShapes() []componentShape {
	const choose = "custom_id!:str(1..100) placeholder?:str(0..150) min_values?:int(0..25) max_values?:int(1..25) required?:bool disabled?:bool "
	const choosing = choose + "default_values?:[default](0..25)"
	return []componentShape{
		{"row", 1, "components!:[button|select|users|roles|mentionables|channels](1..5)"},
		{"button", 2, "style!:int<1,2,3,4,5> label?:str(0..80) emoji?:emoji custom_id?:str(1..100) url?:url(1..512) disabled?:bool"},
		{"select", 3, choose + "options!:[option](1..25)"},
		{"input", 4, "custom_id!:str(1..100) style!:int<1,2> label?:str(1..45) min_length?:int(0..4000) max_length?:int(1..4000) required?:bool value?:str(0..4000) placeholder?:str(0..100)"},
		{"users", 5, choosing},
		{"roles", 6, choosing},
		{"mentionables", 7, choosing},
		{"channels", 8, choosing + " channel_types?:[int]"},
		{"section", 9, "components!:[text](1..3) accessory!:button|thumbnail"},
		{"text", 10, "content!:str(1..4000)"},
		{"thumbnail", 11, "media!:media_item description?:str(0..1024) spoiler?:bool"},
		{"gallery", 12, "items!:[item](1..10)"},
		{"file", 13, "file!:media_item spoiler?:bool"},
		{"separator", 14, "divider?:bool spacing?:int<1,2>"},
		{"container", 17, "components!:[row|section|text|gallery|file|separator](1..40) accent_color?:int(0..16777215) spoiler?:bool"},
		{"label", 18, "label!:str(1..45) description?:str(0..100) component!:input|select|users|roles|mentionables|channels|upload|radio|checkboxes|checkbox"},
		{"upload", 19, "custom_id!:str(1..100) min_values?:int(0..10) max_values?:int(1..10) required?:bool file_types?:[str(1..20)](0..25)"},
		{"radio", 21, "custom_id!:str(1..100) options!:[option](2..10) required?:bool"},
		{"checkboxes", 22, "custom_id!:str(1..100) options!:[option](1..10) min_values?:int(0..10) max_values?:int(1..10) required?:bool"},
		{"checkbox", 23, "custom_id!:str(1..100) default?:bool"},
		{"typed", 1, "components!:[input](1..1)"}, // a modal's row, of old
	}
}

func commandShapes() map[string]string {
	return map[string]string{
		"option":     "label!:str(1..100) value!:str(1..100) description?:str(0..100) emoji?:emoji default?:bool",
		"default":    "id!:id type!:str<user,role,channel>",
		"emoji":      "id?:id name?:str animated?:bool",
		"media_item": "url!:media proxy_url?:str height?:int width?:int content_type?:str attachment_id?:id",
		"item":       "media!:media_item description?:str(0..1024) spoiler?:bool",
		"choice":     "name!:str(1..100) name_localizations?:locales(1..100) value!:any",
		// A list of components stands alone, so that its places are theirs.
		"classic": "components:[row](0..5)",
		"modern":  "components:[row|section|text|gallery|file|separator|container](0..40)",
		"modal":   "components:[label|text|typed](1..5)",

		"command": "id:id type?:int<1,2,3> application_id:id guild_id:id version:id name!:str(1..32) name_localizations?:locales(1..32) description?:str(0..100) description_localizations?:locales(1..100) " +
			"options?:[parameter](0..25) default_member_permissions?:id dm_permission?:bool default_permission?:bool nsfw?:bool contexts?:[int<0,1,2>](0..3) integration_types?:[int<0,1>](0..2)",
		"command_edit": "id:id type?:int<1,2,3> application_id:id guild_id:id version:id name:str(1..32) name_localizations?:locales(1..32) description?:str(0..100) description_localizations?:locales(1..100) " +
			"options?:[parameter](0..25) default_member_permissions?:id dm_permission?:bool default_permission?:bool nsfw?:bool contexts?:[int<0,1,2>](0..3) integration_types?:[int<0,1>](0..2)",
		"parameter": "type!:int<1,2,3,4,5,6,7,8,9,10,11> name!:str(1..32) name_localizations?:locales(1..32) description!:str(1..100) description_localizations?:locales(1..100) required?:bool " +
			"choices?:[choice](0..25) options?:[parameter](0..25) channel_types?:[int] min_value?:num max_value?:num min_length?:int(0..6000) max_length?:int(1..6000) autocomplete?:bool file_types?:[str(1..20)](0..25)",
		"commands": "list:[command](0..130)",
	}
}

func gatewayShapes() map[string]string {
	return map[string]string{
		"identify":   "token!:str properties!:properties compress?:bool large_threshold?:int(50..250) shard?:[int](2..2) presence?:any intents!:int guild_subscriptions?:bool",
		"properties": "os:str browser:str device:str $os:str $browser:str $device:str $referrer:str $referer:str $referring_domain:str referrer:str referring_domain:str",
		"resume":     "token!:str session_id!:str seq!:int",
	}
}

// decodeJSON reads one JSON value whose numbers stay as they are written.
func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, badJSON()
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badJSON()
	}
	return value, nil
}

// conform checks a body against the shape of this name.
func (s *Server) conform(name string, body any) error {
	c := &checker{shapes: s.shapes}
	c.object(nil, s.shapes[name], body)
	return c.err()
}

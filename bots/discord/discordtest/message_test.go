package discordtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

// here is a bot, a guild with Ann and a channel, and the path of its messages.
func here(t *testing.T) (bot, *discordtest.Person, *discordtest.Channel, string) {
	t.Helper()
	b := newBot(t, discordtest.Config{})
	ann := b.s.Person("Ann")
	chat := b.s.Guild("cats", ann).Channel("general")
	return b, ann, chat, "/channels/" + chat.ID() + "/messages"
}

const v2 = discordtest.FlagComponentsV2

func text(content string) fields { return fields{"type": 10, "content": content} }

// Bodies that the service refuses, with the place and code it gives.
func TestRefusedMessages(t *testing.T) {
	b, _, chat, path := here(t)
	many := func(n int, one any) []any { return slices.Repeat([]any{one}, n) }
	for name, c := range map[string]struct {
		body any
		code int
		text string
	}{
		"empty":               {fields{}, 50006, "empty message"},
		"long":                {fields{"content": strings.Repeat("é", 2001)}, 50035, `"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}`},
		"number":              {fields{"content": 5}, 50035, "STRING_TYPE_CONVERT"},
		"unknown field":       {fields{"content": "x", "text": "y"}, 50035, `"text":{"_errors":[{"code":"DISCORDTEST_UNKNOWN_FIELD"`},
		"no JSON":             {"{", 50109, "invalid JSON"},
		"two":                 {`{"content":"x"}{}`, 50109, "invalid JSON"},
		"list":                {"[]", 50035, "MODEL_TYPE_CONVERT"},
		"11 embeds":           {fields{"embeds": many(11, fields{"title": "x"})}, 50035, "Must be 10 or fewer"},
		"large embeds":        {fields{"embeds": many(2, fields{"description": strings.Repeat("x", 3001)})}, 50035, "MAX_EMBED_SIZE_EXCEEDED"},
		"embed field":         {fields{"embeds": []fields{{"fields": []fields{{"name": "x", "value": ""}}}}}, 50035, `"value":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		"embed link":          {fields{"embeds": []fields{{"title": "x", "url": "ftp://x"}}}, 50035, "URL_TYPE_INVALID_SCHEME"},
		"nonce":               {fields{"content": "x", "nonce": strings.Repeat("1", 26)}, 50035, "Must be 25 or fewer"},
		"mentions null":       {fields{"content": "x", "allowed_mentions": fields{"parse": nil}}, 50035, `"parse"`},
		"mentions kind":       {fields{"content": "x", "allowed_mentions": fields{"parse": []string{"here"}}}, 50035, "BASE_TYPE_CHOICES"},
		"mentions twice":      {fields{"content": "x", "allowed_mentions": fields{"parse": []string{"users"}, "users": []string{"1"}}}, 50035, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
		"ephemeral":           {fields{"content": "x", "flags": 64}, 50035, "DISCORDTEST_FLAGS"},
		"reply to nothing":    {fields{"content": "x", "message_reference": fields{"message_id": "1"}}, 50035, "REPLIES_UNKNOWN_MESSAGE"},
		"six rows":            {fields{"components": many(6, row(button("x", "x")))}, 50035, "Must be 5 or fewer"},
		"six buttons":         {fields{"components": []any{row(slices.Repeat([]fields{button("x", "x")}, 6)...)}}, 50035, "Must be between 1 and 5"},
		"bare button":         {fields{"components": []fields{button("x", "x")}}, 50035, `"type":{"_errors":[{"code":"UNION_TYPE_CHOICES","message":"Value of field \"type\" must be one of (1)."}]}`},
		"same custom id":      {fields{"components": []fields{row(button("x", "x"), button("y", "x"))}}, 50035, "COMPONENT_CUSTOM_ID_DUPLICATED"},
		"long custom id":      {fields{"components": []fields{row(button("x", strings.Repeat("x", 101)))}}, 50035, "Must be between 1 and 100"},
		"long label":          {fields{"components": []fields{row(button(strings.Repeat("x", 81), "x"))}}, 50035, "Must be 80 or fewer"},
		"silent button":       {fields{"components": []fields{row(fields{"type": 2, "style": 1, "custom_id": "x"})}}, 50035, "BUTTON_COMPONENT_INVALID_EMPTY"},
		"button with both":    {fields{"components": []fields{row(fields{"type": 2, "style": 5, "label": "x", "url": "https://x.y", "custom_id": "x"})}}, 50035, "MUTUALLY_EXCLUSIVE"},
		"link without":        {fields{"components": []fields{row(fields{"type": 2, "style": 5, "label": "x"})}}, 50035, `"url":{"_errors"`},
		"premium":             {fields{"components": []fields{row(fields{"type": 2, "style": 6, "label": "x"})}}, 50035, "BASE_TYPE_CHOICES"},
		"menu beside":         {fields{"components": []fields{row(menu("m"), button("x", "x"))}}, 50035, "COMPONENT_LAYOUT_WIDTH_EXCEEDED"},
		"26 options":          {fields{"components": []fields{row(with(menu("m"), "options", many(26, fields{"label": "x", "value": "y"})))}}, 50035, "Must be between 1 and 25"},
		"same option":         {fields{"components": []fields{row(with(menu("m"), "options", many(2, fields{"label": "x", "value": "y"})))}}, 50035, "OPTION_VALUE_DUPLICATED"},
		"more than options":   {fields{"components": []fields{row(with(menu("m"), "max_values", 3))}}, 50035, "max_values"},
		"required":            {fields{"components": []fields{row(with(menu("m"), "required", true))}}, 50035, `"required"`},
		"input":               {fields{"components": []fields{row(fields{"type": 4, "custom_id": "x", "style": 1, "label": "x"})}}, 50035, "UNION_TYPE_CHOICES"},
		"modern without":      {fields{"components": []fields{text("x")}}, 50035, "UNION_TYPE_CHOICES"},
		"modern and content":  {fields{"flags": v2, "content": "x", "components": []fields{text("x")}}, 50035, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
		"modern and embeds":   {fields{"flags": v2, "embeds": []fields{{"title": "x"}}, "components": []fields{text("x")}}, 50035, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
		"modern and empty":    {fields{"flags": v2}, 50006, "empty message"},
		"much text":           {fields{"flags": v2, "components": many(2, text(strings.Repeat("x", 2001)))}, 50035, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"},
		"no such file":        {fields{"flags": v2, "components": []fields{{"type": 12, "items": []fields{{"media": fields{"url": "attachment://x.png"}}}}}}, 50035, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"},
		"11 pictures":         {fields{"flags": v2, "components": []fields{{"type": 12, "items": many(11, fields{"media": fields{"url": "https://x.y/z.png"}})}}}, 50035, "Must be between 1 and 10"},
		"section alone":       {fields{"flags": v2, "components": []fields{{"type": 9, "components": []fields{text("x")}}}}, 50035, `"accessory":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		"container in itself": {fields{"flags": v2, "components": []fields{{"type": 17, "components": []fields{{"type": 17, "components": []fields{text("x")}}}}}}, 50035, "UNION_TYPE_CHOICES"},
		"file from the web":   {fields{"flags": v2, "components": []fields{{"type": 13, "file": fields{"url": "https://x.y/z"}}}}, 50035, "attachments only"},
		"same id":             {fields{"flags": v2, "components": []fields{with(text("x"), "id", 7), with(text("y"), "id", 7)}}, 50035, "COMPONENT_ID_DUPLICATED"},
		"no attachment":       {fields{"content": "x", "attachments": []fields{{"id": "0"}}}, 50035, "ATTACHMENT_NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			bot{t, b.s}.refused(b.call("POST", path, c.body), 400, c.code, c.text)
		})
	}
	if got := chat.FromBot(); len(got) != 0 {
		t.Errorf("the channel shows %v", got)
	}
}

func menu(id string) fields {
	return fields{"type": 3, "custom_id": id, "placeholder": "pick", "options": []fields{{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}}}
}

func with(f fields, name string, value any) fields {
	changed := fields{name: value}
	for k, v := range f {
		if k != name {
			changed[k] = v
		}
	}
	return changed
}

// Forty components are taken, forty-one are not, wherever they stand.
func TestCountOfComponents(t *testing.T) {
	b, _, _, path := here(t)
	body := func(n int) fields {
		var list []fields
		for i := range n {
			list = append(list, text(fmt.Sprint(i)))
		}
		return fields{"flags": v2, "components": []fields{{"type": 17, "components": list}}}
	}
	b.took(nil, b.call("POST", path, body(39)))
	b.refused(b.call("POST", path, body(40)), 400, 50035, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED")
}

// What a person may do with a message is what the bot may, and the answers tell
// why not.
func TestPermissions(t *testing.T) {
	b, ann, chat, path := here(t)
	say := fields{"content": "x"}
	file := map[string][]byte{"a.png": picture(t, 2, 2)}
	chat.Deny(discordtest.PermAttachFiles)
	b.refused(b.upload("POST", path, say, file), 403, 50013, "Missing Permissions")
	chat.Allow(discordtest.PermAttachFiles)
	b.took(nil, b.upload("POST", path, nil, file))
	chat.Deny(discordtest.PermEmbedLinks)
	b.refused(b.call("POST", path, fields{"embeds": []fields{{"title": "x"}}}), 403, 50013, "Missing Permissions")
	chat.Deny(discordtest.PermReadMessageHistory)
	asked := chat.As(ann).Writes("hello")
	b.refused(b.call("POST", path, fields{"content": "x", "message_reference": fields{"message_id": asked.ID}}), 403, 160002, "history")
	chat.Deny(discordtest.PermSendMessages)
	b.refused(b.call("POST", path, say), 403, 50013, "Missing Permissions")
	thread := chat.Thread("cats")
	b.took(nil, b.call("POST", "/channels/"+thread.ID()+"/messages", say))
	thread.Locks()
	b.refused(b.call("POST", "/channels/"+thread.ID()+"/messages", say), 400, 50083, "archived")
	b.refused(b.call("PATCH", path+"/"+asked.ID, say), 403, 50005, "another user")
	b.refused(b.call("DELETE", path+"/"+asked.ID, nil), 403, 50013, "Missing Permissions")
	chat.Deny(discordtest.PermViewChannel)
	b.refused(b.call("POST", path, say), 403, 50001, "Missing Access")
	chat.Deletes()
	b.refused(b.call("POST", path, say), 404, 10003, "Unknown Channel")
	b.clean()
}

// A kicked bot has no access, and a person who takes no messages gets none.
func TestOutOfReach(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann := b.s.Person("Ann")
	guild := b.s.Guild("cats", ann)
	chat := guild.Channel("general")
	var dm struct{ ID string }
	b.must(nil, "GET", "/guilds/"+guild.ID(), nil)
	b.must(&dm, "POST", "/users/@me/channels", fields{"recipient_id": ann.ID()})
	b.must(nil, "POST", "/channels/"+dm.ID+"/messages", fields{"content": "x"})
	guild.Kicks()
	b.refused(b.call("POST", "/channels/"+chat.ID()+"/messages", fields{"content": "x"}), 403, 50001, "Missing Access")
	b.refused(b.call("GET", "/guilds/"+guild.ID(), nil), 403, 50001, "Missing Access")
	if got := ann.Next(t); got.Content != "x" {
		t.Errorf("the message is %v", got)
	}
	eve := b.s.Person("Eve")
	b.refused(b.call("POST", "/channels/"+eve.Private().ID()+"/messages", fields{"content": "x"}), 403, 50278, "no mutual guilds")
	ann.ClosesMessages()
	b.refused(b.call("POST", "/channels/"+dm.ID+"/messages", fields{"content": "x"}), 403, 50007, "Cannot send messages to this user")
	b.refused(b.call("POST", "/users/@me/channels", fields{"recipient_id": "1"}), 400, 50035, "INVALID_RECIPIENT")
	if n := b.s.Invalid(); n != 4 {
		t.Errorf("%d answers count as invalid; want 4", n)
	}
}

// Whom a message notifies: everybody it names when nothing is said, nobody when
// nothing is allowed.
func TestMentions(t *testing.T) {
	b, ann, chat, path := here(t)
	say := "<@" + ann.ID() + "> @everyone"
	asked := chat.As(ann).Writes("hello")
	reply := fields{"message_id": asked.ID}
	for _, c := range []struct {
		body fields
		ping []string
	}{
		{fields{"content": say}, []string{ann.ID(), "everyone"}},
		{fields{"content": say, "allowed_mentions": fields{"parse": []string{}}}, nil},
		{fields{"content": say, "allowed_mentions": fields{"parse": []string{}, "users": []string{ann.ID()}}}, []string{ann.ID()}},
		{fields{"content": "x", "message_reference": reply}, []string{ann.ID()}},
		{fields{"content": "x", "message_reference": reply, "allowed_mentions": fields{"parse": []string{}}}, nil},
		{fields{"flags": v2, "components": []fields{text(say)}}, []string{ann.ID(), "everyone"}},
	} {
		chat.Allow(discordtest.PermMentionEveryone)
		b.must(nil, "POST", path, c.body)
		if got := chat.Next(t); !slices.Equal(got.Pinged, c.ping) {
			t.Errorf("%v notifies %v; want %v", c.body, got.Pinged, c.ping)
		}
	}
	chat.Deny(discordtest.PermMentionEveryone)
	b.must(nil, "POST", path, fields{"content": say})
	if got := chat.Next(t); got.MentionEveryone || len(got.Mentions) != 1 {
		t.Errorf("without the permission it notifies %v", got.Pinged)
	}
}

// A nonce that is enforced makes a message once, for some minutes.
func TestNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		s.Guild("cats", ann)
		path := "/channels/" + ann.Private().ID() + "/messages"
		var first, second, third discordtest.Message
		once := fields{"content": "x", "nonce": "12345", "enforce_nonce": true}
		b.must(&first, "POST", path, once)
		b.must(&second, "POST", path, once)
		time.Sleep(6 * time.Minute)
		b.must(&third, "POST", path, once)
		b.must(nil, "POST", path, fields{"content": "x", "nonce": "12345"})
		if first.ID != second.ID || first.ID == third.ID || len(ann.FromBot()) != 3 {
			t.Errorf("ids are %s, %s, %s; %d messages", first.ID, second.ID, third.ID, len(ann.FromBot()))
		}
	})
}

// Files are taken up to the size of the guild or the interaction.
func TestSizes(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann, bob := b.s.Person("Ann"), b.s.Person("Bob", discordtest.Nitro())
	guild := b.s.Guild("cats", ann, bob)
	chat := guild.Channel("general")
	path := "/channels/" + chat.ID() + "/messages"
	b.register(imagine())
	send := func(where string, size int64) reply {
		return b.send("POST", where, "multipart/form-data; boundary=x", io.MultiReader(
			strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.bin\"\r\n\r\n"),
			io.LimitReader(zeros{}, size), strings.NewReader("\r\n--x--\r\n")))
	}
	b.took(nil, send(path, 10<<20))
	b.refused(send(path, 10<<20+1), 413, 40005, "Request entity too large")
	guild.SetTier(2)
	b.took(nil, send(path, 11<<20))
	in := chat.As(bob).Types("/imagine", discordtest.Set("prompt", "x"))
	if !bytes.Contains(in.Payload(), []byte(`"attachment_size_limit":524288000`)) {
		t.Errorf("the interaction is %s", in.Payload())
	}
	b.took(nil, b.answers(in, 4, fields{"content": "x"}))
	b.took(nil, send(b.hook(in), 51<<20))
	b.refused(send(b.hook(in), 200<<20+1), 413, 40005, "Request entity too large")
}

// zeros is as long as it is read.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// An edit keeps the files it lists and drops the others; links are fresh, and
// end.
func TestAttachments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		s.Guild("cats", ann)
		path := "/channels/" + ann.Private().ID() + "/messages"
		var made, edited discordtest.Message
		b.took(&made, b.upload("POST", path, fields{"attachments": []fields{{"id": 0, "is_spoiler": true}, {"id": 1, "filename": "two.png", "description": "two"}}},
			map[string][]byte{"a.png": picture(t, 1, 1), "b.png": picture(t, 2, 2)}))
		if got := ann.Next(t); len(made.Attachments) != 2 || made.Attachments[1].Filename != "two.png" || !got.Attachments[0].Spoiler {
			t.Errorf("the message has %+v", got.Attachments)
		}
		get := func(link string) int {
			t.Helper()
			answer, err := s.Client().Get(link)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
			return answer.StatusCode
		}
		link := made.Attachments[1].URL
		if get(link) != 200 || get(strings.Replace(link, "ex=", "ex=f", 1)) != 404 {
			t.Errorf("the link %s is not signed", link)
		}
		time.Sleep(25 * time.Hour)
		if get(link) != 404 {
			t.Errorf("the link does not end")
		}
		keep := []fields{{"id": made.Attachments[1].ID, "description": "the second"}, {"id": 0}}
		b.took(&edited, b.upload("PATCH", path+"/"+made.ID, fields{"attachments": keep}, map[string][]byte{"c.png": picture(t, 3, 3)}))
		if a := edited.Attachments; len(a) != 2 || a[0].Description != "the second" || a[0].ID != made.Attachments[1].ID || a[1].Width != 3 || get(a[0].URL) != 200 {
			t.Errorf("after the edit there are %+v", a)
		}
		b.must(&edited, "PATCH", path+"/"+made.ID, fields{"content": "none", "attachments": []fields{}})
		if len(edited.Attachments) != 0 || edited.EditedAt == nil {
			t.Errorf("after the second edit there is %v", edited)
		}
		b.clean()
		b.took(&edited, b.upload("PATCH", path+"/"+made.ID, fields{"attachments": []fields{}}, map[string][]byte{"d.png": picture(t, 4, 4)}))
		if c := s.Complaints(); len(edited.Attachments) != 0 || len(c) != 1 || !strings.Contains(c[0].String(), "not listed") {
			t.Errorf("a file that is not listed: %v, %v", edited, c)
		}
	})
}

// The flag of components stays, and so do their rules.
func TestModernEdit(t *testing.T) {
	b, _, chat, path := here(t)
	var made discordtest.Message
	b.must(&made, "POST", path, fields{"flags": v2, "components": []fields{text("x"), row(button("y", "y"))}})
	if made.Components[0].ID != 1 || made.Components[1].ID != 2 || made.Components[1].Components[0].ID != 3 {
		raw, _ := json.Marshal(made.Components)
		t.Errorf("the components have ids %s", raw)
	}
	b.refused(b.call("PATCH", path+"/"+made.ID, fields{"content": "y"}), 400, 50035, "LEGACY_FIELDS")
	b.took(nil, b.call("PATCH", path+"/"+made.ID, fields{"flags": 0, "components": []fields{text("y")}}))
	if got := chat.Message(made.ID); got.Flags&v2 == 0 || got.Words() != "y" || got.Edits != 1 {
		t.Errorf("the message became %v", got)
	}
	b.upload("PATCH", path+"/"+made.ID, fields{"components": []fields{text("z")}}, map[string][]byte{"a.png": picture(t, 1, 1)})
	if c := b.s.Complaints(); len(c) != 2 || !strings.Contains(c[1].String(), "no component shows") {
		t.Errorf("complaints are %v", c)
	}
}

// Reactions, typing and what is not there.
func TestReactions(t *testing.T) {
	b, ann, chat, path := here(t)
	m := chat.As(ann).Writes("hello")
	b.must(nil, "PUT", path+"/"+m.ID+"/reactions/%F0%9F%91%8D/@me", nil)
	if got := chat.Message(m.ID).Reactions; !slices.Equal(got, []string{"👍"}) {
		t.Errorf("reactions are %v", got)
	}
	b.must(nil, "DELETE", path+"/"+m.ID+"/reactions/%F0%9F%91%8D/@me", nil)
	b.refused(b.call("PUT", path+"/"+m.ID+"/reactions/ok/@me", nil), 400, 10014, "Unknown Emoji")
	b.must(nil, "POST", "/channels/"+chat.ID()+"/typing", nil)
	b.refused(b.call("GET", path+"/1", nil), 404, 10008, "Unknown Message")
	b.refused(b.call("GET", "/emojis", nil), 404, 0, "404: Not Found")
	b.refused(b.call("PUT", path, nil), 405, 0, "405: Method Not Allowed")
	r, err := b.s.Client().Get(b.s.URL() + "/api/v6/gateway")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 400 {
		t.Errorf("an old version answers %d", r.StatusCode)
	}
	if n, c := chat.Typed(), b.s.Complaints(); n != 1 || len(c) != 3 {
		t.Errorf("typed %d times; complaints are %v", n, c)
	}
}

// An edit without words notifies nobody anew; one without allowed_mentions
// mentions whom it names. The flag that hides embeds can be taken back.
func TestEditedMentions(t *testing.T) {
	b, ann, chat, path := here(t)
	var made discordtest.Message
	b.must(&made, "POST", path, fields{"content": "<@" + ann.ID() + ">", "allowed_mentions": fields{"parse": []string{}}, "flags": discordtest.FlagSuppressEmbeds})
	b.must(nil, "PATCH", path+"/"+made.ID, fields{"flags": 0})
	if got := chat.Message(made.ID); len(got.Pinged) != 0 || got.Flags != 0 {
		t.Errorf("after the first edit %v mentions %v, flags are %d", got, got.Pinged, got.Flags)
	}
	b.must(nil, "PATCH", path+"/"+made.ID, fields{"content": "<@" + ann.ID() + ">!"})
	if got := chat.Message(made.ID); !slices.Equal(got.Pinged, []string{ann.ID()}) {
		t.Errorf("after the second edit %v mentions %v", got, got.Pinged)
	}
}

// An embed shows a file that came along; one that did not is left out and
// noted.
func TestEmbeds(t *testing.T) {
	b, _, chat, path := here(t)
	body := fields{"embeds": []fields{{"title": "cat", "image": fields{"url": "attachment://a.png"}, "thumbnail": fields{"url": "attachment://b.png"}}}}
	b.took(nil, b.upload("POST", path, body, map[string][]byte{"a.png": picture(t, 7, 3)}))
	got := chat.Next(t)
	if shown := got.Shown(); len(shown) != 1 || shown[0].Media.Width != 7 || got.Words() != "cat" {
		t.Errorf("the message %v shows %+v", got, shown)
	}
	if c := b.s.Complaints(); len(c) != 1 || !strings.Contains(c[0].String(), "b.png") {
		t.Errorf("complaints are %v", c)
	}
}

// Forms that are no forms.
func TestForms(t *testing.T) {
	b, _, _, path := here(t)
	const kind = "multipart/form-data; boundary=x"
	part := func(name, more string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n{}\r\n"
	}
	for name, c := range map[string]struct{ kind, body, text string }{
		"no such part":  {kind, part("image", `; filename="a"`) + "--x--", "There is no such part"},
		"no file":       {kind, part("files[0]", "") + "--x--", "There is no such part"},
		"twice":         {kind, part("files[0]", `; filename="a"`) + part("files[0]", `; filename="b"`) + "--x--", "came twice"},
		"cut off":       {kind, part("payload_json", ""), "Invalid Form Body"},
		"no type":       {"", "{}", "CONTENT_TYPE_INVALID"},
		"another":       {"text/plain", "{}", "CONTENT_TYPE_INVALID"},
		"empty as JSON": {"application/json", "", "invalid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send("POST", path, c.kind, strings.NewReader(c.body))
			if r.Status != 400 || !strings.Contains(string(r.Body), c.text) {
				t.Errorf("answer is %d %s; want %s", r.Status, r.Body, c.text)
			}
		})
	}
	b.refused(b.call("DELETE", path+"/1", fields{"reason": "x"}), 400, 50035, "There is no body here")
}

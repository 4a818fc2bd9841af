package discordtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

func option(kind int, name string) fields {
	return fields{"type": kind, "name": name, "description": "x"}
}

func command(name string, options ...fields) fields {
	return fields{"name": name, "description": "x", "options": options}
}

// Commands that the service refuses.
func TestRefusedCommands(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	path := "/applications/" + b.s.ApplicationID() + "/commands"
	big := command("x")
	for i := range 25 {
		var choices []fields
		for j := range 3 {
			choices = append(choices, fields{"name": strings.Repeat("x", 90) + fmt.Sprint(j), "value": strings.Repeat("y", 90) + fmt.Sprint(j)})
		}
		o := with(option(3, fmt.Sprint("o", i)), "choices", choices)
		big["options"] = append(big["options"].([]fields), o)
	}
	required := with(option(3, "b"), "required", true)
	for name, c := range map[string]struct {
		list any
		text string
	}{
		"capitals":        {[]fields{command("Imagine")}, `"0":{"name":{"_errors":[{"code":"APPLICATION_COMMAND_INVALID_NAME"`},
		"space":           {[]fields{command("make cat")}, "APPLICATION_COMMAND_INVALID_NAME"},
		"long name":       {[]fields{command(strings.Repeat("x", 33))}, "Must be between 1 and 32"},
		"russian capital": {[]fields{with(command("x"), "name_localizations", fields{"ru": "Кот"})}, `"ru":{"_errors":[{"code":"APPLICATION_COMMAND_INVALID_NAME"`},
		"no language":     {[]fields{with(command("x"), "name_localizations", fields{"en": "x"})}, "no locale"},
		"no description":  {[]fields{{"name": "x"}}, `"description":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		"menu described":  {[]fields{{"name": "Edit", "type": 3, "description": "x"}}, "cannot have a description"},
		"twice":           {[]fields{command("x"), command("x")}, "APPLICATION_COMMANDS_DUPLICATE_NAME"},
		"26 options":      {[]fields{command("x", slices.Repeat([]fields{option(3, "a")}, 26)...)}, "Must be 25 or fewer"},
		"option twice":    {[]fields{command("x", option(3, "a"), option(3, "a"))}, "must be unique"},
		"order":           {[]fields{command("x", option(3, "a"), required)}, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
		"26 choices":      {[]fields{command("x", with(option(3, "a"), "choices", slices.Repeat([]fields{{"name": "x", "value": "y"}}, 26)))}, "Must be 25 or fewer"},
		"choice of text":  {[]fields{command("x", with(option(4, "a"), "choices", []fields{{"name": "x", "value": "y"}}))}, "NUMBER_TYPE_COERCE"},
		"choices, typed":  {[]fields{command("x", with(with(option(3, "a"), "choices", []fields{{"name": "x", "value": "y"}}), "autocomplete", true))}, "autocomplete"},
		"length":          {[]fields{command("x", with(option(3, "a"), "max_length", 6001))}, "NUMBER_TYPE_MAX"},
		"range of text":   {[]fields{command("x", with(option(3, "a"), "min_value", 1))}, "Only numbers"},
		"file type":       {[]fields{command("x", with(option(11, "a"), "file_types", []string{"png"}))}, "begin with a dot"},
		"too large":       {[]fields{big}, "APPLICATION_COMMAND_TOO_LARGE"},
		"mixed":           {[]fields{command("x", option(1, "a"), option(3, "b"))}, "mutually exclusive"},
		"deep":            {[]fields{command("x", with(option(1, "a"), "options", []fields{option(1, "b")}))}, "nested"},
		"unknown":         {[]fields{with(command("x"), "aliases", []string{"y"})}, "DISCORDTEST_UNKNOWN_FIELD"},
		"no list":         {command("x"), "LIST_TYPE_CONVERT"},
	} {
		t.Run(name, func(t *testing.T) {
			bot{t, b.s}.refused(b.call("PUT", path, c.list), 400, 50035, c.text)
		})
	}
	var slash, menus []fields
	for i := range 101 {
		slash = append(slash, command(fmt.Sprint("c", i)))
		menus = append(menus, fields{"name": fmt.Sprint("Menu ", i), "type": 3})
	}
	b.refused(b.call("PUT", path, slash), 400, 30032, "(100)")
	b.refused(b.call("PUT", path, menus[:16]), 400, 30032, "(15)")
	b.took(nil, b.call("PUT", path, append(slash[:100:100], menus[:15]...)))
}

// A bulk overwrite replaces everything; names keep their ids; new ones are
// counted by the day.
func TestRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b := bot{t, s}
		path := "/applications/" + s.ApplicationID() + "/commands"
		russian := with(command("imagine"), "name_localizations", fields{"ru": "картинка"})
		b.register(russian, command("edit"))
		first := s.Commands("")
		b.register(russian, fields{"name": "Edit image", "type": 3})
		second := s.Commands("")
		if len(second) != 2 || first[0].ID != second[0].ID || second[1].Type != 3 || first[0].Version == second[0].Version {
			t.Errorf("commands are %+v", second)
		}
		var list []discordtest.Command
		b.must(&list, "GET", path, nil)
		if len(list) != 2 || list[0].NameLocalizations != nil {
			t.Errorf("the list is %+v", list)
		}
		b.must(&list, "GET", path+"?with_localizations=true", nil)
		if list[0].NameLocalizations["ru"] != "картинка" {
			t.Errorf("the list with languages is %+v", list)
		}
		b.must(nil, "PATCH", path+"/"+list[0].ID, fields{"description": "new"})
		b.must(nil, "DELETE", path+"/"+list[1].ID, nil)
		b.refused(b.call("GET", path+"/"+list[1].ID, nil), 404, 10063, "Unknown application command")
		if got := s.Commands(""); len(got) != 1 || got[0].Description != "new" {
			t.Errorf("commands are %+v", got)
		}
		for i := range 197 { // three were made before
			b.must(nil, "PUT", path, []fields{command(fmt.Sprint("c", i))})
		}
		b.refused(b.call("POST", path, command("more")), 400, 30034, "daily")
		time.Sleep(24 * time.Hour)
		b.must(nil, "POST", path, command("more"))
	})
}

// Where a command is offered: by guild, by installation, by context, by age and
// by permission.
func TestOffers(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann, bob := b.s.Person("Ann"), b.s.Person("Bob")
	guild, abroad := b.s.Guild("cats", ann, bob), b.s.ForeignGuild("dogs", bob, ann)
	chat, far := guild.Channel("general"), abroad.Channel("general")
	b.register(command("here"), with(command("admin"), "default_member_permissions", "32"), with(command("adult"), "nsfw", true),
		with(with(command("anywhere"), "integration_types", []int{0, 1}), "contexts", []int{0, 1, 2}),
		fields{"name": "Edit image", "type": 3}, fields{"name": "Portrait", "type": 2})
	b.must(nil, "PUT", "/applications/"+b.s.ApplicationID()+"/guilds/"+guild.ID()+"/commands", []fields{command("only")})

	chat.As(bob).Types("/only")
	chat.As(ann).Types("/admin")
	mustPanic(t, "be admin", func() { chat.As(bob).Types("/admin") })
	mustPanic(t, "be adult here", func() { chat.As(ann).Types("/adult") })
	chat.SetNSFW(true)
	chat.Thread("x").As(ann).Types("/adult")
	mustPanic(t, "use it abroad", func() { far.As(ann).Types("/anywhere") })
	ann.Installs()
	in := far.As(ann).Types("/anywhere")
	if p := string(in.Payload()); !strings.Contains(p, `"authorizing_integration_owners":{"1":"`+ann.ID()+`"}`) {
		t.Errorf("the interaction is %s", p)
	}
	b.took(nil, b.answers(in, 4, fields{"content": "x"}))
	for range 5 {
		b.must(nil, "POST", b.hook(in), fields{"content": "y"})
	}
	b.refused(b.call("POST", b.hook(in), fields{"content": "y"}), 400, 40094, "maximum number of follow up")
	b.refused(b.call("POST", "/channels/"+far.ID()+"/messages", fields{"content": "x"}), 403, 50001, "Missing Access")
	abroad.SetPermissions(ann, discordtest.PermSendMessages)
	hidden := far.As(ann).Types("/anywhere")
	b.took(nil, b.answers(hidden, 5, nil))
	if got := hidden.Original(t); !got.Ephemeral() {
		t.Errorf("the answer is %v", got)
	}
	if group := b.s.GroupDM(ann, bob).As(ann).Types("/anywhere"); !strings.Contains(string(group.Payload()), `"context":2`) {
		t.Errorf("the interaction is %s", group.Payload())
	}
	said := chat.As(bob).Writes("look", discordtest.Attach("", "cat.png", picture(t, 5, 5)))
	if p := string(chat.As(ann).UsesOn(said, "Edit image").Payload()); !strings.Contains(p, `"target_id":"`+said.ID+`"`) || !strings.Contains(p, `"width":5`) {
		t.Errorf("the interaction is %s", p)
	}
	if p := string(chat.As(ann).UsesOnPerson(bob, "Portrait").Payload()); !strings.Contains(p, `"members":{"`+bob.ID()) {
		t.Errorf("the interaction is %s", p)
	}
}

// Commands below commands.
func TestNestedCommands(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann := b.s.Person("Ann")
	allow := with(option(1, "allow"), "options", []fields{with(option(6, "who"), "required", true)})
	b.register(command("admin", with(option(2, "user"), "options", []fields{allow}), option(1, "stats")))
	chat := b.s.Guild("cats", ann).Channel("general").As(ann)
	in := chat.Types("/admin user allow", discordtest.Set("who", ann))
	if p := string(in.Payload()); !strings.Contains(p, `"name":"user","options":[{"name":"allow","options":[{"name":"who","type":6`) {
		t.Errorf("the interaction is %s", p)
	}
	chat.Types("/admin stats")
	mustPanic(t, "run a group", func() { chat.Types("/admin user") })
	mustPanic(t, "run all", func() { chat.Types("/admin") })
}

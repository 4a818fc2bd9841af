package bots

import (
	"encoding/json"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiebot/bots/clip"
	"kiebot/core"
	"kiebot/kie/catalog"
)

// forms are a message's plural forms; one without a plural has only "other".
type forms map[string]string

// messagesOf reads one language's file.
func messagesOf(t *testing.T, language string) map[string]forms {
	t.Helper()
	data, err := messageFiles.ReadFile("messages/" + language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	messages := map[string]forms{}
	for key, value := range raw {
		f := forms{}
		if json.Unmarshal(value, &f) != nil {
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				t.Fatalf("%s: %s: %v", language, key, err)
			}
			f = forms{"other": text}
		}
		messages[key] = f
	}
	return messages
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func placeholders(f forms) []string {
	found := map[string]bool{}
	for _, text := range f {
		for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// plurals are the forms that a message with a number needs in each language
// ("Language Plural Rules", cardinal, Unicode CLDR).
func plurals() map[string][]string {
	return map[string][]string{
		"en": {"one", "other"}, "es": {"many", "one", "other"}, "id": {"other"},
		"ru": {"few", "many", "one", "other"}, "zh": {"other"},
	}
}

// A language is there as a whole: in the chats, in the browser and in the
// console.
func TestLanguagesAreEverywhere(t *testing.T) {
	for _, folder := range []string{"web/texts", "web/console/texts"} {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		var there []string
		for _, file := range files {
			there = append(there, strings.TrimSuffix(file.Name(), ".json"))
		}
		if !slices.Equal(there, Languages()) {
			t.Errorf("%s has %v, messages %v", folder, there, Languages())
		}
	}
}

func TestLanguageOfALocale(t *testing.T) {
	for locale, want := range map[string]string{
		"en": "en", "en-GB": "en", "ru_RU": "ru", "ru-xx": "ru", "RU": "ru", "zz": "", "pt-BR": "", "uk": "", "und": "", "": "", "..": "",
		"es": "es", "es-419": "es", "es-MX": "es", "ca": "", "zh": "zh", "zh-hans": "zh", "zh-hant": "zh", "zh-TW": "zh", "zh-CN": "zh", "id": "id", "id-ID": "id", "in": "id", "ms": "",
	} {
		is := slices.Contains(Languages(), want)
		if got, ok := Language(locale); ok != is || is && got != want {
			t.Errorf("%q is in the language %q %v, want %q", locale, got, ok, want)
		}
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	english := messagesOf(t, "en")
	for _, language := range Languages() {
		if len(plurals()[language]) == 0 {
			t.Errorf("%s: its plural forms are not known here", language)
		}
		messages := messagesOf(t, language)
		for key := range messages {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %q is not in English", language, key)
			}
		}
		for key, want := range english {
			got, ok := messages[key]
			if !ok {
				t.Errorf("%s: %q is missing", language, key)
				continue
			}
			if !slices.Equal(placeholders(got), placeholders(want)) {
				t.Errorf("%s: %q has %v, English has %v", language, key, placeholders(got), placeholders(want))
			}
			if len(want) > 1 && !slices.Equal(slices.Sorted(maps.Keys(got)), plurals()[language]) {
				t.Errorf("%s: %q has the forms %v, want %v", language, key, slices.Sorted(maps.Keys(got)), plurals()[language])
			}
			for form, text := range got {
				if strings.TrimSpace(text) != text && key != "list.comma" || text == "" {
					t.Errorf("%s: %q %s is %q", language, key, form, text)
				}
			}
		}
	}
}

// Nothing is cut, in any language, where a platform has room for so many
// characters only (Discord docs, "Application Command Structure", "Component
// Reference"; Bot API, answerCallbackQuery, sendInvoice). What stands for a
// placeholder takes up to 16 there.
func TestTextsFitThePlatforms(t *testing.T) {
	rules := map[string]int{ // by the beginnings of keys
		"command.": 100, "argument.": 100, "flag.": 100, "label.person": 100, "label.channel": 100, "label.role": 100,
		"name.": 32, "field.": 30, // several files are image, image2 …
		"label.edit": 32, "label.animate": 32, "label.upscale": 32, "label.info": 32, // of a message's menu
		"label.ask": 45, "label.prompt": 45, "label.files": 45, // of a form
		"button.": 80, "settings.usual": 80, "settings.unlimited": 80, "settings.who.": 40, "settings.language": 40, "settings.news": 60, "settings.daily": 60, "settings.confirm": 60, "option.": 40,
		"press.unknown": 200, "menu.not_yours": 200, "menu.made": 200, "deleted": 200, "canceled": 200, // in the window after a press
		"make_new": 64, "credits": 32, "buy.invoice": 255,
	}
	for _, language := range Languages() {
		for key, texts := range messagesOf(t, language) {
			for beginning, most := range rules {
				if !strings.HasPrefix(key, beginning) || strings.HasSuffix(key, ".title") {
					continue
				}
				for _, text := range texts {
					if text = placeholder.ReplaceAllString(text, strings.Repeat("x", 16)); clip.Units(text) > most {
						t.Errorf("%s: %q has %d characters, and there is room for %d", language, key, clip.Units(text), most)
					}
				}
			}
		}
	}
}

// Discord takes commands and fields by names of one word in small letters, and
// no two of the same name (Discord docs, "Application Command Naming").
func TestNamesInEveryLanguage(t *testing.T) {
	word := regexp.MustCompile(`^[-_'\p{L}\p{N}]+$`)
	b := quietBot(t)
	for _, language := range Languages() {
		unique := func(what string, name string, seen map[string]bool) {
			if !word.MatchString(name) || name != strings.ToLower(name) || seen[name] {
				t.Errorf("%s: %s is called %q, which is no name, or another's", language, what, name)
			}
			seen[name] = true
		}
		names := map[string]bool{}
		for _, c := range b.Commands(language) {
			unique("/"+c.Name, c.Label, names)
			fields := map[string]bool{}
			for _, f := range c.Fields {
				unique("/"+c.Name+" "+f.Name, f.Label, fields)
			}
		}
	}
}

// families are the messages whose keys are put together while the program runs.
func families(t *testing.T) []string {
	t.Helper()
	var keys []string
	add := func(prefix string, names ...string) {
		for _, name := range names {
			keys = append(keys, prefix+name)
		}
	}
	for _, c := range commands() {
		add("command.", c.name)
		add("name.", c.name)
		add("example.", c.name)
		if c.emoji != "" {
			add("button.", c.name)
		}
		if c.argued {
			add("argument.", c.name)
		}
	}
	for _, a := range acts() {
		add("act.", a.name)
		for _, s := range a.takes {
			add("slot.", s.name)
			if s.explained {
				add("slot.", s.name+".is")
			}
		}
	}
	add("moment.", values(constants(t, "../core/timeline.go", "MomentKind"))...)
	add("act.keys.parked.", string(core.FailKey), string(core.FailNoCredits))
	for _, f := range flags {
		add("", f.text())
		add("field.", string(f.option))
	}
	for _, k := range constants(t, "../kie/catalog/model.go", "Kind") {
		add("kind.", k)
		add("makes.", k)
	}
	for _, code := range problemCodes() {
		add("problem.", string(code))
	}
	add("problem.", values(constants(t, "../kie/catalog/problem.go", "Code"))...)
	add("problem.", values(constants(t, "../kie/catalog/together.go", "Code"))...)
	add("problem.", "range.min", "range.max", "missing.prompt", "missing.raw", "unsupported.prompt")
	add("want.", values(constants(t, "../kie/catalog/model.go", "Type"))...)
	for name, reason := range reasons(t) {
		switch {
		case strings.HasPrefix(name, "Reason"):
			add("refused.", reason)
		case strings.HasPrefix(name, "Fail"):
			add("failed.", reason)
		case strings.HasPrefix(name, "Wait"):
			add("waiting.", reason)
		default:
			t.Errorf("core.%s is no Reason… and no Fail… and no Wait…", name)
		}
	}
	add("refused.", "quota.none", "quota.never", "blocked.why", "place_blocked.why", "paused.why", "prompt.warned", "prompt.last")
	for _, kind := range constants(t, "../core/alert.go", "AlertKind") {
		if core.AlertKind(kind) != core.AlertParked {
			add("alert.", kind)
		}
	}
	add("alert.parked.", string(core.FailKey), string(core.FailNoCredits))
	for _, kind := range constants(t, "../core/quota.go", "WindowKind") {
		if kind := core.WindowKind(kind); kind != core.WindowGranted && kind != core.WindowLoss {
			add("window.", string(kind))
		}
	}
	add("balance.left.", "day", "month", "chat", "chat_month", "place", "place_month", "member")
	add("waiting.", string(core.ReasonPaused), string(core.FailNoCredits), string(core.FailKey), string(core.FailAway), string(core.FailUpkeep))
	for _, state := range core.States() {
		add("state.", string(state))
	}
	add("status.", string(core.Creating), string(core.Unresolved))
	for _, prefix := range []string{"in.", "ago."} {
		add(prefix, "moment", "minutes", "hours", "days")
	}
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	add("option.", string(catalog.AspectRatio), string(catalog.Resolution), string(catalog.Duration), string(catalog.Count), string(catalog.Voice))
	add("option.", string(spoilerOption), string(privateOption))
	add("settings.language.", slices.Concat(slices.Collect(maps.Keys(plurals())), []string{"auto"})...)
	add("settings.who.", everybody, adminsOnly)
	add("file.", "image", "video", "audio", "document")
	for _, m := range models.All() {
		if !m.Status.Runs() || len(m.Price.Rates) == 0 || m.Price.Per == catalog.Free {
			continue // its price is no amount for a unit
		}
		add("per.", strings.ReplaceAll(m.Price.Per, " ", "_"))
	}
	return keys
}

// reasons are the constants of core.Reason by their names.
func reasons(t *testing.T) map[string]string {
	files, err := filepath.Glob("../core/*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			maps.Copy(all, constantsIn(t, file, "Reason"))
		}
	}
	return all
}

func values(m map[string]string) []string { return slices.Collect(maps.Values(m)) }

// constants reads the constants of a type from a source file that has some, by
// their names.
func constants(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	found := constantsIn(t, file, typeName)
	if len(found) == 0 {
		t.Fatalf("%s has no constants of type %s", file, typeName)
	}
	return found
}

// constantsIn is constants for a file that may have none.
func constantsIn(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	parsed, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		name, isName := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if isName && isLiteral && name.Name == typeName {
			text, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = text
		}
		return true
	})
	return found
}

// spoken is one place in the source where a message is said.
type spoken struct {
	at   string
	key  string
	args []string // the placeholders given, nil when that cannot be seen
}

// source finds every string literal and every message with a literal key.
func source(t *testing.T) (literals map[string]bool, said []spoken) {
	t.Helper()
	literals = map[string]bool{}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := goparser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					literals[text] = true
				}
			case *ast.CallExpr:
				if s, ok := speech(n); ok {
					s.at = set.Position(n.Pos()).String()
					said = append(said, s)
				}
			}
			return true
		})
	}
	return literals, said
}

// speech recognises v.say("key", args{…}) and v.count("key", n, args{…}).
func speech(call *ast.CallExpr) (spoken, bool) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "say" && fun.Sel.Name != "count" {
		return spoken{}, false
	}
	key, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return spoken{}, false
	}
	text, err := strconv.Unquote(key.Value)
	if err != nil {
		return spoken{}, false
	}
	s := spoken{key: text}
	switch given := call.Args[len(call.Args)-1].(type) {
	case *ast.CompositeLit:
		s.args = []string{}
		for _, element := range given.Elts {
			name, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			if err != nil {
				return spoken{}, false
			}
			s.args = append(s.args, name)
		}
	case *ast.Ident:
		if given.Name == "nil" {
			s.args = []string{}
		}
	}
	return s, true
}

func TestEveryMessageIsThereAndUsed(t *testing.T) {
	english := messagesOf(t, "en")
	literals, said := source(t)
	put := families(t)
	for _, key := range put {
		if _, ok := english[key]; !ok {
			t.Errorf("there is no text for %q", key)
		}
	}
	for _, s := range said {
		if _, ok := english[s.key]; !ok {
			t.Errorf("%s: there is no text for %q", s.at, s.key)
		}
	}
	for key := range english {
		if !literals[key] && !slices.Contains(put, key) {
			t.Errorf("nobody says %q", key)
		}
	}
}

func TestEveryPlaceholderIsGiven(t *testing.T) {
	english := messagesOf(t, "en")
	_, said := source(t)
	if len(said) < 40 {
		t.Fatalf("found only %d messages in the source", len(said))
	}
	for _, s := range said {
		if s.args == nil {
			continue
		}
		for _, name := range placeholders(english[s.key]) {
			if !slices.Contains(s.args, name) {
				t.Errorf("%s: %q is said without %s", s.at, s.key, name)
			}
		}
	}
}

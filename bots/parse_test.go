package bots

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// opts writes a call's options as "ar=16:9 seed=7", by the flags' names.
func opts(c call) string {
	var parts []string
	for _, f := range flags {
		for n := 1; n == 1 || f.many && n < 10; n++ {
			if value, ok := c.options[f.at(n).option]; ok {
				parts = append(parts, f.at(n).names[0]+"="+value)
			}
		}
	}
	for _, raw := range c.raw {
		parts = append(parts, "set:"+raw.name+"="+raw.value)
	}
	return strings.Join(parts, " ")
}

// faults writes a call's problems as "unknown_flag --arr".
func faults(c call) string {
	var parts []string
	for _, p := range c.problems {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", p.code, p.name, strings.Join(p.nearest, ","))))
	}
	return strings.Join(parts, "; ")
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text, command, prompt, options, problems string
	}{
		{text: "/imagine a cat astronaut", command: "imagine", prompt: "a cat astronaut"},
		{text: "a cat astronaut", command: "imagine", prompt: "a cat astronaut"},
		{text: "  /imagine   a  cat\t astronaut  ", command: "imagine", prompt: "a  cat\t astronaut"},
		{text: "/IMAGINE a cat", command: "imagine", prompt: "a cat"},
		{text: "/Image a cat", command: "imagine", prompt: "a cat"},
		{text: "/imagine@kie_bot a cat", command: "imagine", prompt: "a cat"},
		{text: "/start", command: "help"},
		{text: "/help@kie_bot imagine", command: "help", prompt: "imagine"},
		{text: "/models google imagen", command: "models", prompt: "google imagen"},
		{text: "/imagine\na cat", command: "imagine", prompt: "a cat"},
		{text: "/imagine\u00a0a cat", command: "imagine", prompt: "a cat"},

		{text: "/imagine a cat --ar 16:9 --model imagen4 --seed 7 --n 2", command: "imagine", prompt: "a cat", options: "model=imagen4 ar=16:9 n=2 seed=7"},
		{text: "/imagine --ar 16:9 a cat", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat --ar 16:9 in  space", command: "imagine", prompt: "a cat in  space", options: "ar=16:9"},
		{text: "/imagine 猫 ——ar 16：9　--n ２ --no ａ，ｂ", command: "imagine", prompt: "猫", options: "ar=16:9 n=2 no=ａ，ｂ"},
		{text: "/imagine a cat --ar=16:9 -m imagen4", command: "imagine", prompt: "a cat", options: "model=imagen4 ar=16:9"},
		{text: "/imagine a cat --ar:16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat --ar= 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat --AR 16:9 --Aspect-Ratio 1:1", command: "imagine", prompt: "a cat", options: "ar=16:9", problems: "repeated_flag --ar"},
		{text: "/imagine a cat --aspect_ratio 1:1", command: "imagine", prompt: "a cat", options: "ar=1:1"},
		{text: "/imagine a cat --seed -5", command: "imagine", prompt: "a cat", options: "seed=-5"},
		{text: "/video waves --dur 5 --res 720p", command: "video", prompt: "waves", options: "res=720p dur=5"},
		{text: "/speak hello --voice Rachel", command: "speak", prompt: "hello", options: "voice=Rachel"},
		{text: "/speak hello --voice Old Man --n 2", command: "speak", prompt: "hello", options: "voice=Old Man n=2"},

		// Switches stand alone.
		{text: "/imagine --spoiler a cat", command: "imagine", prompt: "a cat", options: "spoiler=on"},
		{text: "/imagine a cat --private --menu", command: "imagine", prompt: "a cat", options: "private=on menu=on"},
		{text: "/imagine --spoiler=off a cat", command: "imagine", prompt: "a cat", options: "spoiler=off"},
		{text: "/imagine --spoiler=maybe a cat", command: "imagine", prompt: "a cat", problems: "bad_switch --spoiler"},
		{text: "/imagine --spoiler= --ar 1:1 a cat", command: "imagine", prompt: "a cat", options: "ar=1:1 spoiler=", problems: "no_value --spoiler"},
		{text: "/imagine --spoiler a cat —spoiler", command: "imagine", prompt: "a cat", options: "spoiler=on", problems: "repeated_flag --spoiler"},
		{text: "/balance --private", command: "balance", problems: "misplaced_flag --private"},

		// The dashes that phones make.
		{text: "/imagine a cat —ar 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat –seed 7", command: "imagine", prompt: "a cat", options: "seed=7"},
		{text: "/imagine a cat —no text", command: "imagine", prompt: "a cat", options: "no=text"},
		{text: "/imagine a cat ––ar 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat −−ar 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine a cat —modle imagen4", command: "imagine", prompt: "a cat imagen4", problems: "unknown_flag —modle --model"},
		{text: "/imagine a cat — on a mat", command: "imagine", prompt: "a cat — on a mat"},
		{text: "/imagine a cat —sitting— on a mat", command: "imagine", prompt: "a cat —sitting— on a mat"},
		{text: "/imagine кот —это зверь", command: "imagine", prompt: "кот —это зверь"},

		// What looks like a flag and is none.
		{text: "a cat--dog", command: "imagine", prompt: "a cat--dog"},
		{text: "a cat -dog -5 --5 ---ar - x", command: "imagine", prompt: "a cat -dog -5 --5 ---ar - x"},
		{text: "a cat -n 2", command: "imagine", prompt: "a cat", options: "n=2"},
		{text: "a well-known state-of-the-art cat", command: "imagine", prompt: "a well-known state-of-the-art cat"},
		{text: "/imagine a cat -- --ar 16:9", command: "imagine", prompt: "a cat --ar 16:9"},
		{text: "/imagine --seed 7 -- \"a cat\"\nin space", command: "imagine", prompt: "\"a cat\"\nin space", options: "seed=7"},
		{text: "/imagine a cat --no -- dogs", command: "imagine", prompt: "a cat dogs", options: "no=", problems: "no_value --no"},

		// Quotes.
		{text: `/imagine "a cat --ar 1:1" --ar 16:9`, command: "imagine", prompt: "a cat --ar 1:1", options: "ar=16:9"},
		{text: "/imagine “a cat” —ar 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9"},
		{text: "/imagine «кот --ar 1:1»", command: "imagine", prompt: "кот --ar 1:1"},
		{text: "/imagine \"a cat\non a mat\" --seed 7", command: "imagine", prompt: "a cat\non a mat", options: "seed=7"},
		{text: `/imagine a sign that says "hello --world" --seed 7`, command: "imagine", prompt: `a sign that says "hello --world"`, options: "seed=7"},
		{text: `/imagine "a cat" and "a dog"`, command: "imagine", prompt: `"a cat" and "a dog"`},
		{text: `/imagine a 5" nail --ar 16:9`, command: "imagine", prompt: `a 5" nail`, options: "ar=16:9"},
		{text: `/imagine a "cat --ar 16:9`, command: "imagine", prompt: `a "cat`, options: "ar=16:9"},
		{text: `/imagine a cat --no "text, dogs" in space`, command: "imagine", prompt: "a cat in space", options: "no=text, dogs"},
		{text: `/imagine a cat --no ‘text, dogs’ in space`, command: "imagine", prompt: "a cat in space", options: "no=text, dogs"},
		{text: `/imagine a cat --no 'dogs that don't' in space`, command: "imagine", prompt: "a cat in space", options: "no=dogs that don't"},
		{text: `/imagine a cat --model="Google Imagen 4" x`, command: "imagine", prompt: "a cat x", options: "model=Google Imagen 4"},
		{text: `/imagine the cat's 'hat'`, command: "imagine", prompt: `the cat's 'hat'`},

		// The negative prompt.
		{text: "/imagine a cat\ntext, dogs", command: "imagine", prompt: "a cat", options: "no=text, dogs"},
		{text: "/imagine a cat --ar 16:9\n\n  text, dogs  \nblur", command: "imagine", prompt: "a cat", options: "ar=16:9 no=text, dogs  \nblur"},
		{text: "/imagine a cat\r\ntext", command: "imagine", prompt: "a cat", options: "no=text"},
		{text: "/imagine --ar 16:9\na cat\ntext", command: "imagine", prompt: "a cat", options: "ar=16:9 no=text"},
		{text: "/imagine a cat\ntext --ar 16:9", command: "imagine", prompt: "a cat", options: "ar=16:9 no=text"},
		{text: "/imagine a cat --no text, watermark --seed 7", command: "imagine", prompt: "a cat", options: "seed=7 no=text, watermark"},
		{text: "/imagine a cat --no text\ndogs", command: "imagine", prompt: "a cat", options: "no=text", problems: "second_line --no"},
		{text: "/speak one\ntwo", command: "speak", prompt: "one\ntwo"},

		// Files.
		{text: "/imagine bluer --image cat.png", command: "imagine", prompt: "bluer", options: "image=cat.png"},
		{text: "/imagine --image https://a.test/x.png?y=1&z=2 bluer", command: "imagine", prompt: "bluer", options: "image=https://a.test/x.png?y=1&z=2"},
		{text: "/imagine bluer --image a --image b --image c", command: "imagine", prompt: "bluer", options: "image=a image2=b image3=c"},
		{text: "/imagine bluer --image2 b --image a --image c", command: "imagine", prompt: "bluer", options: "image=a image2=b image3=c"},
		{text: "/imagine bluer --image1 a --IMAGE4 d", command: "imagine", prompt: "bluer", options: "image=a image4=d"},
		{text: "/imagine bluer --image2 a --image2 b", command: "imagine", prompt: "bluer", options: "image2=a", problems: "repeated_flag --image2"},
		{text: "/imagine bluer --image 'my cat.png' —mask \"the mask.png\"", command: "imagine", prompt: "bluer", options: "image=my cat.png mask=the mask.png"},
		{text: "/video waves --first a.png --last-frame b.png", command: "video", prompt: "waves", options: "first=a.png last=b.png"},
		{text: "/video --video sea.mp4 --audio sea.mp3", command: "video", options: "video=sea.mp4 audio=sea.mp3"},
		{text: "/imagine --image cat.png", command: "imagine", options: "image=cat.png"},
		{text: "/imagine --image", command: "imagine", options: "image=", problems: "no_value --image"},
		{text: "/imagine bluer --image0 a --first2 b", command: "imagine", prompt: "bluer a b", problems: "unknown_flag --image0 --image; unknown_flag --first2 --first"},
		{text: "/imagine bluer --first a", command: "imagine", prompt: "bluer", problems: "misplaced_flag --first"},
		{text: "a cat —listening to the sea", command: "imagine", prompt: "a cat —listening to the sea"},

		// Any model, any input.
		{text: "/generate --model x a cat\nin space --no dogs", command: "generate", prompt: "a cat\nin space", options: "model=x no=dogs"},
		{text: "/generate --model x", command: "generate", options: "model=x"},
		{text: "/music a song\nla la la", command: "music", prompt: "a song\nla la la"},
		{text: "/music a song --set style=jazz --set weirdness=0.5", command: "music", prompt: "a song", options: "set:style=jazz set:weirdness=0.5"},
		{text: "/music a song --set=style=jazz x", command: "music", prompt: "a song x", options: "set:style=jazz"},
		{text: `/music a song --set style="slow jazz" --set 'mood=very sad' x`, command: "music", prompt: "a song x", options: "set:style=slow jazz set:mood=very sad"},
		{text: `/music a song --set urls=["a b", "c"] x`, command: "music", prompt: "a song x", options: `set:urls=["a b", "c"]`},
		{text: `/music a song --set shots={"a": [1, 2]} x`, command: "music", prompt: "a song x", options: `set:shots={"a": [1, 2]}`},
		{text: "/music a song --set urls=[1, 2 x", command: "music", prompt: "a song 2 x", options: "set:urls=[1,"},
		{text: "/music a song --set a==b", command: "music", prompt: "a song", options: "set:a==b"},
		{text: "/music --set prompt=x", command: "music", options: "set:prompt=x"},
		{text: "/music a song --set a=1 --set a=2", command: "music", prompt: "a song", options: "set:a=1", problems: "repeated_flag --set a"},
		{text: "/music a song --set", command: "music", prompt: "a song", problems: "no_value --set"},
		{text: "/music a song --set --n 2", command: "music", prompt: "a song", options: "n=2", problems: "no_value --set"},
		{text: "/music a song --set jazz", command: "music", prompt: "a song", problems: "bad_input"},
		{text: "/music a song --set style=", command: "music", prompt: "a song", problems: "bad_input"},
		{text: "/music a song --set =jazz", command: "music", prompt: "a song", problems: "bad_input"},
		{text: "/balance --set a=b", command: "balance", problems: "misplaced_flag --set"},

		// What is wrong.
		{text: "", command: "imagine", problems: "no_prompt"},
		{text: "/imagine", command: "imagine", problems: "no_prompt"},
		{text: `/imagine "" --seed 7`, command: "imagine", options: "seed=7", problems: "no_prompt"},
		{text: "/imagine a cat --arr 16:9", command: "imagine", prompt: "a cat 16:9", problems: "unknown_flag --arr --ar"},
		{text: "/imagine a cat --zzzzzz", command: "imagine", prompt: "a cat", problems: "unknown_flag --zzzzzz"},
		{text: "/imagine a cat --соотношение 1:1", command: "imagine", prompt: "a cat 1:1", problems: "unknown_flag --соотношение"},
		{text: "/imagine a cat --ar --seed", command: "imagine", prompt: "a cat", options: "ar= seed=", problems: "no_value --ar; no_value --seed"},
		{text: "/imagine a cat --ar \"\"", command: "imagine", prompt: "a cat", options: "ar=", problems: "no_value --ar"},
		{text: "/imagine a cat --ar\n16:9", command: "imagine", prompt: "a cat", options: "ar= no=16:9", problems: "no_value --ar"},
		{text: "/imagine a cat --dur 5", command: "imagine", prompt: "a cat", problems: "misplaced_flag --dur"},
		{text: "/balance --seed 7", command: "balance", problems: "misplaced_flag --seed"},
		{text: "/imagine --n 2 --n 3 --arr --dur 9", command: "imagine", options: "n=2", problems: "no_prompt; repeated_flag --n; unknown_flag --arr --ar; misplaced_flag --dur"},
		{text: "/imagin a cat", problems: "unknown_command /imagin /imagine"},
		{text: "/", problems: "unknown_command / /imagine"},
		{text: "/zzzz", problems: "unknown_command /zzzz"},
		{text: "a cat \xff\xfe", command: "imagine", prompt: "a cat"},
	} {
		t.Run(test.text, func(t *testing.T) {
			got := parse(test.text)
			if got.command.name != test.command || got.prompt != test.prompt {
				t.Errorf("/%s %q, want /%s %q", got.command.name, got.prompt, test.command, test.prompt)
			}
			if opts(got) != test.options {
				t.Errorf("options %q, want %q", opts(got), test.options)
			}
			if faults(got) != test.problems {
				t.Errorf("problems %q, want %q", faults(got), test.problems)
			}
		})
	}
}

// A text full of quotes that never close takes no more than a moment.
func TestParseIsLinear(t *testing.T) {
	for _, word := range []string{`"a `, "“b ", "--no 'c ", "a\n\" ", "— ", "--ar ", "--image x ", "--set a=[\" ", "--set a={\"b", "--set a='"} {
		text := strings.Repeat(word, 1<<20/len(word))
		parse(text) // a quadratic search over a mebibyte would not end within the test's time
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/imagine a cat --ar 16:9 --model imagen4 --seed 7 --n 2", "a cat\ntext, dogs", "/imagine “a --ar” —no x — --",
		"/speak «one\ntwo» --voice 'Old Man' --voice=x", "/@", "/imagine@bot --", "--no --no\n--", "/generate -m x --image a --image2=b —image c", "/music x --set a=[1, 2] --set b=\"c d\" --set 'e=f'", "/video --set a={\"", "\xff\"\u00a0—ar=\"", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parse(text)
		if !c.known {
			if len(c.problems) == 0 {
				t.Fatal("neither a command nor a problem")
			}
			return
		}
		if c.prompt != strings.TrimSpace(c.prompt) || !utf8.ValidString(c.prompt) {
			t.Errorf("prompt %q", c.prompt)
		}
		if (c.prompt == "") != (len(c.problems) > 0 && c.problems[0].code == noPrompt) && c.needsPrompt() {
			t.Errorf("prompt %q with problems %q", c.prompt, faults(c))
		}
		for _, flag := range c.typed {
			if flag.start < 0 || flag.start > flag.value || flag.value > flag.end || flag.end > len(strings.ToValidUTF8(text, "")) {
				t.Errorf("flag %+v in a text of %d bytes", flag, len(text))
			}
		}
		// What was understood is understood in the same way when a careful person types it.
		careful, possible := written(c)
		again := parse(careful)
		if possible && (again.prompt != c.prompt || !maps.Equal(again.options, c.options) || !slices.Equal(again.raw, c.raw) || len(again.problems) > 0) {
			t.Errorf("%q was %q %q\nwritten as %q it is %q %q %q", text, c.prompt, opts(c), careful, again.prompt, opts(again), faults(again))
		}
	})
}

// written is a call as a very careful person would type it, if it can be.
func written(c call) (text string, possible bool) {
	text = "/" + c.command.name
	for option, value := range c.options {
		if strings.ContainsAny(value, "\n\"'“”„‟‘’‚«»") {
			return "", false
		}
		f, _ := flagFor(option)
		text += " " + f.String() + "=\"" + value + "\""
	}
	for _, raw := range c.raw {
		if strings.ContainsAny(raw.name+raw.value, "\n\"'“”„‟‘’‚«»") || strings.ContainsFunc(raw.name, unicode.IsSpace) {
			return "", false
		}
		text += " --set " + raw.name + "=\"" + raw.value + "\""
	}
	return text + " -- " + c.prompt, len(c.problems) == 0
}

package kietest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// palette is the light of a picture.
type palette struct {
	top, middle, low rgb // the sky
	light            rgb // sun, moon, windows
	far, near        rgb // the land
	accent           rgb
	stars            float64 // how many, 0 to 1
}

// mood is a palette and the beginnings of words that ask for it.
type mood struct {
	words string
	palette
}

func moods() []mood {
	return []mood{
		{"night midnight moon star dark ноч лун звезд звёзд темн", palette{tint(0x050a24), tint(0x12275a), tint(0x3b5f94), tint(0xf2f6ff), tint(0x274070), tint(0x060b1e), tint(0xffc86b), 1}},
		{"space galaxy cosmos astronaut cosmonaut planet nebula rocket alien mars космос космич галактик планет астронавт космонавт ракет", palette{tint(0x07051d), tint(0x24124d), tint(0x7a3b86), tint(0xfff2dc), tint(0x4a2a6d), tint(0x0d0720), tint(0xff9d6c), 1}},
		{"aurora north arctic сияни север аркти", palette{tint(0x04101f), tint(0x0b3a4a), tint(0x2b7a6b), tint(0xe8fff4), tint(0x1b4c57), tint(0x04141c), tint(0x7dffb2), 0.9}},
		{"neon cyber punk synth future robot tokyo неон кибер робот будущ", palette{tint(0x0c0326), tint(0x5a0f7a), tint(0xff4fa3), tint(0x8df6ff), tint(0x4b1b86), tint(0x0a0320), tint(0x2df3ff), 0.5}},
		{"sunset evening fire lava dragon закат вечер огон дракон", palette{tint(0x2b2f77), tint(0xd9487a), tint(0xffb347), tint(0xffe9b0), tint(0x9a4a7c), tint(0x2a1236), tint(0xff5d5d), 0.15}},
		{"dusk twilight lavender purple сумер фиолет лаванд", palette{tint(0x141b4d), tint(0x5b4b9a), tint(0xf0a6a0), tint(0xffe2c4), tint(0x6d5a96), tint(0x17123a), tint(0xffd166), 0.5}},
		{"dawn morning sunrise рассвет утр", palette{tint(0x4b5aa3), tint(0xe58fa6), tint(0xffd9a0), tint(0xfff3d6), tint(0xb487a8), tint(0x3a2350), tint(0xff7b54), 0}},
		{"winter snow ice frost christmas penguin зим снег лёд лед мороз пингвин", palette{tint(0x5f93c8), tint(0xb9d6ec), tint(0xf6f4f0), tint(0xffffff), tint(0xc3d6e6), tint(0x3d5f80), tint(0xe4572e), 0}},
		{"autumn fall fox pumpkin осен лис тыкв", palette{tint(0x5f7fa8), tint(0xe8b77c), tint(0xffe3a8), tint(0xfff4cf), tint(0xc9855a), tint(0x4a2318), tint(0xd1495b), 0}},
		{"desert sand dune camel egypt sahara пустын песок песч верблюд", palette{tint(0x3f7fb5), tint(0xf2c48a), tint(0xffe7c0), tint(0xfff6df), tint(0xdd9a63), tint(0x7a3420), tint(0xe07a5f), 0}},
		{"sea ocean beach island whale fish wave море морс океан пляж остров кит рыб волн", palette{tint(0x0f6fb0), tint(0x6cc3d8), tint(0xf3f0d2), tint(0xfffbe0), tint(0x3d9ab3), tint(0x06405e), tint(0xff8552), 0}},
		{"spring blossom sakura flower pink весн сакур цвет роз", palette{tint(0x8fa8e0), tint(0xf4b9cf), tint(0xfff0e6), tint(0xffffff), tint(0xd99abb), tint(0x6b2f5b), tint(0xff5c8a), 0}},
		{"forest wood jungle green tree лес джунгл зелен зелён дерев", palette{tint(0x1d5b57), tint(0x7fb89b), tint(0xeef3c6), tint(0xfffbe0), tint(0x6fa58e), tint(0x0b2f2a), tint(0xf2c14e), 0}},
		{"day summer sunny field meadow blue день лет солн поле луг син", palette{tint(0x2f86d6), tint(0x8cc8f0), tint(0xe6f5f2), tint(0xfffdf0), tint(0x9cc5c9), tint(0x1f5d4c), tint(0xff6b6b), 0}},
	}
}

// setting is a kind of landscape and the beginnings of words that ask for it.
type setting struct {
	words string
	draw  func(*scene)
}

func settings() []setting {
	return []setting{
		{"space galaxy cosmos astronaut cosmonaut planet nebula rocket alien mars moon космос космич галактик планет астронавт космонавт ракет лун", (*scene).space},
		{"sea ocean beach island lighthouse cliff coast boat ship sail whale fish wave lake river море морс океан пляж остров лодк корабл парус кит рыб волн озер река реке маяк берег", (*scene).sea},
		{"city street town tokyo york building tower neon cyber car robot rain город улиц башн неон кибер машин робот дожд", (*scene).city},
		{"forest wood jungle tree fox bear deer wolf owl лес джунгл дерев лис медвед олен волк сов", (*scene).forest},
		{"desert sand dune camel egypt sahara пустын песок песч верблюд", (*scene).dunes},
		{"mountain hill alp peak valley castle dragon aurora snow winter гора горы горн холм долин замок дракон сияни снег", (*scene).mountains},
		{"abstract pattern silk dream logo music fractal color абстракт узор шёлк шелк сон музык фрактал", (*scene).silk},
	}
}

// wordsOf splits a text into words in lower case.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
}

// asks reports whether one of the words begins like one of the stems. Short
// Latin stems must be whole words or plurals: a car is not in a carpet.
func asks(words []string, stems string) bool {
	for stem := range strings.FieldsSeq(stems) {
		if slices.ContainsFunc(words, func(word string) bool {
			rest, begins := strings.CutPrefix(word, stem)
			return begins && (len(stem) > 4 || rest == "" || rest == "s")
		}) {
			return true
		}
	}
	return false
}

// pick returns an entry that the words ask for, or any.
func pick[T any](rng *rand.Rand, words []string, all []T, stems func(T) string) T {
	var asked []T
	for _, one := range all {
		if asks(words, stems(one)) {
			asked = append(asked, one)
		}
	}
	if len(asked) == 0 {
		asked = all
	}
	return asked[rng.IntN(len(asked))]
}

// pickPalette chooses the light for the words and varies it a little.
func pickPalette(rng *rand.Rand, words []string) palette {
	p := pick(rng, words, moods(), func(m mood) string { return m.words }).palette
	shift := float32(rng.Float64()*0.12 - 0.06)
	for _, col := range []*rgb{&p.top, &p.middle, &p.low, &p.far, &p.near} {
		col[0] = min(max(col[0]*(1+shift), 0), 1)
		col[2] = min(max(col[2]*(1-shift), 0), 1)
	}
	return p
}

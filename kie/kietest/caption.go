package kietest

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// captionLines is how many lines of a prompt are shown.
const captionLines = 3

// lettering is a font at one size.
type lettering struct {
	font *opentype.Font
	face font.Face
	size float64
}

func newLettering(ttf []byte, size float64) (*lettering, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("reading a font: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("reading a font: %w", err)
	}
	return &lettering{font: f, face: face, size: size}, nil
}

// printable drops what the font has no sign for: a row of boxes helps nobody.
func (l *lettering) printable(text string) string {
	return strings.Map(func(r rune) rune {
		if i, err := l.font.GlyphIndex(nil, r); r != ' ' && (err != nil || i == 0) {
			return -1
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
}

func (l *lettering) width(text string) float64 {
	return float64(font.MeasureString(l.face, text)) / 64
}

// wrap breaks a text into lines that fit, cutting it with an ellipsis when
// there would be too many.
func (l *lettering) wrap(text string, width float64, most int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && l.width(longer) > width {
			lines, longer = append(lines, line), word
		}
		if line = longer; len(lines) == most {
			break
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	for i := range lines {
		if i == most-1 && len(lines) > most {
			lines[i] += " …"
		}
		lines[i] = l.fit(lines[i], width)
	}
	return lines[:min(len(lines), most)]
}

// fit shortens one line until it is no wider than width.
func (l *lettering) fit(line string, width float64) string {
	runes := []rune(line)
	for len(runes) > 1 && l.width(line) > width {
		runes = runes[:len(runes)-1]
		line = strings.TrimRight(string(runes), " …") + "…"
	}
	return line
}

// write draws one line with a soft shadow; y is its base line.
func (l *lettering) write(img *image.RGBA, text string, x, y float64, alpha uint8) {
	off := max(l.size/18, 1)
	for _, layer := range []struct {
		shift float64
		col   color.NRGBA
	}{
		{off, color.NRGBA{0, 0, 0, 130}}, {0, color.NRGBA{255, 255, 255, alpha}},
	} {
		d := font.Drawer{Dst: img, Src: image.NewUniform(layer.col), Face: l.face, Dot: fixed.Point26_6{
			X: fixed.Int26_6((x + layer.shift) * 64), Y: fixed.Int26_6((y + layer.shift) * 64),
		}}
		d.DrawString(text)
	}
}

// caption sets the prompt at the foot of a picture, and below it, small, what
// made it.
func caption(img *image.RGBA, a artwork) error {
	unit := float64(min(a.width, a.height))
	title, err := newLettering(goregular.TTF, unit*0.043)
	if err != nil {
		return err
	}
	note, err := newLettering(goregular.TTF, unit*0.022)
	if err != nil {
		return err
	}
	margin := unit * 0.05
	room := float64(a.width) - 2*margin
	lines := title.wrap(title.printable(a.prompt), room, captionLines)
	y := float64(a.height) - margin
	note.write(img, note.fit(note.printable(a.remark()), room), margin, y, 190)
	y -= note.size * 1.9
	for i := len(lines) - 1; i >= 0; i-- {
		title.write(img, lines[i], margin, y, 255)
		y -= title.size * 1.22
	}
	return nil
}

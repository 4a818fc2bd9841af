package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// IsFile says whether the option is a file: image, image2 and so on,
// first_frame, last_frame, audio, video or mask.
func (o Option) IsFile() bool {
	base, _ := o.split()
	return base != ""
}

// Numbered returns the name under which the nth file of an option is given,
// from 1: image, image2, image3.
func (o Option) Numbered(n int) Option {
	if n <= 1 {
		return o
	}
	return o + Option(strconv.Itoa(n))
}

// split tells image2 apart into image and 2. The base is empty when the option
// is no file.
func (o Option) split() (base Option, n int) {
	text := strings.TrimRight(string(o), "0123456789")
	n = 1
	if digits := string(o)[len(text):]; digits != "" {
		var err error
		if n, err = strconv.Atoi(digits); err != nil || n < 2 || digits[0] == '0' {
			return "", 0
		}
	}
	switch base = Option(text); base {
	case ImageFile, AudioFile, VideoFile:
		return base, n
	case FirstFrame, LastFrame, MaskFile:
		if n == 1 {
			return base, n
		}
	}
	return "", 0
}

// files holds given files by option, several of a kind in their order.
type files map[Option][]string

// gather picks the files out of options as a person gave them.
func gather(options map[Option]string) files {
	numbers := map[Option][]int{}
	for option, value := range options {
		if base, n := option.split(); base != "" && strings.TrimSpace(value) != "" {
			numbers[base] = append(numbers[base], n)
		}
	}
	given := files{}
	for base, ns := range numbers {
		slices.Sort(ns)
		for _, n := range ns {
			given[base] = append(given[base], strings.TrimSpace(options[base.Numbered(n)]))
		}
	}
	return given
}

// place decides which file goes to which input. Where a model has no frames
// they count as images; where it has only frames, the first images are them.
// What is left in given afterwards the model has no room for.
func (m Model) place(given files) map[string][]string {
	placed := map[string][]string{}
	m.borrowFrames(given)
	for _, option := range []Option{FirstFrame, LastFrame, MaskFile, VideoFile, AudioFile, ImageFile} {
		m.fillInputs(option, option, given, placed)
	}
	if _, has := m.ByOption(ImageFile); !has {
		m.fillInputs(FirstFrame, ImageFile, given, placed)
		m.fillInputs(LastFrame, ImageFile, given, placed)
	}
	return placed
}

// borrowFrames turns frames into images for a model that has no inputs for
// them. A last frame can only be one where a list is known to hold it.
func (m Model) borrowFrames(given files) {
	images, _ := m.ByOption(ImageFile)
	if _, has := m.ByOption(FirstFrame); !has && images.Name != "" {
		given[ImageFile] = slices.Concat(given[FirstFrame], given[ImageFile])
		delete(given, FirstFrame)
	}
	if _, has := m.ByOption(LastFrame); !has && images.Frames && len(given[ImageFile]) > 0 {
		given[ImageFile] = slices.Concat(given[ImageFile], given[LastFrame])
		delete(given, LastFrame)
	}
}

// fillInputs gives files of one option to the inputs of another, in the
// model's order: one to each single input, all that are left to a list, the
// list's own limit being left for check to find.
func (m Model) fillInputs(inputs, option Option, given files, placed map[string][]string) {
	for _, in := range m.Inputs {
		if in.Option != inputs || len(given[option]) == 0 || len(placed[in.Name]) > 0 {
			continue
		}
		n := 1
		if in.Type == Array {
			n = len(given[option])
			if in.MaxItems > 0 && m.wants(option, in.Name) {
				n = min(n, in.MaxItems)
			}
		}
		placed[in.Name] = given[option][:n]
		given[option] = given[option][n:]
	}
}

// wants says whether another input after the named one takes the option too.
func (m Model) wants(option Option, name string) bool {
	i := slices.IndexFunc(m.Inputs, func(in Input) bool { return in.Name == name })
	return slices.ContainsFunc(m.Inputs[i+1:], func(in Input) bool { return in.Option == option })
}

// misplaced returns a problem for each kind of file that the model has too
// little room for.
func (m Model) misplaced(given, left files) []Problem {
	var found []Problem
	for _, option := range slices.Sorted(maps.Keys(left)) {
		if len(left[option]) == 0 {
			continue
		}
		room := len(given[option]) - len(left[option])
		if room > 0 {
			in, _ := m.lastOf(option)
			found = append(found, Problem{Code: TooMany, Input: in.Name, Option: option, Given: shorten(left[option][0]), Actual: len(given[option]), Limit: room})
			continue
		}
		problem := Problem{Code: Unsupported, Option: option, Given: shorten(left[option][0])}
		for _, has := range m.Options() {
			problem.Choices = append(problem.Choices, string(has))
		}
		found = append(found, problem)
	}
	return found
}

// lastOf returns the last input that an option fills.
func (m Model) lastOf(option Option) (Input, bool) {
	for _, in := range slices.Backward(m.Inputs) {
		if in.Option == option || option == ImageFile && (in.Option == LastFrame || in.Option == FirstFrame) {
			return in, true
		}
	}
	return Input{}, false
}

// Takes says how many files of an option can be given: at least and at most. A
// most of 0 means none, of -1 any number.
func (m Model) Takes(option Option) (least, most int) {
	option, _ = option.split()
	for _, in := range m.Inputs {
		if in.Option == "" || !m.reaches(option, in) {
			continue
		}
		room := 1
		if in.Type == Array {
			room = in.MaxItems
		}
		if in.Required {
			least += max(1, in.MinItems)
		}
		if room == 0 || most < 0 {
			most = -1
		} else {
			most += room
		}
	}
	return least, most
}

// reaches says whether files of an option can end up in an input.
func (m Model) reaches(option Option, in Input) bool {
	if in.Option == option {
		return true
	}
	_, own := m.ByOption(option)
	switch {
	case own:
		return false
	case option == ImageFile:
		return in.Option == FirstFrame || in.Option == LastFrame
	case option == FirstFrame:
		return in.Option == ImageFile
	}
	return option == LastFrame && in.Option == ImageFile && in.Frames
}

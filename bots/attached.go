package bots

import (
	"slices"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// Attached is a file that came with a command, or that the command answers.
type Attached struct {
	File core.InputFile
	// For is the flag it was given for, without dashes; empty leaves it to the command.
	For string
	// Unusable says why the file cannot be had; empty when it can.
	Unusable Unusable
	Limit    int64 // what the chat hands over at most, in bytes, of TooLarge
}

// Unusable is why the chat cannot hand a file over.
type Unusable string

// What is wrong with a file before any model was asked.
const (
	TooLarge Unusable = "attached_large"  // larger than the chat hands over
	Empty    Unusable = "attached_empty"  // it has no bytes
	Moving   Unusable = "attached_moving" // a sticker that moves, which is no picture and no video
)

// takeAttached gives the files that came along to the options of the command
// that take such files, in their order. What it has no use for stays out: an
// answer to a picture need not be about the picture.
func (s *session) takeAttached() {
	for _, a := range s.in.Files {
		option, ok := s.optionFor(a)
		if !ok {
			continue
		}
		if a.Unusable != "" {
			s.call.problems = append(s.call.problems, problem{
				code: problemCode(a.Unusable), name: shorten(a.File.Name, 60), actual: s.megabytes(a.File.Size), limit: s.megabytes(a.Limit),
			})
			continue
		}
		s.call.options[option], s.files[option] = a.File.Name, a.File
		s.call.problems = slices.DeleteFunc(s.call.problems, func(p problem) bool { return p.code == noPrompt })
	}
}

// optionFor is the option that the file was given for, else the first of the
// command that is free and takes such files.
func (s *session) optionFor(a Attached) (catalog.Option, bool) {
	if f, ok := findFlag(a.For); ok && a.For != "" {
		return f.option, s.call.command.has(f.option)
	}
	var wanted []catalog.Option
	switch kind, _, _ := strings.Cut(a.File.Type, "/"); kind {
	case "video":
		wanted = []catalog.Option{catalog.VideoFile}
	case "audio":
		wanted = []catalog.Option{catalog.AudioFile}
	default:
		wanted = []catalog.Option{catalog.ImageFile, catalog.FirstFrame}
	}
	for _, option := range wanted {
		if !s.call.command.has(option) {
			continue
		}
		if s.call.options[option] == "" {
			return option, true
		}
		next := s.nextFree(option)
		return next, next != option
	}
	return "", false
}

package bots

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// attach replaces the file options that are no links by what stands for the
// file until Kie has it.
func (s session) attach(options map[catalog.Option]string) ([]core.InputFile, []problem) {
	var files []core.InputFile
	var wrong []problem
	for _, option := range givenFiles(options) {
		file, link, p := s.fileOf(option, options[option])
		if !link {
			options[option] = core.FileValue(len(files))
			files = append(files, file)
		}
		if p.code != "" {
			wrong = append(wrong, p)
		}
	}
	return files, wrong
}

// fileOf is the file that the value of a file option means; none for a link,
// right or wrong, which is for Kie to fetch.
func (s session) fileOf(option catalog.Option, value string) (file core.InputFile, link bool, wrong problem) {
	f, _ := flagFor(option)
	if link, wrong = s.link(f, value); link || wrong.code != "" {
		return file, true, wrong
	}
	if file, found := s.files[option]; found {
		return file, false, problem{}
	}
	file, wrong = s.open(f, value)
	return file, false, wrong
}

// givenFiles lists the options that are files, in the order of the flag table,
// image before image2 before image10.
func givenFiles(options map[catalog.Option]string) []catalog.Option {
	var given []catalog.Option
	if !slices.ContainsFunc(slices.Collect(maps.Keys(options)), catalog.Option.IsFile) {
		return nil // as nearly always
	}
	for _, f := range flags {
		for n := 1; f.option.IsFile() && n <= mostFiles; n++ {
			if option := f.option.Numbered(n); options[option] != "" {
				given = append(given, option)
			}
		}
	}
	return given
}

// link says whether the value is an address that Kie can fetch.
func (s session) link(f flag, value string) (bool, problem) {
	if !strings.Contains(value, "://") {
		return false, problem{}
	}
	address, err := url.Parse(value)
	if err != nil || address.Scheme != "https" || address.Host == "" {
		return false, problem{code: badLink, name: f.String(), given: shorten(value, 60)}
	}
	return true, problem{}
}

func (s session) open(f flag, value string) (core.InputFile, problem) {
	if s.in.Attach == nil {
		return core.InputFile{}, problem{code: noFiles, name: f.String()}
	}
	file, err := s.in.Attach(value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, problem{code: fileMissing, name: f.String(), given: shorten(value, 60)}
	case err != nil:
		return file, problem{code: fileUnread, name: f.String(), given: shorten(value, 60)}
	}
	return file, problem{}
}

// unfit checks type and size of the files where they are known, against the
// inputs that they went to.
func (v voice) unfit(m catalog.Model, input map[string]any, files []core.InputFile) []problem {
	var found []problem
	for n, file := range files {
		in, ok := holder(m, input, core.FileValue(n))
		if !ok {
			continue
		}
		name := shorten(file.Name, 60)
		if !accepts(in, file.Type) {
			found = append(found, problem{code: fileType, name: name, given: file.Type, model: m, choices: v.typesOf(in)})
		}
		if in.MaxMB > 0 && file.Size > int64(in.MaxMB)*1e6 {
			found = append(found, problem{code: fileSize, name: name, model: m, actual: v.megabytes(file.Size), limit: strconv.Itoa(in.MaxMB)})
		}
	}
	return found
}

// holder is the input that a file's value went to.
func holder(m catalog.Model, input map[string]any, value string) (catalog.Input, bool) {
	for _, in := range m.Inputs {
		list, _ := input[in.Name].([]any)
		if input[in.Name] == value || slices.Contains(list, any(value)) {
			return in, true
		}
	}
	return catalog.Input{}, false
}

// accepts says whether the input takes files of that type; a type that says
// nothing might be anything.
func accepts(in catalog.Input, mediaType string) bool {
	given := usual(mediaType)
	if given == "" || given == "application/octet-stream" {
		return true
	}
	if len(in.Accept) > 0 {
		return slices.ContainsFunc(in.Accept, func(one string) bool { return usual(one) == given })
	}
	kind, _, _ := strings.Cut(given, "/")
	return kind == in.Media || !slices.Contains([]string{"image", "video", "audio"}, in.Media)
}

// usual is a media type without parameters, under the one of its names that is
// most used.
func usual(mediaType string) string {
	name, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		name = strings.ToLower(mediaType)
	}
	switch name {
	case "image/jpg":
		return "image/jpeg"
	case "audio/mp3", "audio/x-mp3":
		return "audio/mpeg"
	case "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "audio/wav"
	case "audio/m4a", "audio/x-m4a":
		return "audio/mp4"
	case "audio/x-aac":
		return "audio/aac"
	case "audio/x-flac":
		return "audio/flac"
	case "video/x-msvideo":
		return "video/avi"
	}
	return name
}

// typesOf lists the types that an input takes, for people: JPEG, PNG.
func (v voice) typesOf(in catalog.Input) []string {
	if len(in.Accept) == 0 {
		return []string{v.say("file."+in.Media, nil)}
	}
	var names []string
	for _, one := range in.Accept {
		_, name, _ := strings.Cut(usual(one), "/")
		name = strings.ToUpper(strings.TrimPrefix(name, "x-"))
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// megabytes rounds up, so that what is too large never looks as if it fitted.
func (v voice) megabytes(size int64) string {
	tenths := math.Ceil(float64(size) / 1e5)
	return strings.ReplaceAll(strconv.FormatFloat(tenths/10, 'f', -1, 64), ".", v.say("decimal_mark", nil))
}

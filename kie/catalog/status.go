package catalog

import "slices"

// Status says how much life there is in a model.
type Status string

// The statuses.
const (
	Current        Status = "current"         // in Kie's own catalogue
	Documented     Status = "documented"      // described by Kie, but not in its catalogue
	LegacyEndpoint Status = "legacy-endpoint" // answers at an older endpoint of its own
	Legacy         Status = "legacy"          // gone from Kie's catalogue and its documentation
	Retired        Status = "retired"         // long gone
)

func statuses() []Status { return []Status{Current, Documented, LegacyEndpoint, Legacy, Retired} }

// Runs says whether requests for a model of this status can be expected to
// work. Resolve refuses the others.
func (s Status) Runs() bool {
	return slices.Contains([]Status{Current, Documented, LegacyEndpoint}, s)
}

// Output says what comes out of a model.
type Output string

// The outputs. JSON is an answer for a program, such as the id of a voice.
const (
	OutputImage Output = "image"
	OutputVideo Output = "video"
	OutputAudio Output = "audio"
	OutputText  Output = "text"
	OutputJSON  Output = "json"
)

func outputs() []Output {
	return []Output{OutputImage, OutputVideo, OutputAudio, OutputText, OutputJSON}
}

// Output returns what models of the kind make unless their entry says
// otherwise.
func (k Kind) Output() Output {
	switch k {
	case Image:
		return OutputImage
	case Video:
		return OutputVideo
	}
	return OutputAudio
}

// Jobs is the Endpoint of Kie's unified API: /api/v1/jobs/createTask.
const Jobs = "jobs"

// fill sets what an entry leaves to be understood.
func (m *Model) fill() {
	if m.Status == "" {
		m.Status = Current
	}
	if m.Output == "" {
		m.Output = m.Kind.Output()
	}
	if m.Endpoint == "" {
		m.Endpoint = Jobs
	}
	if m.ModelValue == "" && m.Endpoint == Jobs {
		m.ModelValue = m.ID
	}
}

// RetiredModelError says that a name stands for a model that Kie has no more.
// Lookup returns such a model all the same, for those who want to try; an
// Overlay can give it another status.
type RetiredModelError struct {
	Name        string // as it was typed
	ID          string // the model it stands for
	Title       string // the model's name for people
	Status      Status // Legacy or Retired
	Reason      string // why it cannot be used, an English clause
	Replacement string // id of the nearest current model; empty when none is near
}

// Error is one English sentence with the reason and the replacement.
func (e *RetiredModelError) Error() string {
	message := "the model " + quoted(e.Name) + " cannot be used: " + e.Reason
	if e.Replacement != "" {
		message += "; nearest: " + e.Replacement
	}
	return message
}

package kie

import "strings"

// Endpoint names the part of Kie's API that owns a task, since task ids are
// only valid where they were created. [Endpoints] describes each.
type Endpoint string

// Jobs is the unified API, which runs every current model: POST
// /api/v1/jobs/createTask and GET /api/v1/jobs/recordInfo (docs.kie.ai, "Create
// Task" and "Get Task Details").
const Jobs Endpoint = "jobs"

// The older endpoints, one per feature (docs.kie.ai/old-model). They still
// answer, with their own field names, all camelCase. New programs use the
// models of [Jobs] that took their place.
const (
	Veo                 Endpoint = "veo"                   // Veo 3.1: text, frames or references to video
	VeoExtend           Endpoint = "veo-extend"            // continues a Veo video
	Veo4K               Endpoint = "veo-4k"                // enlarges a Veo video to 4K
	Runway              Endpoint = "runway"                // text or an image to video
	RunwayExtend        Endpoint = "runway-extend"         // continues a Runway video
	Aleph               Endpoint = "aleph"                 // Runway Aleph: video to video, 5 s at most
	Image4o             Endpoint = "4o-image"              // GPT-4o images
	FluxKontext         Endpoint = "flux-kontext"          // Flux Kontext: makes and edits images
	Suno                Endpoint = "suno"                  // a song from a description or lyrics
	SunoExtend          Endpoint = "suno-extend"           // continues a track
	SunoUploadCover     Endpoint = "suno-upload-cover"     // an own recording in another style
	SunoUploadExtend    Endpoint = "suno-upload-extend"    // continues an own recording
	SunoAddInstrumental Endpoint = "suno-add-instrumental" // music for an own vocal recording
	SunoAddVocals       Endpoint = "suno-add-vocals"       // a voice for an own instrumental
	SunoReplaceSection  Endpoint = "suno-replace-section"  // makes 6 to 60 s of a track anew
	SunoMashup          Endpoint = "suno-mashup"           // two own recordings in one
	SunoSounds          Endpoint = "suno-sounds"           // sounds and loops
	SunoLyrics          Endpoint = "suno-lyrics"           // lyrics only
	SunoWAV             Endpoint = "suno-wav"              // a track as WAV
	SunoVocalRemoval    Endpoint = "suno-vocal-removal"    // splits a track into voice and instruments
	SunoMIDI            Endpoint = "suno-midi"             // the notes of a separated track
	SunoMP4             Endpoint = "suno-mp4"              // a video that shows the music
	SunoCover           Endpoint = "suno-cover"            // cover pictures for a track
)

// Endpoints that answer at once: see [EndpointInfo.AtOnce]. They prepare what
// gemini-omni-video of [Jobs] takes by its id, [Output].ID.
const (
	OmniAudio     Endpoint = "omni-audio"     // a voice, for the input audio_ids
	OmniCharacter Endpoint = "omni-character" // a character from pictures, for the input character_ids
)

// Endpoints of 2025 that left Kie's documentation in 2026: see
// [CreateRequest.AllowRetired].
const (
	Midjourney        Endpoint = "midjourney"         // images and short videos, by taskType
	MidjourneyUpscale Endpoint = "midjourney-upscale" // enlarges one image of a task
	MidjourneyVary    Endpoint = "midjourney-vary"    // variations of one image of a task
	MidjourneyVideo   Endpoint = "midjourney-video"   // continues a video
	LumaModify        Endpoint = "luma-modify"        // video to video
)

// EndpointInfo is what this package knows about an endpoint.
type EndpointInfo struct {
	Endpoint Endpoint
	// Create is the path of the POST that starts a task, Record the path of
	// the GET that reads it (with the query taskId); empty for an endpoint that
	// answers at once.
	Create, Record string
	// Model reports whether the body has a field "model".
	Model bool
	// Callback reports whether Kie refuses a request without a callback URL.
	Callback bool
	// Retired reports that the endpoint left Kie's documentation.
	Retired bool
	// StateField is the record's field that holds the state: "state", "status"
	// or "successFlag". The others are tried when it is missing. Empty where
	// there is no record.
	StateField string
	// Makes is the kind of the outputs whose URL does not tell, [KindFile]
	// where the model decides.
	Makes Kind
	// Page is the page of Kie's documentation, below https://docs.kie.ai/; that
	// of a retired endpoint does not exist any more.
	Page string
}

// endpointCount is the length of the table.
const endpointCount = 31

// endpointTable holds all endpoints; Jobs is the first, since it is looked up
// most.
func endpointTable() [endpointCount]EndpointInfo {
	const (
		veo    = "/api/v1/veo/record-info"
		runway = "/api/v1/runway/record-detail"
		suno   = "/api/v1/generate/record-info"
		mj     = "/api/v1/mj/record-info"

		veoPages    = "old-model/veo3-api/"
		runwayPages = "old-model/runway-api/"
		sunoPages   = "old-model/suno-api/"
	)
	return [endpointCount]EndpointInfo{
		{Jobs, "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo", true, false, false, "state", KindFile, "market/quickstart"},

		{Veo, "/api/v1/veo/generate", veo, true, false, false, "successFlag", KindVideo, veoPages + "generate-veo-3-video"},
		{VeoExtend, "/api/v1/veo/extend", veo, true, false, false, "successFlag", KindVideo, veoPages + "extend-video"},
		{Veo4K, "/api/v1/veo/get-4k-video", veo, false, false, false, "successFlag", KindVideo, veoPages + "get-veo-3-4k-video"},
		{Runway, "/api/v1/runway/generate", runway, false, false, false, "state", KindVideo, runwayPages + "generate-ai-video"},
		{RunwayExtend, "/api/v1/runway/extend", runway, false, false, false, "state", KindVideo, runwayPages + "extend-ai-video"},
		{Aleph, "/api/v1/aleph/generate", "/api/v1/aleph/record-info", false, false, false, "successFlag", KindVideo, runwayPages + "generate-aleph-video"},
		{Image4o, "/api/v1/gpt4o-image/generate", "/api/v1/gpt4o-image/record-info", false, false, false, "status", KindImage, "old-model/4o-image-api/generate-4-o-image"},
		{FluxKontext, "/api/v1/flux/kontext/generate", "/api/v1/flux/kontext/record-info", true, false, false, "successFlag", KindImage, "old-model/flux-kontext-api/generate-or-edit-image"},

		{Suno, "/api/v1/generate", suno, true, true, false, "status", KindAudio, sunoPages + "generate-music"},
		{SunoExtend, "/api/v1/generate/extend", suno, true, true, false, "status", KindAudio, sunoPages + "extend-music"},
		{SunoUploadCover, "/api/v1/generate/upload-cover", suno, true, true, false, "status", KindAudio, sunoPages + "upload-and-cover-audio"},
		{SunoUploadExtend, "/api/v1/generate/upload-extend", suno, true, true, false, "status", KindAudio, sunoPages + "upload-and-extend-audio"},
		{SunoAddInstrumental, "/api/v1/generate/add-instrumental", suno, true, true, false, "status", KindAudio, sunoPages + "add-instrumental"},
		{SunoAddVocals, "/api/v1/generate/add-vocals", suno, true, true, false, "status", KindAudio, sunoPages + "add-vocals"},
		{SunoReplaceSection, "/api/v1/generate/replace-section", suno, false, true, false, "status", KindAudio, sunoPages + "replace-section"},
		{SunoMashup, "/api/v1/generate/mashup", suno, true, true, false, "status", KindAudio, sunoPages + "generate-mashup"},
		{SunoSounds, "/api/v1/generate/sounds", suno, true, true, false, "status", KindAudio, sunoPages + "generate-sounds"},
		{SunoLyrics, "/api/v1/lyrics", "/api/v1/lyrics/record-info", false, true, false, "status", KindText, sunoPages + "generate-lyrics"},
		{SunoWAV, "/api/v1/wav/generate", "/api/v1/wav/record-info", false, true, false, "successFlag", KindAudio, sunoPages + "convert-to-wav"},
		{SunoVocalRemoval, "/api/v1/vocal-removal/generate", "/api/v1/vocal-removal/record-info", false, true, false, "successFlag", KindAudio, sunoPages + "separate-vocals"},
		{SunoMIDI, "/api/v1/midi/generate", "/api/v1/midi/record-info", false, true, false, "successFlag", KindText, sunoPages + "generate-midi"},
		{SunoMP4, "/api/v1/mp4/generate", "/api/v1/mp4/record-info", false, true, false, "successFlag", KindVideo, sunoPages + "create-music-video"},
		{SunoCover, "/api/v1/suno/cover/generate", "/api/v1/suno/cover/record-info", false, true, false, "successFlag", KindImage, sunoPages + "cover-suno"},

		{OmniAudio, "/api/v1/omni/audio/create", "", false, false, false, "", KindText, "market/gemini-omni-audio"},
		{OmniCharacter, "/api/v1/omni/character/create", "", false, false, false, "", KindText, "market/gemini-omni-character"},

		{Midjourney, "/api/v1/mj/generate", mj, false, false, true, "successFlag", KindImage, "mj-api/generate-mj-image"},
		{MidjourneyUpscale, "/api/v1/mj/generateUpscale", mj, false, false, true, "successFlag", KindImage, "mj-api/generate-mj-image"},
		{MidjourneyVary, "/api/v1/mj/generateVary", mj, false, false, true, "successFlag", KindImage, "mj-api/generate-mj-image"},
		{MidjourneyVideo, "/api/v1/mj/generateVideo", mj, false, false, true, "successFlag", KindVideo, "mj-api/generate-mj-image"},
		{LumaModify, "/api/v1/modify/generate", "/api/v1/modify/record-info", false, true, true, "successFlag", KindVideo, "luma-api/generate-luma-modify-video"},
	}
}

// Endpoints returns what is known about every endpoint, [Jobs] first. The
// caller owns the slice.
func Endpoints() []EndpointInfo {
	table := endpointTable()
	return table[:]
}

// Info returns what is known about e; the zero Endpoint is [Jobs]. It reports
// false for an endpoint this version does not know.
func (e Endpoint) Info() (EndpointInfo, bool) {
	if e == "" {
		e = Jobs
	}
	table := endpointTable()
	for i := range table {
		if table[i].Endpoint == e {
			return table[i], true
		}
	}
	return EndpointInfo{}, false
}

// state reads a record's state in the vocabulary of the endpoint, and reports
// false when the record has none.
func (i EndpointInfo) state(o object) (State, bool) {
	var word string
	for _, field := range [...]string{i.StateField, "state", "status", "successFlag"} {
		if word == "" && field != "" {
			word = strings.TrimSpace(o.text(field))
		}
	}
	state := readState(word)
	switch i.Endpoint {
	case Aleph:
		// The page knows 0 and 1 only; recordings have 3, and 0 with an error.
		code := o.text("errorCode")
		running := !state.Final()
		if running && (word != "0" && isNumber(word) || code != "" && code != "0") {
			state = Fail
		}
	case LumaModify:
		if word == "4" {
			// The result is there, only its callback was not delivered.
			state = Success
		}
	}
	return state, word != ""
}

// isNumber reports whether a word consists of digits.
func isNumber(word string) bool { return strings.Trim(word, "0123456789") == "" }

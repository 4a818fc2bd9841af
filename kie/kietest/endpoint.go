package kietest

import (
	"kiebot/kie/catalog"
)

// endpoint is a place where tasks are created and read: the unified API or one
// of the older ones (docs.kie.ai, "old-model"). The table is written here once
// more, not shared with the client, so that a mistake in either shows.
type endpoint struct {
	name           string // as in package kie and in catalog.Model.Endpoint
	create, record string // paths
	dialect        *dialect
	makes          func(*production)
	kind           catalog.Kind
	inputs         []catalog.Input // where the catalogue has no entry
	credits        catalog.Credits // where the catalogue has no price
	model          string          // assumed when the body has none
	hook           bool            // a callback URL is mandatory
	parent         string          // record path of the task that the input taskId must name
	once           int             // code that refuses to do the same a second time, 0 for none
	rule           func(input map[string]any) *reply
}

// Record paths that several endpoints share.
const (
	pathVeo    = "/api/v1/veo/record-info"
	pathRunway = "/api/v1/runway/record-detail"
	pathSuno   = "/api/v1/generate/record-info"
	pathStems  = "/api/v1/vocal-removal/record-info"
	pathMJ     = "/api/v1/mj/record-info"
)

// endpoints returns the table, the unified API first.
func endpoints() []*endpoint {
	all := []*endpoint{{
		name: catalog.Jobs, create: "/api/v1/jobs/createTask", record: "/api/v1/jobs/recordInfo",
		dialect: jobsDialect(), makes: (*production).job,
	}}
	all = append(all, videoEndpoints()...)
	all = append(all, imageEndpoints()...)
	all = append(all, musicEndpoints()...)
	return append(all, extraEndpoints()...)
}

func videoEndpoints() []*endpoint {
	follow := []catalog.Input{need(text("taskId")), need(prompt(0))}
	veo, runway := veoDialect(), runwayDialect()
	return []*endpoint{
		{name: "veo", create: "/api/v1/veo/generate", record: pathVeo, dialect: veo, makes: (*production).clip, kind: catalog.Video,
			model: "veo3_fast", credits: 60_000, rule: veoRule,
			inputs: []catalog.Input{need(prompt(0)), media("imageUrls", "image", 0, 3), choice("model", "veo3", "veo3_fast", "veo3_lite")}},
		{name: "veo-extend", create: "/api/v1/veo/extend", record: pathVeo, dialect: extendDialect(), makes: (*production).clip, kind: catalog.Video,
			parent: pathVeo, credits: 60_000, inputs: append(follow, choice("model", "fast", "quality", "lite"))},
		{name: "veo-4k", create: "/api/v1/veo/get-4k-video", record: pathVeo, dialect: enlargedDialect(), makes: (*production).clip, kind: catalog.Video,
			parent: pathVeo, credits: 120_000, once: 422, inputs: []catalog.Input{need(text("taskId")), integer("index", 0, 3)}},
		{name: "runway", create: "/api/v1/runway/generate", record: pathRunway, dialect: runway, makes: (*production).clip, kind: catalog.Video,
			credits: 30_000, rule: runwayRule,
			inputs: []catalog.Input{need(prompt(1800)), link("imageUrl", "image"), need(integer("duration", 5, 10)), need(choice("quality", "720p", "1080p"))}},
		{name: "runway-extend", create: "/api/v1/runway/extend", record: pathRunway, dialect: runway, makes: (*production).clip, kind: catalog.Video,
			parent: pathRunway, credits: 30_000, inputs: append(follow, need(choice("quality", "720p", "1080p")), text("waterMark"))},
		{name: "aleph", create: "/api/v1/aleph/generate", record: "/api/v1/aleph/record-info", dialect: alephDialect(), makes: (*production).clip, kind: catalog.Video,
			credits: 110_000, inputs: []catalog.Input{need(prompt(0)), need(link("videoUrl", "video")), link("referenceImage", "image")}},
		{name: "luma-modify", create: "/api/v1/modify/generate", record: "/api/v1/modify/record-info", dialect: lumaDialect(), makes: (*production).clip, kind: catalog.Video,
			credits: 50_000, hook: true, inputs: []catalog.Input{need(prompt(0)), need(link("videoUrl", "video")), text("watermark")}},
	}
}

func imageEndpoints() []*endpoint {
	mj := midjourneyDialect()
	follow := []catalog.Input{need(text("taskId")), integer("imageIndex", 0, 3)}
	return []*endpoint{
		{name: "4o-image", create: "/api/v1/gpt4o-image/generate", record: "/api/v1/gpt4o-image/record-info", dialect: image4oDialect(),
			makes: (*production).images, kind: catalog.Image, credits: 6_000, rule: image4oRule,
			inputs: []catalog.Input{prompt(0), media("filesUrl", "image", 0, 5), need(choice("size", "1:1", "3:2", "2:3")), link("maskUrl", "image")}},
		{name: "flux-kontext", create: "/api/v1/flux/kontext/generate", record: "/api/v1/flux/kontext/record-info", dialect: fluxDialect(),
			makes: (*production).kontext, kind: catalog.Image, credits: 5_000, model: "flux-kontext-pro", rule: fluxRule,
			inputs: []catalog.Input{need(prompt(0)), link("inputImage", "image"), choice("model", "flux-kontext-pro", "flux-kontext-max")}},
		{name: "midjourney", create: "/api/v1/mj/generate", record: pathMJ, dialect: mj, makes: (*production).grid, kind: catalog.Image,
			credits: 8_000, inputs: []catalog.Input{need(text("taskType")), need(prompt(0)), link("fileUrl", "image"), media("fileUrls", "image", 0, 0)}},
		{name: "midjourney-upscale", create: "/api/v1/mj/generateUpscale", record: pathMJ, dialect: mj, makes: (*production).images, kind: catalog.Image,
			parent: pathMJ, credits: 4_000, inputs: follow},
		{name: "midjourney-vary", create: "/api/v1/mj/generateVary", record: pathMJ, dialect: mj, makes: (*production).grid, kind: catalog.Image,
			parent: pathMJ, credits: 8_000, inputs: follow},
		{name: "midjourney-video", create: "/api/v1/mj/generateVideo", record: pathMJ, dialect: mj, makes: (*production).clip, kind: catalog.Video,
			parent: pathMJ, credits: 60_000, inputs: append(follow, prompt(0))},
	}
}

// song is an endpoint that makes two tracks.
func song(name, create string, rule func(map[string]any) *reply, inputs ...catalog.Input) *endpoint {
	return &endpoint{
		name: name, create: "/api/v1/" + create, record: pathSuno, dialect: sunoDialect(), makes: (*production).song,
		kind: catalog.Music, credits: 12_000, hook: true, rule: rule, inputs: inputs,
	}
}

func musicEndpoints() []*endpoint {
	model := need(choice("model", "V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5", "V6", "V6_MINI", "V6_WILD"))
	upload := need(link("uploadUrl", "audio"))
	custom := []catalog.Input{need(flag("customMode")), need(flag("instrumental")), prompt(0), text("style"), text("title"), model}
	section := song("suno-replace-section", "generate/replace-section", sectionRule, need(text("taskId")), need(text("audioId")), need(prompt(0)),
		need(text("tags")), need(text("title")), need(text("fullLyrics")), need(fraction("infillStartS")), need(fraction("infillEndS")))
	section.parent = pathSuno
	extend := song("suno-extend", "generate/extend", nil, need(flag("defaultParamFlag")), need(text("audioId")), need(prompt(0)), model, fraction("continueAt"))
	sounds := song("suno-sounds", "generate/sounds", nil, need(prompt(500)), model, flag("soundLoop"), integer("soundTempo", 1, 300), text("soundKey"), flag("grabLyrics"))
	sounds.credits = 2_500
	return []*endpoint{
		song("suno", "generate", songRule, custom...),
		extend,
		song("suno-upload-cover", "generate/upload-cover", songRule, append(custom[:len(custom):len(custom)], upload)...),
		song("suno-upload-extend", "generate/upload-extend", nil, upload, need(flag("defaultParamFlag")), need(fraction("continueAt")), flag("instrumental"), prompt(0), model),
		song("suno-add-instrumental", "generate/add-instrumental", nil, upload, need(text("title")), need(text("negativeTags")), need(text("tags")), choice("model", "V4_5PLUS", "V5", "V5_5", "V6")),
		song("suno-add-vocals", "generate/add-vocals", nil, upload, need(prompt(0)), need(text("title")), need(text("negativeTags")), need(text("style")), choice("model", "V4_5PLUS", "V5", "V5_5", "V6")),
		section,
		song("suno-mashup", "generate/mashup", songRule, append(custom[:len(custom):len(custom)], need(media("uploadUrlList", "audio", 2, 2)))...),
		sounds,
	}
}

// extraEndpoints make something else than tracks from words or tracks.
func extraEndpoints() []*endpoint {
	track := []catalog.Input{need(text("taskId")), need(text("audioId"))}
	separation := append(track[:2:2], choice("type", "separate_vocal", "split_stem"))
	return []*endpoint{
		{name: "suno-lyrics", create: "/api/v1/lyrics", record: "/api/v1/lyrics/record-info", dialect: lyricsDialect(), makes: (*production).lyrics,
			kind: catalog.Music, credits: 400, hook: true, inputs: []catalog.Input{need(prompt(200))}},
		{name: "suno-wav", create: "/api/v1/wav/generate", record: "/api/v1/wav/record-info", dialect: wavDialect(), makes: (*production).wave,
			kind: catalog.Music, credits: 400, hook: true, parent: pathSuno, once: 409, inputs: track},
		{name: "suno-vocal-removal", create: "/api/v1/vocal-removal/generate", record: pathStems, dialect: stemsDialect(), makes: (*production).stems,
			kind: catalog.Music, credits: 10_000, hook: true, parent: pathSuno, inputs: separation},
		{name: "suno-midi", create: "/api/v1/midi/generate", record: "/api/v1/midi/record-info", dialect: midiDialect(), makes: (*production).notes,
			kind: catalog.Music, hook: true, parent: pathStems, inputs: []catalog.Input{need(text("taskId")), text("audioId")}},
		{name: "suno-mp4", create: "/api/v1/mp4/generate", record: "/api/v1/mp4/record-info", dialect: mp4Dialect(), makes: (*production).clip,
			kind: catalog.Video, credits: 2_000, hook: true, parent: pathSuno, inputs: append(track[:2:2], limited("author", 50), limited("domainName", 50))},
		{name: "suno-cover", create: "/api/v1/suno/cover/generate", record: "/api/v1/suno/cover/record-info", dialect: coverDialect(), makes: (*production).covers,
			kind: catalog.Image, hook: true, parent: pathSuno, once: 409, inputs: track[:1]},
	}
}

// The functions below describe inputs.

func text(name string) catalog.Input { return catalog.Input{Name: name, Type: catalog.String} }

func limited(name string, most int) catalog.Input {
	return catalog.Input{Name: name, Type: catalog.String, MaxLength: most}
}

func prompt(most int) catalog.Input {
	return catalog.Input{Name: "prompt", Type: catalog.String, Option: catalog.Prompt, MaxLength: most}
}

func flag(name string) catalog.Input { return catalog.Input{Name: name, Type: catalog.Boolean} }

func fraction(name string) catalog.Input { return catalog.Input{Name: name, Type: catalog.Number} }

func integer(name string, least, most float64) catalog.Input {
	return catalog.Input{Name: name, Type: catalog.Integer, Min: &least, Max: &most}
}

func choice(name string, values ...any) catalog.Input {
	return catalog.Input{Name: name, Type: catalog.String, Enum: values}
}

func link(name, kind string) catalog.Input {
	return catalog.Input{Name: name, Type: catalog.String, Media: kind}
}

func media(name, kind string, least, most int) catalog.Input {
	return catalog.Input{Name: name, Type: catalog.Array, Items: "string", Media: kind, MinItems: least, MaxItems: most}
}

func need(in catalog.Input) catalog.Input {
	in.Required = true
	return in
}

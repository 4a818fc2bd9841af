package kietest

import (
	"net/http"
	"unicode/utf8"
)

// The rules of single endpoints that concern several inputs at once.

func invalid(msg string) *reply {
	out := refusal(http.StatusUnprocessableEntity, msg)
	return &out
}

// veoRule: docs.kie.ai "Generate Veo 3.1 Video".
func veoRule(input map[string]any) *reply {
	images, _ := input["imageUrls"].([]any)
	switch {
	case input["generationType"] == "REFERENCE_2_VIDEO" && input["model"] == "veo3":
		return invalid("REFERENCE_2_VIDEO is not supported by the model veo3")
	case input["generationType"] == "FIRST_AND_LAST_FRAMES_2_VIDEO" && (len(images) == 0 || len(images) > 2):
		return invalid("imageUrls must hold one or two images for FIRST_AND_LAST_FRAMES_2_VIDEO")
	}
	return nil
}

// runwayRule: docs.kie.ai "Generate AI Video".
func runwayRule(input map[string]any) *reply {
	seconds := number(input["duration"])
	switch {
	case seconds != 5 && seconds != 10:
		return invalid("duration must be 5 or 10")
	case seconds == 10 && input["quality"] == "1080p":
		return invalid("quality 1080p is not supported for 10-second videos")
	}
	return nil
}

// image4oRule: docs.kie.ai "Generate 4o Image".
func image4oRule(input map[string]any) *reply {
	files, _ := input["filesUrl"].([]any)
	switch {
	case isEmpty(input["prompt"]) && len(files) == 0:
		return invalid("prompt and filesUrl cannot both be empty")
	case !isEmpty(input["maskUrl"]) && len(files) != 1:
		return invalid("maskUrl needs exactly one image in filesUrl")
	}
	return nil
}

// fluxRule: docs.kie.ai "Generate or Edit Image".
func fluxRule(input map[string]any) *reply {
	if !isEmpty(input["inputImage"]) && number(input["safetyTolerance"]) > 2 {
		return invalid("safetyTolerance must be between 0 and 2 for edits")
	}
	return nil
}

// songRule: docs.kie.ai "Generate Music".
func songRule(input map[string]any) *reply {
	words, _ := input["prompt"].(string)
	if input["customMode"] != true {
		switch {
		case words == "":
			return invalid("prompt cannot be blank")
		case utf8.RuneCountInString(words) > 500:
			out := refusal(http.StatusRequestEntityTooLarge, "The prompt is too long: at most 500 characters")
			return &out
		}
		return nil
	}
	switch {
	case isEmpty(input["style"]) || isEmpty(input["title"]):
		return invalid("style and title cannot be blank in custom mode")
	case input["instrumental"] != true && words == "":
		return invalid("prompt cannot be blank in custom mode with vocals")
	}
	return nil
}

// sectionRule: docs.kie.ai "Replace Section".
func sectionRule(input map[string]any) *reply {
	if span := number(input["infillEndS"]) - number(input["infillStartS"]); span < 6 || span > 60 {
		return invalid("the section must last between 6 and 60 seconds")
	}
	return nil
}

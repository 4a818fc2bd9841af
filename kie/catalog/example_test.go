package catalog_test

import (
	"errors"
	"fmt"
	"strings"

	"kiebot/kie/catalog"
)

// A person types options; the model gets the inputs it wants, and the price is
// known before anything is sent.
func Example() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := models.Lookup("kling")
	if err != nil {
		fmt.Println(err)
		return
	}
	input, err := model.Build(map[catalog.Option]string{
		catalog.Prompt:   "a cat astronaut",
		catalog.Duration: "10s",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	credits, err := model.Estimate(input)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.ID)
	fmt.Println(input)
	fmt.Println(credits, "credits")
	// Output:
	// kling/v2-5-turbo-text-to-video-pro
	// map[duration:10 prompt:a cat astronaut]
	// 84 credits
}

// All problems come at once, as fields that any language can be made of.
func ExampleModel_Build_problems() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	model := models.DefaultFor(catalog.Video)
	_, err = model.Build(map[catalog.Option]string{
		catalog.AspectRatio: "16:10",
		catalog.Seed:        "seven",
		catalog.Voice:       "Rachel",
	})
	var problems *catalog.ProblemsError
	if errors.As(err, &problems) {
		for _, p := range problems.Problems {
			fmt.Println(p.Code, "-", p)
		}
	}
	// Output:
	// missing - prompt is missing
	// choice - aspect_ratio cannot be "16:10"; did you mean "16:9"? (choices: 21:9, 16:9, 4:3, 1:1, 3:4, 9:16)
	// type - seed must be a whole number, not "seven"
	// unsupported - it has no option "voice" (choices: prompt, aspect_ratio, resolution, duration, seed)
}

// A raw input object is completed first: types are put right and what decides
// the price is filled in.
func ExampleModel_Complete() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := models.Lookup("grok-imagine/text-to-video")
	if err != nil {
		fmt.Println(err)
		return
	}
	input := model.Complete(map[string]any{"prompt": "a cat astronaut", "duration": "10"})
	fmt.Println(input)
	fmt.Println(model.Validate(input))
	// Output:
	// map[duration:10 prompt:a cat astronaut resolution:480p]
	// <nil>
}

func ExampleCatalog_Lookup() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = models.Lookup("flux-3/pro")
	var unknown *catalog.UnknownModelError
	if errors.As(err, &unknown) {
		fmt.Println("unknown:", unknown.Name, "- did you mean", unknown.Nearest[0]+"?")
	}
	// Output:
	// unknown: flux-3/pro - did you mean flux-2/pro?
}

func ExampleParse() {
	models, err := catalog.Parse(strings.NewReader(`{"models": [{
		"id": "vendor/painter", "title": "Painter", "kind": "image", "task": "text-to-image",
		"default_for_kind": true,
		"inputs": [
			{"name": "prompt", "type": "string", "option": "prompt", "required": true, "max_length": 800},
			{"name": "image_size", "type": "string", "option": "aspect_ratio", "default": "square_hd",
			 "enum": ["square_hd", "landscape_16_9"], "values": {"1:1": "square_hd", "16:9": "landscape_16_9"}},
			{"name": "quality", "type": "string", "enum": ["basic", "high"], "default": "basic"}
		],
		"price": {
			"per": "image",
			"rates": [{"when": {"quality": "high"}, "credits": 7.5}, {"credits": 3}]
		},
		"source": "https://docs.kie.ai/"
	}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	model := models.DefaultFor(catalog.Image)
	input, err := model.Build(map[catalog.Option]string{catalog.Prompt: "a cat", catalog.AspectRatio: "16:9"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(input)
	// Output:
	// map[image_size:landscape_16_9 prompt:a cat quality:basic]
}

func ExampleNearest() {
	fmt.Println(catalog.Nearest("modle", []string{"model", "seed", "no"}, 1))
	// Output:
	// [model]
}

func ExampleCredits() {
	perImage, err := catalog.ParseCredits("0.8")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(perImage, int64(perImage), 10*perImage)
	// Output:
	// 0.8 800 8
}

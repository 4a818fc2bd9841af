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

// A name stands for a family; what is given with it decides which of its models
// runs, and the files find their places.
func ExampleCatalog_Resolve() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, options := range []map[catalog.Option]string{
		{catalog.Prompt: "a cat astronaut"},
		{catalog.Prompt: "wave", catalog.ImageFile: "https://example.com/cat.png"},
	} {
		model, err := models.Resolve("kling", options)
		if err != nil {
			fmt.Println(err)
			return
		}
		input, err := model.Build(options)
		fmt.Println(model.ID, input, err)
	}
	_, err = models.Resolve("sora2/pro", nil)
	fmt.Println(err)
	// Output:
	// kling/v2-5-turbo-text-to-video-pro map[duration:5 prompt:a cat astronaut] <nil>
	// kling/v2-5-turbo-image-to-video-pro map[duration:5 image_url:https://example.com/cat.png prompt:wave] <nil>
	// the model "sora2/pro" cannot be used: Kie took the Sora 2 family out of its catalogue in September 2026; nearest: veo-3-1
}

// Some prices depend on how long a file is.
func ExampleModel_EstimateFor() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := models.Lookup("topaz/video-upscale")
	if err != nil {
		fmt.Println(err)
		return
	}
	input := model.Complete(map[string]any{"video_url": "https://example.com/cat.mp4"})
	_, err = model.Estimate(input)
	fmt.Println(err)
	fmt.Println(model.EstimateFor(input, catalog.Lengths{"https://example.com/cat.mp4": 9.5}))
	// Output:
	// price of topaz/video-upscale: cannot count video_url: no price is known
	// 80 <nil>
}

func ExampleCatalog_Search() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, model := range models.Search("upscale", catalog.Image) {
		fmt.Println(model.ID, "-", model.Title)
	}
	// Output:
	// topaz/image-upscale - Topaz Image Upscale
	// recraft/crisp-upscale - Recraft Crisp Upscale
}

// An operator prices a model in a file of his own.
func ExampleOverlay() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	models, err = catalog.Overlay(models, strings.NewReader(`{"models": [
		{"id": "runway/extend-ai-video", "price": {"per": "video", "rates": [
			{"when": {"quality": "1080p"}, "credits": 30}, {"credits": 12}]}}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	model, err := models.Lookup("runway/extend-ai-video")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Title)
	fmt.Println(model.Estimate(model.Complete(nil)))
	// Output:
	// Runway Extend
	// 12 <nil>
}

// The file is looked at whenever somebody calls Reload, for instance by a
// ticker.
func ExampleFile() {
	models, err := catalog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	file := catalog.NewFile("/nowhere/models.json", models)
	if _, err := file.Reload(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(file.Catalog() == models)
	// Output:
	// reading the catalogue file: stat /nowhere/models.json: no such file or directory
	// true
}

func ExampleDiff() {
	models, err := catalog.Parse(strings.NewReader(`{"models": [{
		"id": "vendor/painter", "title": "Painter", "kind": "image", "task": "text-to-image", "default_for_kind": true,
		"inputs": [{"name": "prompt", "type": "string", "option": "prompt", "max_length": 800}],
		"price": {"per": "image", "rates": [{"credits": 3}]}, "source": "https://docs.kie.ai/"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, difference := range catalog.Diff(models, []catalog.Live{
		{ID: "vendor/painter", PriceText: "4 credits per image"},
		{ID: "vendor/filmer", Title: "Filmer"},
	}) {
		fmt.Println(difference)
	}
	// Output:
	// price vendor/painter: 3 → 4 credits per image
	// appeared vendor/filmer: – → Filmer
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

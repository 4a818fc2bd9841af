package kie_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"kiebot/kie"
)

// familyServer answers like Kie for one task of one endpoint that is done at
// once, and otherwise with the given replies by path.
func familyServer(endpoint kie.Endpoint, record string, others map[string]string) *httptest.Server {
	info, _ := endpoint.Info()
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := others[r.URL.Path]
		switch {
		case r.URL.Path == info.Create && r.Method == http.MethodPost:
			data = `{"taskId":"281e5b0f"}`
		case r.URL.Path == info.Record:
			data = record
		case !ok:
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":`+data+`}`)
	}))
}

// makeAndPrint creates a task, waits for it and prints what came out. It is the same
// for every endpoint.
func makeAndPrint(server *httptest.Server, request kie.CreateRequest) {
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	ref, err := client.Create(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.Wait(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ref, status.State)
	for _, output := range status.Outputs {
		fmt.Println(output.Kind, output.Title, output.URL)
	}
}

// Veo 3.1 on its older endpoint: the model goes into Model, everything else
// into Input.
func ExampleClient_Create_veo() {
	server := familyServer(kie.Veo, `{"taskId":"281e5b0f","successFlag":1,"response":{"resultUrls":["https://h/cat.mp4"]}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Veo, Model: "veo3_fast",
		Input: map[string]any{"prompt": "a cat astronaut", "aspect_ratio": "16:9", "duration": 8},
	})
	// Output:
	// veo:281e5b0f success
	// video  https://h/cat.mp4
}

// Runway has one model, so Model stays empty.
func ExampleClient_Create_runway() {
	server := familyServer(kie.Runway, `{"taskId":"281e5b0f","state":"success","videoInfo":{"videoUrl":"https://h/cat.mp4","imageUrl":"https://h/cat.png"}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Runway,
		Input:    map[string]any{"prompt": "a cat astronaut", "duration": 5, "quality": "720p", "aspectRatio": "16:9"},
	})
	// Output:
	// runway:281e5b0f success
	// video  https://h/cat.mp4
}

// Runway Aleph changes a video.
func ExampleClient_Create_aleph() {
	server := familyServer(kie.Aleph, `{"taskId":"281e5b0f","successFlag":1,"response":{"resultVideoUrl":"https://h/snow.mp4"}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Aleph,
		Input:    map[string]any{"prompt": "let it snow", "videoUrl": "https://h/street.mp4"},
	})
	// Output:
	// aleph:281e5b0f success
	// video  https://h/snow.mp4
}

// GPT-4o images.
func ExampleClient_Create_image4o() {
	server := familyServer(kie.Image4o, `{"taskId":"281e5b0f","status":"SUCCESS","successFlag":1,"response":{"resultUrls":["https://h/cat.png"]}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Image4o,
		Input:    map[string]any{"prompt": "a cat astronaut", "size": "1:1"},
	})
	// Output:
	// 4o-image:281e5b0f success
	// image  https://h/cat.png
}

// Flux Kontext edits a picture.
func ExampleClient_Create_fluxKontext() {
	server := familyServer(kie.FluxKontext, `{"taskId":"281e5b0f","successFlag":1,"response":{"resultImageUrl":"https://h/cat.jpg"}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.FluxKontext, Model: "flux-kontext-pro",
		Input: map[string]any{"prompt": "add a helmet", "inputImage": "https://h/plain-cat.jpg"},
	})
	// Output:
	// flux-kontext:281e5b0f success
	// image  https://h/cat.jpg
}

// Suno makes two tracks; it insists on a callback URL, but the result can be
// read without it.
func ExampleClient_Create_suno() {
	server := familyServer(kie.Suno, `{"taskId":"281e5b0f","status":"SUCCESS","response":{"sunoData":[`+
		`{"id":"a1","audioUrl":"https://h/1.mp3","title":"Moon Cat","duration":198.4},`+
		`{"id":"a2","audioUrl":"https://h/2.mp3","title":"Moon Cat","duration":201.0}]}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Suno, Model: "V5", CallbackURL: "https://bot.example/hooks/kie",
		Input: map[string]any{"prompt": "a song about a cat on the moon", "customMode": false, "instrumental": false},
	})
	// Output:
	// suno:281e5b0f success
	// audio Moon Cat https://h/1.mp3
	// audio Moon Cat https://h/2.mp3
}

// Midjourney left Kie's documentation: the program has to say that it knows.
func ExampleClient_Create_midjourney() {
	server := familyServer(kie.Midjourney, `{"taskId":"281e5b0f","successFlag":1,"resultInfoJson":{"resultUrls":[{"resultUrl":"https://h/1.png"}]}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.Midjourney, AllowRetired: true,
		Input: map[string]any{"taskType": "mj_txt2img", "prompt": "a cat astronaut", "version": "7"},
	})
	// Output:
	// midjourney:281e5b0f success
	// image  https://h/1.png
}

// Luma Modify left Kie's documentation, too.
func ExampleClient_Create_luma() {
	server := familyServer(kie.LumaModify, `{"taskId":"281e5b0f","successFlag":1,"response":{"resultUrls":["https://h/snow.mp4"]}}`, nil)
	makeAndPrint(server, kie.CreateRequest{
		Endpoint: kie.LumaModify, AllowRetired: true, CallbackURL: "https://bot.example/hooks/kie",
		Input: map[string]any{"prompt": "let it snow", "videoUrl": "https://h/street.mp4"},
	})
	// Output:
	// luma-modify:281e5b0f success
	// video  https://h/snow.mp4
}

// A Veo video in 1080p: ask again for as long as the error is temporary.
func ExampleClient_Veo1080p() {
	server := familyServer(kie.Veo, "", map[string]string{"/api/v1/veo/get-1080p-video": `{"resultUrl":"https://h/1080.mp4"}`})
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	link, err := client.Veo1080p(context.Background(), "281e5b0f", 0)
	if kie.KindOf(err) == kie.ErrTemporary {
		fmt.Println("come back later")
	}
	fmt.Println(link)
	// Output: https://h/1080.mp4
}

// A local file as a model's input.
func ExampleClient_Upload() {
	server := familyServer(kie.Jobs, "", map[string]string{
		"/api/file-base64-upload": `{"downloadUrl":"https://tempfile.redpandaai.co/kieai/17/uploads/cat.png","fileSize":3}`,
	})
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL, UploadURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	content := "cat" // in a real program an *os.File, with the size from its Stat
	file, err := client.Upload(ctx, kie.File{
		Content: strings.NewReader(content), Size: int64(len(content)), Name: "cat.png", Type: "image/png",
		Progress: func(sent int64) { _ = sent /* move a bar */ },
	})
	if err != nil {
		log.Fatal(err)
	}
	ref, err := client.Create(ctx, kie.CreateRequest{
		Model: "google/nano-banana-edit",
		Input: map[string]any{"prompt": "add a helmet", "image_urls": []string{file.URL}},
	})
	fmt.Println(file.URL, ref, err)
	// Output: https://tempfile.redpandaai.co/kieai/17/uploads/cat.png jobs:281e5b0f <nil>
}

// What Kie offers and what it costs.
func ExampleClient_Models() {
	server := familyServer(kie.Jobs, "", map[string]string{
		"/api/v1/models":                      `{"total":1,"models":[{"model":"google/imagen4","title":"Imagen 4","taskType":["Text to Image"]}]}`,
		"/api/v1/models/google/imagen4/price": `{"model":"google/imagen4","pricingDesc":"8 credits per image"}`,
	})
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	models, err := client.Models(ctx, kie.ModelQuery{TaskTypes: []string{"Text to Image"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, model := range models {
		price, err := client.ModelPrice(ctx, model.ID)
		fmt.Println(model.ID, model.Title, price, err)
	}
	// Output: google/imagen4 Imagen 4 8 credits per image <nil>
}

// Receive callbacks: the handler checks and answers, the function marks the
// task as due, and Client.Status tells the truth.
func ExampleCallbackHandler() {
	due := make(chan string, 100)
	handler := kie.NewCallbackHandler(&kie.Verifier{Keys: []kie.Secret{"key from kie.ai/settings"}}, func(c kie.Callback) {
		if c.Final() {
			due <- c.TaskID
		}
	})
	defer handler.Close() // waits for running functions

	mux := http.NewServeMux()
	mux.Handle("/hooks/kie", handler)

	// What Kie would send:
	r := httptest.NewRequest(http.MethodPost, "/hooks/kie", strings.NewReader(`{"code":200,"data":{"taskId":"281e5b0f","state":"success"}}`))
	r.Header = kie.Sign("key from kie.ai/settings", "281e5b0f", time.Now())
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body, "and", <-due, "is due")
	// Output: 200 {"code":200,"msg":"success"} and 281e5b0f is due
}

// Voices and characters for gemini-omni-video are ready when Create returns:
// the Ref carries what Kie answered.
func ExampleClient_Create_omni() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"audioId":"voice-1"}}`)
	}))
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ref, err := client.Create(ctx, kie.CreateRequest{
		Endpoint: kie.OmniAudio, Input: map[string]any{"audio_id": "preset-7", "name": "Ada"},
	})
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.Status(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.State, status.Outputs[0].ID)
	// Output: success voice-1
}

// The endpoints are data.
func ExampleEndpoints() {
	for _, info := range kie.Endpoints()[:3] {
		fmt.Println(info.Endpoint, "POST", info.Create, "GET", info.Record)
	}
	// Output:
	// jobs POST /api/v1/jobs/createTask GET /api/v1/jobs/recordInfo
	// veo POST /api/v1/veo/generate GET /api/v1/veo/record-info
	// veo-extend POST /api/v1/veo/extend GET /api/v1/veo/record-info
}

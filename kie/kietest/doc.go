// Package kietest is a Kie.ai server in the manner of net/http/httptest, for tests, demonstrations and benchmarks.
//
// It speaks the protocol of docs.kie.ai: the unified API ("Create Task", "Get
// Task Details", "Task Callback", "Webhook Verification"), the older endpoints
// of Veo, Runway, Aleph, 4o image, Flux Kontext, Suno, Midjourney and Luma with
// their own words, the account helpers, the three ways to upload a file (at
// the same address), and the discovery of models. It is as strict as the
// service: an error is an HTTP 200 with another code in the body, a fresh task
// is unknown for a moment, creations are limited to 20 in any 10 seconds,
// credits run out, misspelt inputs are ignored without a word, input files
// must be there, and the links to results and uploads die.
//
// Tasks live on a clock, not in goroutines. A task passes through waiting,
// queuing and generating to success or fail at moments that are drawn from
// Config.Seed when it is created, and every reply is computed from the time of
// the call. The only goroutines are one scheduler, one per callback under way
// and those of net/http; Close waits for all of them.
//
// Results are real media made from the prompt: PNG or JPEG pictures drawn for
// it, H.264 video and MP3 sound that carry it in their metadata. Equal prompts
// and seeds give equal bytes, different ones differ.
//
// Trouble is ordered explicitly, never by magic prompts: see Fault.
package kietest

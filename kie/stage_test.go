package kie

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryCallback reads the final callback of each endpoint, and its failure.
func TestEveryCallback(t *testing.T) {
	for _, s := range shapes() {
		t.Run(string(s.endpoint), func(t *testing.T) {
			got, err := ParseCallback([]byte(`{"code":200,"msg":"All generated successfully.","data":` + s.callback + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if got.TaskID != "t1" || got.Stage != s.stage || !got.Final() || got.Status == nil || got.Status.State != Success {
				t.Fatalf("callback %+v with status %+v", got, got.Status)
			}
			if diff := cmp.Diff(s.called, got.Status.Outputs); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if want := map[bool]Ref{true: {Jobs, "t1"}}[s.endpoint == Jobs]; got.Status.Ref != want {
				t.Errorf("the status is that of %+v", got.Status.Ref)
			}
			for _, data := range []string{s.callback, `{"taskId":"t1"}`, `{"task_id":"t1","callbackType":"error","data":null}`} {
				failed, err := ParseCallback([]byte(`{"code":501,"msg":"refused","data":` + data + `}`))
				if err != nil || failed.Stage != StageError || !failed.Final() || failed.Status.State != Fail || failed.Status.Failure == nil {
					t.Errorf("%s with code 501 reads as %+v, %v", data, failed, err)
				}
			}
		})
	}
}

// TestSunoStages: three posts for one song, in any order.
func TestSunoStages(t *testing.T) {
	const track = `{"id":"a1","audio_url":"","stream_audio_url":"https://h/a-stream","title":"Night"}`
	streamed := []Output{{URL: "https://h/a-stream", Kind: KindAudio, ID: "a1", Title: "Night", StreamURL: "https://h/a-stream"}}
	tests := []struct {
		name, body string
		stage      Stage
		final      bool
		state      State
		partial    []Output
	}{
		{"text", `{"code":200,"data":{"callbackType":"text","task_id":"t1","data":[` + track + `]}}`, StageText, false, Generating, streamed},
		{"first", `{"code":200,"data":{"callbackType":"first","task_id":"t1","data":[` + track + `]}}`, StageFirst, false, Generating, streamed},
		{"capitals", `{"code":200,"data":{"callbackType":"FIRST","task_id":"t1","data":null}}`, StageFirst, false, Generating, nil},
		{"error", `{"code":400,"msg":"refused","data":{"callbackType":"error","task_id":"t1","data":null}}`, StageError, true, Fail, nil},
		{"error with code 200", `{"code":200,"msg":"refused","data":{"callbackType":"error","task_id":"t1"}}`, StageError, true, Fail, nil},
		{"stage under an error code", `{"code":531,"msg":"refused","data":{"callbackType":"first","task_id":"t1"}}`, StageError, true, Fail, nil},
		{"unknown stage", `{"data":{"callbackType":"half","task_id":"t1"}}`, "", false, "", nil},
		{"jobs, running", `{"code":200,"data":{"taskId":"t1","state":"generating"}}`, "", false, Generating, nil},
		{"jobs, failed under code 200", `{"code":200,"data":{"taskId":"t1","state":"fail","failMsg":"no"}}`, StageError, true, Fail, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseCallback([]byte(test.body))
			if err != nil || got.Stage != test.stage || got.Final() != test.final {
				t.Fatalf("callback %+v, %v", got, err)
			}
			if test.state == "" {
				if got.Status != nil {
					t.Errorf("status %+v out of nothing", got.Status)
				}
				return
			}
			if got.Status == nil || got.Status.State != test.state || (got.Status.Failure != nil) != (test.state == Fail) {
				t.Fatalf("status %+v", got.Status)
			}
			if diff := cmp.Diff(test.partial, got.Status.Partial); diff != "" || got.Status.Outputs != nil {
				t.Errorf("outputs %v, partial (-want +got):\n%s", got.Status.Outputs, diff)
			}
		})
	}
	failed, err := ParseCallback([]byte(`{"code":531,"msg":"failed","data":{"task_id":"t1"}}`))
	if err != nil || failed.Status == nil || *failed.Status.Failure != (Failure{"531", "failed"}) {
		t.Errorf("callback %+v, %v", failed, err)
	}
}

package kie

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sampleID is the task of most files in testdata.
const sampleID = "281e5b0f39b9a1d3c5e7f9021b4d6e8f"

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func amount(c Credits) *Credits { return &c }

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func TestDecodeRecord(t *testing.T) {
	ref := Ref{Jobs, sampleID}
	created := millis(1790000000000)
	tests := []struct {
		file string
		want Status
	}{
		{"record_waiting.json", Status{Ref: ref, Model: "google/imagen4", State: Waiting, Created: created}},
		{"record_success.json", Status{
			Ref: ref, Model: "google/imagen4", State: Success, Credits: amount(8500),
			Outputs: []Output{
				{URL: "https://tempfile.aiquickdraw.com/r/1.png", Kind: KindImage},
				{URL: "https://tempfile.aiquickdraw.com/r/2.png", Kind: KindImage},
			},
			Created: created, Completed: millis(1790000059000), Updated: millis(1790000059123),
		}},
		{"record_fail.json", Status{
			Ref: ref, Model: "google/imagen4", State: Fail, Credits: amount(8000),
			Failure: &Failure{Code: "501", Message: "生成失败，请稍后再试"},
			Created: created, Completed: millis(1790000003000),
		}},
		{"record_tracks.json", Status{
			Ref: ref, Model: "ai-music-api/generate", State: Success, Credits: amount(12000),
			Outputs: []Output{
				{
					URL: "https://tempfile.aiquickdraw.com/s/t1", Kind: KindAudio, Title: "Night Drive",
					ID: "t1", StreamURL: "https://tempfile.aiquickdraw.com/s/t1-stream",
					CoverURL: "https://tempfile.aiquickdraw.com/s/t1.jpeg", Duration: 198440 * time.Millisecond,
				},
				{
					URL: "https://tempfile.aiquickdraw.com/s/t2-stream.mp3", Kind: KindAudio, Title: "Night Drive",
					ID: "t2", StreamURL: "https://tempfile.aiquickdraw.com/s/t2-stream.mp3", Duration: 201 * time.Second,
				},
			},
			Created: created, Completed: millis(1790000130000),
		}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			raw := readFile(t, test.file)
			got, ok := decodeRecord(jobsInfo(), ref, raw)
			if !ok {
				t.Fatal("not recognised as a record")
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Status{}, "Raw"), cmpopts.EquateApproxTime(0)); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
			if string(got.Raw) != string(raw) {
				t.Error("Raw is not what came")
			}
		})
	}
}

// TestDecodeRecordOddities holds one line for each way in which records are
// known to differ from the documentation.
func TestDecodeRecordOddities(t *testing.T) {
	image := []Output{{URL: "https://h/1.png", Kind: KindImage}}
	tests := []struct {
		name, in string
		want     Status
	}{
		{"snake case", `{"task_id":"a","state":"success","result_json":"{\"result_urls\":[\"https://h/1.png\"]}","create_time":1000,"credits_consumed":1}`,
			Status{State: Success, Outputs: image, Created: millis(1000), Credits: amount(1000)}},
		{"resultJson as object", `{"state":"success","resultJson":{"resultUrls":["https://h/1.png"]}}`, Status{State: Success, Outputs: image}},
		{"response as text", `{"state":"success","response":"{\"resultUrls\":[\"https://h/1.png\"]}"}`, Status{State: Success, Outputs: image}},
		{"empty response", `{"state":"success","response":{},"resultJson":"{\"resultUrls\":[\"https://h/1.png\"]}"}`, Status{State: Success, Outputs: image}},
		{"text in text", `{"state":"success","resultJson":"\"{\\\"resultUrls\\\":[\\\"https://h/1.png\\\"]}\""}`, Status{State: Success, Outputs: image}},
		{"whole record as text", `"{\"state\":\"success\",\"response\":{\"resultUrls\":[\"https://h/1.png\"]}}"`, Status{State: Success, Outputs: image}},
		{"success, empty resultJson", `{"state":"success","resultJson":""}`, Status{State: Success}},
		{"success, null resultJson", `{"state":"success","resultJson":null}`, Status{State: Success}},
		{"success, no resultJson", `{"state":"success"}`, Status{State: Success}},
		{"success, broken resultJson", `{"state":"success","resultJson":"{\"resultUrls\":["}`, Status{State: Success}},
		{"result before success", `{"state":"generating","resultJson":{"resultUrls":["https://h/1.png"]}}`, Status{State: Generating}},
		{"unknown state", `{"state":"polishing"}`, Status{State: Generating}},
		{"capital state", `{"state":"SUCCESS"}`, Status{State: Success}},
		{"state beats flag", `{"state":"generating","successFlag":1}`, Status{State: Generating}},
		{"flag only, running", `{"successFlag":0}`, Status{State: Generating}},
		{"flag only, success", `{"successFlag":"1"}`, Status{State: Success}},
		{"flag only, create failed", `{"successFlag":2}`, Status{State: Fail, Failure: &Failure{}}},
		{"flag only, failed", `{"state":null,"successFlag":3}`, Status{State: Fail, Failure: &Failure{}}},
		{"failCode as number", `{"state":"fail","failCode":422,"failMsg":"no"}`, Status{State: Fail, Failure: &Failure{"422", "no"}}},
		{"failure without reason", `{"state":"fail","failCode":null,"failMsg":null}`, Status{State: Fail, Failure: &Failure{}}},
		{"failure with a page", `{"state":"fail","failCode":"500","failMsg":"<html><body>502</body></html>"}`,
			Status{State: Fail, Failure: &Failure{"500", "an HTML page"}}},
		{"failure texts without failure", `{"state":"success","failCode":"0","failMsg":""}`, Status{State: Success}},
		{"older credits field", `{"state":"success","consumeCredits":4,"remainedCredits":99}`, Status{State: Success, Credits: amount(4000)}},
		{"fractional credits", `{"state":"success","creditsConsumed":0.8}`, Status{State: Success, Credits: amount(800)}},
		{"credits as text", `{"state":"success","creditsConsumed":"5916.25"}`, Status{State: Success, Credits: amount(5916250)}},
		{"zero credits", `{"state":"success","creditsConsumed":0}`, Status{State: Success, Credits: amount(0)}},
		{"null credits", `{"state":"success","creditsConsumed":null,"consumeCredits":3}`, Status{State: Success, Credits: amount(3000)}},
		{"negative credits", `{"state":"success","creditsConsumed":-5}`, Status{State: Success}},
		{"credits that are no number", `{"state":"success","creditsConsumed":{"total":1}}`, Status{State: Success}},
		{"reservation while running", `{"state":"generating","creditsConsumed":8}`, Status{State: Generating, Credits: amount(8000)}},
		{"times as text", `{"state":"waiting","createTime":"1790000000000","updateTime":"soon"}`, Status{State: Waiting, Created: millis(1790000000000)}},
		{"times out of range", `{"state":"waiting","createTime":-1,"completeTime":0,"updateTime":9e300}`, Status{State: Waiting}},
		{"model by its newer name", `{"state":"waiting","operationType":"wan/3-0"}`, Status{State: Waiting, Model: "wan/3-0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := decodeRecord(jobsInfo(), Ref{}, json.RawMessage(test.in))
			if !ok {
				t.Fatal("not recognised as a record")
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Status{}, "Raw")); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRecordRefusesOtherShapes(t *testing.T) {
	for _, in := range []string{
		``, `null`, `[]`, `12`, `"text"`, `{}`, `{"state":""}`, `{"state":null}`,
		`{"taskId":"a","info":{"resultUrls":["https://h/1.mp4"]}}`, `{"state":`,
	} {
		if got, ok := decodeRecord(jobsInfo(), Ref{}, json.RawMessage(in)); ok {
			t.Errorf("%s is read as %+v", in, got)
		}
	}
}

func TestDecodeOutputs(t *testing.T) {
	video := Output{URL: "https://h/v.mp4", Kind: KindVideo}
	tests := []struct {
		name, in string
		want     []Output
	}{
		{"list", `{"resultUrls":["https://h/v.mp4"]}`, []Output{video}},
		{"one URL as a string", `{"resultUrls":"https://h/v.mp4"}`, []Output{video}},
		{"one URL under its singular", `{"resultUrl":"https://h/v.mp4"}`, []Output{video}},
		{"list as text", `{"resultUrls":"[\"https://h/v.mp4\"]"}`, []Output{video}},
		{"bare list", `["https://h/v.mp4"]`, []Output{video}},
		{"bare URL", `"https://h/v.mp4"`, []Output{video}},
		{"result_urls in data", `{"data":{"result_urls":["https://h/v.mp4"]}}`, []Output{video}},
		{"origin_urls in data", `{"data":{"result_urls":[],"origin_urls":["https://h/v.mp4"]}}`, []Output{video}},
		{"originals are not repeated", `{"resultUrls":["https://h/v.mp4"],"originUrls":["https://h/o.mp4"]}`, []Output{video}},
		{"watermarked copies are not repeated", `{"resultUrls":["https://h/v.mp4"],"resultWaterMarkUrls":["https://h/w.mp4"]}`, []Output{video}},
		{"watermarked copies alone", `{"resultUrls":[],"resultWaterMarkUrls":["https://h/v.mp4"]}`, []Output{video}},
		{"stills of a video", `{"resultUrls":["https://h/v.mp4"],"lastFrameUrl":["https://h/l"],"firstFrameUrl":"https://h/f.png"}`, []Output{
			video,
			{URL: "https://h/f.png", Kind: KindImage, Title: "first frame"},
			{URL: "https://h/l", Kind: KindImage, Title: "last frame"},
		}},
		{"text result", `{"resultObject":{ "text": "hello" }}`, []Output{{Kind: KindText, Text: `{"text":"hello"}`}}},
		{"text result as list", `{"resultObject":[1]}`, []Output{{Kind: KindText, Text: `[1]`}}},
		{"text result as JSON text", `{"resultObject":"{\"text\":\"hello\"}"}`, []Output{{Kind: KindText, Text: `{"text":"hello"}`}}},
		{"text result as plain text", `{"resultObject":"[Verse] la la"}`, []Output{{Kind: KindText, Text: `[Verse] la la`}}},
		{"lyrics of a jobs model", `{"resultObject":{"lyricsData":[{"text":"[Verse]\nla","title":"Sea"},{"text":""}]}}`, []Output{{Kind: KindText, Text: "[Verse]\nla", Title: "Sea"}}},
		{"no lyrics in a jobs model", `{"resultObject":{"lyricsData":[]}}`, []Output{{Kind: KindText, Text: `{"lyricsData":[]}`}}},
		{"empty text results", `{"resultObject":{}}`, nil},
		{"null text result", `{"resultObject":null,"result_object":[]}`, nil},
		{"track by its source", `{"data":[{"audio_url":null,"sourceAudioUrl":"https://h/a.wav"}]}`, []Output{{URL: "https://h/a.wav", Kind: KindAudio}}},
		{"track with bad fields", `{"data":[{"audio_url":"https://h/a","duration":-1,"image_url":"ftp://h/c","title":7}]}`,
			[]Output{{URL: "https://h/a", Kind: KindAudio, Title: "7"}}},
		{"track that never ends", `{"data":[{"audio_url":"https://h/a","duration":1e300}]}`, []Output{{URL: "https://h/a", Kind: KindAudio}}},
		{"tracks without files", `{"data":[{"id":"1"},null,3,"x"]}`, nil},
		{"no list", `{"resultUrls":null}`, nil},
		{"empty strings", `{"resultUrls":["","  "]}`, nil},
		{"not the web", `{"resultUrls":["file:///etc/passwd","javascript:alert(1)","/relative","https:///none","https://h/v.mp4"]}`, []Output{video}},
		{"query and capitals", `["https://h/V.MP4?sig=a.png#x.mp3"]`, []Output{{URL: "https://h/V.MP4?sig=a.png#x.mp3", Kind: KindVideo}}},
		{"no extension", `["https://h/file"]`, []Output{{URL: "https://h/file", Kind: KindFile}}},
		{"unknown extension", `["https://h/song.mid"]`, []Output{{URL: "https://h/song.mid", Kind: KindFile}}},
		{"audio", `["https://h/a.mp3"]`, []Output{{URL: "https://h/a.mp3", Kind: KindAudio}}},
		{"picture", `["https://h/a.webp"]`, []Output{{URL: "https://h/a.webp", Kind: KindImage}}},
		{"nested beyond reason", `{"data":{"data":{"data":{"data":{"data":{"data":{"resultUrls":["https://h/v.mp4"]}}}}}}}`, nil},
		{"prose", `"it worked"`, nil},
		{"number", `5`, nil},
		{"nothing", ``, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, decodeOutputs(json.RawMessage(test.in))); diff != "" {
				t.Errorf("outputs of %s (-want +got):\n%s", test.in, diff)
			}
		})
	}
}

func TestParseEnvelope(t *testing.T) {
	tests := []struct {
		name, in string
		code     int
		message  string
		data     string
	}{
		{"plain", `{"code":200,"msg":"success","data":{"taskId":"a"}}`, 200, "success", `{"taskId":"a"}`},
		{"message for msg", `{"code":401,"message":"no"}`, 401, "no", ""},
		{"both", `{"code":401,"msg":"","message":"no"}`, 401, "no", ""},
		{"code as text", `{"code":"422","msg":"no"}`, 422, "no", ""},
		{"code as float", `{"code":2e2}`, 200, "", ""},
		{"null data", `{"code":200,"msg":"success","data":null}`, 200, "success", ""},
		{"empty data", `{"code":200,"data":""}`, 200, "", ""},
		{"number", `{"code":200,"data":5916.25}`, 200, "", `5916.25`},
		{"Chinese", `{"code":402,"msg":"积分不足"}`, 402, "积分不足", ""},
		{"blanks around", " \r\n{\"code\":200}\n", 200, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := parseEnvelope([]byte(test.in))
			if !ok || got.code != test.code || got.message != test.message || string(got.data) != test.data {
				t.Errorf("%s reads as %v, %d, %q, %s", test.in, ok, got.code, got.message, got.data)
			}
		})
	}
}

func TestParseEnvelopeRefusesOtherBodies(t *testing.T) {
	for _, in := range []string{
		"", "null", "{}", "[]", "5", `"ok"`, "<html></html>", `{"code":null}`, `{"code":0}`, `{"code":"ok"}`, `{"code":1.5}`,
		`{"code":true}`, `{"code":1e300}`, `{"Code":200}`, `{"code":200`, `{"status":500,"error":"Internal Server Error"}`,
	} {
		if got, ok := parseEnvelope([]byte(in)); ok {
			t.Errorf("%s reads as an envelope with code %d", in, got.code)
		}
	}
}

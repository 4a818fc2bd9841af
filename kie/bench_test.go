package kie

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkDecodeRecord(b *testing.B) {
	for _, name := range []string{"record_waiting.json", "record_success.json", "record_tracks.json"} {
		b.Run(name, func(b *testing.B) {
			raw := readFile(b, name)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := decodeRecord(jobsInfo(), Ref{Jobs, "t1"}, raw); !ok {
					b.Fatal("not a record")
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	body := readFile(b, "callback.json")
	header := Sign("new", sampleID, signedAt)
	for _, keys := range [][]Secret{{"new"}, {"old", "new"}} {
		b.Run(fmt.Sprintf("keys=%d", len(keys)), func(b *testing.B) {
			v := Verifier{Keys: keys, Now: func() time.Time { return signedAt }}
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Verify(header, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeOlderRecord is the same for each of the older endpoints.
func BenchmarkDecodeOlderRecord(b *testing.B) {
	for _, s := range shapes() {
		if s.endpoint == Jobs {
			continue
		}
		b.Run(string(s.endpoint), func(b *testing.B) {
			raw := []byte(s.success)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				info, _ := s.endpoint.Info()
				if _, ok := decodeRecord(info, Ref{s.endpoint, "t1"}, raw); !ok {
					b.Fatal("not a record")
				}
			}
		})
	}
}

func BenchmarkParseCallback(b *testing.B) {
	for _, s := range shapes() {
		if s.endpoint != Jobs && s.endpoint != Veo && s.endpoint != Suno {
			continue
		}
		b.Run(string(s.endpoint), func(b *testing.B) {
			body := []byte(`{"code":200,"msg":"success","data":` + s.callback + `}`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseCallback(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEndpointInfo(b *testing.B) {
	for _, e := range []Endpoint{Jobs, LumaModify} {
		b.Run(string(e), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := e.Info(); !ok {
					b.Fatal("unknown")
				}
			}
		})
	}
}

// BenchmarkStatus is one question and answer over loopback.
func BenchmarkStatus(b *testing.B) {
	server := &script{replies: []reply{{body: `{"code":200,"msg":"success","data":` + string(readFile(b, "record_success.json")) + `}`}}}
	client := serve(b, server.ServeHTTP)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Status(b.Context(), Ref{Jobs, sampleID}); err != nil {
			b.Fatal(err)
		}
	}
}

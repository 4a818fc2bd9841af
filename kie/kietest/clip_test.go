package kietest

import (
	"maps"
	"strings"
	"testing"
)

// The tag is read as ID3v2.4 says: a header of ten bytes, then fields.
func TestClipIsTagged(t *testing.T) {
	a := artwork{prompt: strings.Repeat("кот, ", 60), model: "a/model", seed: 7}
	clip, err := renderAudio(a)
	if err != nil {
		t.Fatal(err)
	}
	size := func(at int) int {
		return int(clip[at])<<21 | int(clip[at+1])<<14 | int(clip[at+2])<<7 | int(clip[at+3])
	}
	end, found := 10+size(6), map[string]string{}
	for at := 10; at < end; at += 10 + size(at+4) {
		found[string(clip[at:at+4])] = string(clip[at+10 : at+10+size(at+4)])
	}
	want := map[string]string{"TIT2": "\x03" + a.prompt, "COMM": "\x03eng\x00" + a.remark()}
	if string(clip[:3]) != "ID3" || !maps.Equal(found, want) || clip[end] != 0xff {
		t.Errorf("the tag is %q, want %q, and then sound: % x", found, want, clip[end:end+2])
	}
}

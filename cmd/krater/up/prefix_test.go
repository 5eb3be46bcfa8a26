package up

import (
	"bytes"
	"strings"
	"testing"
)

func TestLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	p := newPrefix(&out, "reviews-v1")
	for _, part := range []string{"one\ntw", "o\r\n", "\nthree"} {
		if n, err := p.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write gave %d, %v", n, err)
		}
	}
	want := "reviews-v1 | one\nreviews-v1 | two\nreviews-v1 | \n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestAnEndlessLineIsCut(t *testing.T) {
	var out bytes.Buffer
	p := newPrefix(&out, "x")
	_, _ = p.Write([]byte(strings.Repeat("a", 3*maxLine)))
	if len(p.rest) >= maxLine {
		t.Errorf("%d bytes are kept", len(p.rest))
	}
}

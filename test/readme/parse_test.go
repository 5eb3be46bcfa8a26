package readme

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample = "# Title\n\nText $ not a command\n\n```sh\n$ never\n# not a heading\n```\n\n## One\n" +
	"```console\n$ echo a\na\n$ printf 'b\\n' \\\n>   | cat\nb\n> c\n```\n## Two ##\n" +
	"```console within=3s exit=1\n$ false\n```\n```consoles\n$ never\n```\n"

func TestParse(t *testing.T) {
	got, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{Heading: "One", Line: 11, Commands: []Command{
			{Line: 12, Text: "echo a", Want: []string{"a"}},
			{Line: 14, Text: "printf 'b\\n' \\\n  | cat", Want: []string{"b", "> c"}},
		}},
		{Heading: "Two ##", Line: 20, Within: 3 * time.Second, Exit: 1, Commands: []Command{{Line: 21, Text: "false"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseRefuses(t *testing.T) {
	for markdown, want := range map[string]string{
		"```console\noutput\n```":           "line 2: \"output\" stands before the first command",
		"```console soon\n$ a\n```":         "line 1: option \"soon\"",
		"```console within=three\n$ a\n```": "line 1: option \"within=three\"",
		"```console\n$ a":                   "has no end",
	} {
		if _, err := Parse(markdown); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", markdown, err, want)
		}
	}
}

func TestReplace(t *testing.T) {
	s := Step{Commands: []Command{{Text: "curl 127.80.0.1", Want: []string{"from 127.80.0.1"}}}}
	got := s.Replace(strings.NewReplacer("127.80.", "127.81."))
	if got.Commands[0].Text != "curl 127.81.0.1" || got.Commands[0].Want[0] != "from 127.81.0.1" {
		t.Errorf("got %+v", got)
	}
	if s.Commands[0].Text != "curl 127.80.0.1" || s.Commands[0].Want[0] != "from 127.80.0.1" {
		t.Errorf("the step itself changed: %+v", s)
	}
}

// The README that the end-to-end test runs can be read, whatever is built.
func TestBookinfoParses(t *testing.T) {
	b, err := os.ReadFile("../../samples/bookinfo/README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := Parse(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < 10 {
		t.Errorf("%d steps", len(steps))
	}
}

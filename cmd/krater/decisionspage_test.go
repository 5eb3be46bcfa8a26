package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// blocksOf are a page's blocks of a kind.
func blocksOf(t *testing.T, page, info string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+regexp.QuoteMeta(info)+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("docs/%s has no block %q", page, info)
	}
	return out
}

// recorded are decisions of before an edit: one that comes out otherwise, one
// that does not tell enough, one that stays.
const recorded = `
{"decision_id":"1","input":{"attributes":{"request":{"http":{"method":"POST","headers":{"end-user":"mary"}}}}},"result":true,"timestamp":"2024-01-01T00:00:00Z","custom":{"krater":{"policy":"RegoPolicy default/ratings-editors","rule":"x","placement":"native","allowed":true,"caller":"default/reviews-v1","method":"POST","path":"/ratings/1","reads":["input.attributes.request.http.method","input.attributes.request.http.headers"]}}}
{"decision_id":"2","input":{"attributes":{"request":{"http":{"method":"GET"}}}},"result":true,"timestamp":"2024-01-01T00:00:00Z","custom":{"krater":{"policy":"RegoPolicy default/ratings-editors","rule":"x","placement":"native","allowed":true,"caller":"default/reviews-v1","method":"GET","path":"/ratings/1","reads":["input.attributes.request.http.method"]}}}
{"decision_id":"3","input":{"attributes":{"request":{"http":{"method":"GET","headers":{}}}}},"result":true,"timestamp":"2024-01-01T00:00:00Z","custom":{"krater":{"policy":"RegoPolicy default/ratings-editors","rule":"x","placement":"native","allowed":true,"caller":"default/reviews-v1","method":"GET","path":"/ratings/2","reads":["input.attributes.request.http.method","input.attributes.request.http.headers"]}}}
`

// TestThePageOfDecisionsIsTrue runs the commands of docs/decisions.md beside
// the policy of docs/policies.md: each prints what the page shows.
func TestThePageOfDecisionsIsTrue(t *testing.T) {
	files := map[string]string{"cases.yaml": blocksOf(t, "decisions.md", "yaml cases")[0], "decisions.jsonl": recorded}
	for _, b := range blocksOf(t, "policies.md", "yaml") {
		if strings.Contains(b, "ratings-editors") {
			files["mesh.yaml"] = b
		}
	}
	consoles := blocksOf(t, "decisions.md", "console")
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := 0
	for _, console := range consoles {
		var out bytes.Buffer
		for line := range strings.Lines(console) {
			line = strings.TrimRight(line, "\n")
			command, is := strings.CutPrefix(line, "$ krater ")
			if !is {
				if !strings.Contains(out.String(), line+"\n") {
					t.Errorf("the page shows %q, which is not in\n%s", line, out.String())
				}
				continue
			}
			commands++
			out.Reset()
			root := newRoot()
			root.SetOut(&out)
			root.SetErr(&out)
			root.SetArgs(strings.Fields(command))
			_ = root.Execute() // its error is that answers changed
		}
	}
	if commands != 3 {
		t.Errorf("the page has %d commands: is the pattern right?", commands)
	}
}

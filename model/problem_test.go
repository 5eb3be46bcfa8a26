package model_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestAProblemMovesNoCursor: what a stranger sent may stand in a message, and
// terminals show it as text.
func TestAProblemMovesNoCursor(t *testing.T) {
	p := model.Problem{Code: "KR0024", Severity: model.Warning, Object: model.Ref{Kind: "Pod", Name: "a\x1b[2Jb"},
		Message: "it asked for \x1b]0;evil\x07 \x9b31m \u009b \u202e\r, é und 名", Fix: "a\nb\tc"}
	got := p.String()
	for _, r := range got {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
			t.Errorf("%U in %q", r, got)
		}
	}
	for _, want := range []string{`a\u001b[2Jb`, "é und 名", "a\nb\tc"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q has no %q", got, want)
		}
	}
}

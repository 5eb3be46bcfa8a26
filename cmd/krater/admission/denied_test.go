package admission

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDeniedWorkloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "denied")
	if denied, problems, err := ReadDenied(file); len(denied)+len(problems) > 0 || err != nil {
		t.Errorf("no file: %v %v %v", denied, problems, err)
	}
	if err := os.WriteFile(file, []byte("# stolen\nshop/cart  # since Monday\r\n\n  bank/vault\nnobody\nshop/a b\n/x\nx/\na/b/c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	denied, problems, err := ReadDenied(file)
	if got := slices.Sorted(maps.Keys(denied)); err != nil || !slices.Equal(got, []string{"bank/vault", "shop/cart"}) {
		t.Errorf("denied %v, %v", got, err)
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Origin.Line)
	}
	if !slices.Equal(lines, []int{5, 6, 7, 8, 9}) {
		t.Errorf("problems of the lines %v", lines)
	}
	if err := os.Truncate(file, maxDenied+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadDenied(file); err == nil {
		t.Error("a file without an end was read")
	}
	if _, _, err := ReadDenied(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}

func FuzzDeniedWorkloads(f *testing.F) {
	f.Add("shop/cart # x\n\nnobody\n")
	f.Add("a/b\x00\r\n/\n//")
	f.Fuzz(func(t *testing.T, text string) {
		denied, problems := parseDenied("denied", []byte(text))
		for id := range denied {
			if strings.Count(id, "/") != 1 || strings.TrimSpace(id) != id || strings.ContainsAny(id, "#\n") {
				t.Errorf("%q is denied", id)
			}
		}
		if n := strings.Count(text, "\n") + 1; len(problems) > n {
			t.Errorf("%d problems in %d lines", len(problems), n)
		}
	})
}

func TestRefusalsAreBoundedAndCounted(t *testing.T) {
	var l Refusals
	now := time.Unix(1000, 0)
	if !l.Add(Refusal{What: "stream", Node: "a", Reason: "x", Address: "1.1.1.1"}, now) {
		t.Error("the first is not new")
	}
	if l.Add(Refusal{What: "stream", Node: "a", Reason: "x", Address: "2.2.2.2"}, now.Add(time.Second)) {
		t.Error("the same again is new")
	}
	if got := l.List(); len(got) != 1 || got[0].Count != 2 || !got[0].First.Equal(now) || got[0].Address != "2.2.2.2" {
		t.Errorf("%+v", got)
	}
	for i := range 3 * maxRefusals {
		l.Add(Refusal{What: "stream", Node: fmt.Sprint(i), Reason: strings.Repeat("y", 10*maxText)}, now.Add(time.Minute))
	}
	got := l.List()
	if len(got) != maxRefusals || got[0].Node != fmt.Sprint(3*maxRefusals-1) || len(got[0].Reason) > maxText+len("…") {
		t.Errorf("%d refusals, the first %.80v", len(got), got[0])
	}
}

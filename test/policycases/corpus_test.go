package policycases_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/policyd/lower"
)

var update = flag.Bool("update", false, "write the corpus's placements")

// TestCorpus lists each published policy with its placement. They stood before
// lowering did: what is not decided in the proxy is so for a reason that is
// listed, and is the smaller part.
func TestCorpus(t *testing.T) {
	suites, err := loadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	istio, err := filepath.Glob("corpus/istio/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	whole, rego := 0, 0
	for _, s := range suites {
		rego++
		l := lower.Policy(s.Model(), s.AttributeSets())
		if l.Whole() {
			whole++
		}
		fmt.Fprintf(&text, "%-28s %s\n", strings.TrimSuffix(filepath.Base(s.File), ".yaml"), placement(l))
	}
	for _, file := range istio { // RBAC, always
		fmt.Fprintf(&text, "istio/%-22s native\n", strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	all, native := rego+len(istio), whole+len(istio)
	fmt.Fprintf(&text, "\n%d policies, %d native; of %d in Rego, %d\n", all, native, rego, whole)
	if all < 40 || rego < 30 {
		t.Errorf("the corpus has %d policies, %d in Rego", all, rego)
	}
	if 10*native < 7*all || 10*whole < 7*rego {
		t.Errorf("%d of %d policies are native, %d of %d in Rego", native, all, whole, rego)
	}
	golden(t, "testdata/corpus.txt", text.String())
}

func loadCorpus() (out []suite, err error) {
	all, err := loadAll()
	for _, s := range all {
		if strings.HasPrefix(s.File, "corpus/") {
			out = append(out, s)
		}
	}
	return out, err
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; -update writes it:\n%s", file, got)
	}
}

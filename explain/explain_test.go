package explain

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
)

var update = flag.Bool("update", false, "write the golden files")

// read fills a value from a YAML file, strictly.
func read(t testing.TB, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(b, into); err != nil {
		t.Fatalf("reading %s: %v", file, err)
	}
}

func bookinfo(t testing.TB) (*model.Snapshot, model.Endpoints) {
	t.Helper()
	s, eps := &model.Snapshot{}, model.Endpoints{}
	read(t, "testdata/bookinfo.yaml", s)
	read(t, "testdata/endpoints.yaml", &eps)
	s.Seal()
	eps.Sort()
	return s, eps
}

// closed denies everything, with a status of its own.
type closed struct{}

func (closed) Decide(model.RegoPolicy, model.Workload, View) Answer {
	return Answer{Status: 401, Reason: "sign in first"}
}

// TestExplain compares with cases/NAME.txt and NAME.json. A case is added by
// its NAME.request.yaml; -update writes the rest.
func TestExplain(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.request.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	s, eps := bookinfo(t)
	for _, file := range files {
		base := strings.TrimSuffix(file, ".request.yaml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			var r Request
			read(t, file, &r)
			x, err := Explain(s, eps, closed{}, r)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := json.MarshalIndent(x, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, base+".json", string(doc)+"\n")
			var out strings.Builder
			if err := Text(&out, x); err != nil {
				t.Fatal(err)
			}
			golden(t, base+".txt", out.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it:\n%s", file, diff)
	}
}

// TestExplainNoWayIn is about requests that cannot be explained.
func TestExplainNoWayIn(t *testing.T) {
	s, eps := bookinfo(t)
	if _, err := Explain(s, eps, nil, Request{From: "nobody", Host: "x"}); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("an unknown caller: %v", err)
	}
	s.Workloads = s.Workloads[:1]
	if _, err := Explain(s, eps, nil, Request{Host: "x"}); err == nil || !strings.Contains(err.Error(), "no gateway") {
		t.Errorf("no gateway: %v", err)
	}
}

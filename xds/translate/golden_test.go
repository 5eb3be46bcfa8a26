package translate_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3" // that patches insert
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

var update = flag.Bool("update", false, "write testdata/*.out.yaml anew")

// testCase is the form of an in file: what the snapshot stage puts out, and
// whose proxy is asked for.
type testCase struct {
	Workload  string          `json:"workload"`
	Snapshot  *model.Snapshot `json:"snapshot"`
	Endpoints model.Endpoints `json:"endpoints"`
}

// options are those of every golden case.
var options = translate.Options{
	ModuleDir: "/var/lib/krater/modules",
	Builtin:   model.Module{URL: model.BuiltinModule, Digest: "sha256:" + strings.Repeat("b", 64), Size: 1},
}

func readCase(t *testing.T, path string) (testCase, model.Workload) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c testCase
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	c.Snapshot.Seal()
	c.Endpoints.Sort()
	w, ok := c.Snapshot.Workload(c.Workload)
	if !ok {
		t.Fatalf("%s: no workload %s", path, c.Workload)
	}
	return c, w
}

// TestGolden translates testdata/CASE.in.yaml and compares with CASE.out.yaml.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) < 20 {
		t.Fatalf("%d cases, error %v", len(inputs), err)
	}
	for _, in := range inputs {
		name := strings.TrimSuffix(in, ".in.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			c, w := readCase(t, in)
			got := render(t, c, w)
			if again := render(t, c, w); again != got {
				t.Fatal("two translations of one input differ")
			}
			compare(t, name+".out.yaml", got)
		})
	}
}

func render(t *testing.T, c testCase, w model.Workload) string {
	t.Helper()
	resources, problems := translate.Translate(c.Snapshot, c.Endpoints, w, options)
	body, err := resources.JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.String())
		}
		if doc["problems"], err = json.Marshal(lines); err != nil {
			t.Fatal(err)
		}
	}
	body, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	out, err := yaml.JSONToYAML(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (want -, got +; -update writes it anew):\n%s", path, diff)
	}
}

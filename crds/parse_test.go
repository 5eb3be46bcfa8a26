package crds_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

func TestParseFindsEachDocument(t *testing.T) {
	text := `# a comment
apiVersion: v1
kind: List
items:
- {apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a}}
- apiVersion: networking.istio.io/v1
  kind: Gateway
  metadata: {name: b, namespace: n}
---
---
apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: m}
`
	objects, complete, problems := crds.Parse("f.yaml", []byte(text))
	if !complete || len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, o := range objects {
		got = append(got, o.Ref.String()+" "+o.Origin.String())
	}
	want := "Gateway default/a f.yaml:5, Gateway n/b f.yaml:6, Mesh m f.yaml:11"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestParseReportsWhatIsNoObject(t *testing.T) {
	for name, c := range map[string]struct {
		file, text, want string
		complete         bool
	}{
		"syntax":        {"f.yaml", "a: b\nc: [\n", "f.yaml:2: error [KR0001]: not YAML: ", false},
		"first line":    {"f.yaml", "a: b: c\n", "f.yaml:1: error [KR0001]: not YAML: ", false},
		"unended":       {"f.yaml", "a: b\nc: [x, y: z\nd: e\n", "f.yaml:2: error [KR0001]: not YAML: ", false},
		"template":      {"f.yaml", "a: {{ .Values.x }}\n", "it looks like a template: render it first", false},
		"twice":         {"f.yaml", "a: 1\na: 2\n", `f.yaml:2: error [KR0001]: not YAML: the key "a" is given twice`, false},
		"no object":     {"f.yaml", "a: 1\n", "f.yaml:1: warning [KR0001]: a document without kind", false},
		"a list":        {"f.yaml", "- a\n", "a document without kind", false},
		"no kind":       {"f.yaml", "apiVersion: v1\n", "error [KR0007] kind: the object has no kind", false},
		"no apiVersion": {"f.yaml", "kind: X\n", "the object has no apiVersion", false},
		"no name":       {"f.yaml", "apiVersion: v1\nkind: X\nmetadata: {namespace: a}\n", "f.yaml:3: error [KR0007]", false},
		"bad name":      {"f.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: A/b}\n", "error [KR0004] X default/A/b metadata.name", false},
		"bad namespace": {"f.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: ../x}\n", "metadata.namespace: a namespace is", false},
		"bomb":          {"f.yaml", bomb(), "the document unfolds to too many values", false},
		"empty":         {"f.yaml", "# nothing\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			objects, complete, problems := crds.Parse(c.file, []byte(c.text))
			if len(objects) != 0 || complete != c.complete {
				t.Errorf("%d objects, complete %v", len(objects), complete)
			}
			got := ""
			for _, p := range problems {
				got += p.String() + "\n"
			}
			if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// bomb is a few lines that mean a billion values.
func bomb() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		n, p := string(rune('0'+i)), string(rune('0'+i-1))
		text += "a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+", ", 10), ", ") + "]\n"
	}
	return text
}

func TestParseJSONWithTabs(t *testing.T) {
	objects, _, problems := crds.Parse("f.json", []byte("{\n\t\"apiVersion\": \"krater.dev/v1alpha1\",\n\t\"kind\": \"Mesh\",\n\t\"metadata\": {\"name\": \"m\"}\n}\n"))
	if len(objects) != 1 || objects[0].Ref != (model.Ref{Kind: "Mesh", Name: "m"}) || objects[0].LineOf("metadata.name") != 4 {
		t.Errorf("%v, %v", objects, problems)
	}
}

func TestLineOf(t *testing.T) {
	o := parseText(t, `apiVersion: x/v1
kind: X
metadata:
  name: x
  labels:
    a.b/c: d
spec:
  base: &base
    one: 1
  http:
  - match:
    - uri: x
    - <<: *base
      two: 2
    route: []
`)
	for field, want := range map[string]int{
		"metadata.name": 4, `metadata.labels["a.b/c"]`: 6, "spec.http[0].match[1].two": 14, "spec.http[0].match[1].one": 9,
		"spec.http[0].match[0].uri.exact": 12, "spec.http[0].route[7].weight": 15, "spec.http[3]": 10, "nowhere": 1, "": 1,
	} {
		if got := o.LineOf(field); got != want {
			t.Errorf("%s: line %d, want %d", field, got, want)
		}
	}
	if got := o.Root.Field("spec").Field("http").Items[0].Field("match").Items[1].Field("one").Value; got != int64(1) {
		t.Errorf("merged value %v", got)
	}
}

package stages_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/filters/builtin/dist"
	headers "github.com/krater-mesh/krater/filters/headers/config"
	"github.com/krater-mesh/krater/filters/module"
	"github.com/krater-mesh/krater/model"
)

// mesh is a folder with a module in it, as somebody else's: the built-in one
// under another name.
type mesh struct {
	t   *testing.T
	dir string
	st  *stages.Stages
}

func newMesh(t *testing.T, describe bool) mesh {
	t.Helper()
	code, err := dist.Module()
	if err != nil {
		t.Skip("without `make filters` there is no module to try")
	}
	if describe {
		code, err = module.WithDescription(code, module.Description{Roots: []module.Root{
			{ID: "headers", Type: module.HTTP, Schema: headers.Schema},
			{ID: "keys", Type: module.HTTP, Schema: []byte(`{"properties":{"key":{"type":["string","object"],"writeOnly":true}}}`)},
			{ID: "denier", Type: module.HTTP, Schema: []byte(`{"$ref":"file:///etc/passwd"}`)},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	m := mesh{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(m.dir, "x.wasm"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	if m.st, err = stages.Open([]string{m.dir}, "", t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.st.Close)
	return m
}

// run declares something, and gives the Problems of filters, a line each.
func (m mesh) run(yaml string) (problems string, inForce []string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "mesh.yaml"), []byte(yaml), 0o600); err != nil {
		m.t.Fatal(err)
	}
	r, err := m.st.Run(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, p := range r.Problems {
		if p.Code == model.CodeInvalidValue {
			out = append(out, string(p.Severity)+" "+p.Field+": "+p.Message)
		}
	}
	for _, f := range r.Snapshot.Filters {
		inForce = append(inForce, f.Config)
	}
	return strings.Join(out, "\n"), inForce
}

func filter(spec string) string {
	return "apiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: f}\nspec: {url: ./x.wasm, " + spec + "}\n"
}

const good = `rootId: headers, config: {request: {set: {x-a: b}}}`

// What the schema or the filter refuses is a Problem at its field, and the
// version before stays in force.
func TestWrongConfigIsRefusedBeforeItIsDistributed(t *testing.T) {
	m := newMesh(t, true)
	if problems, now := m.run(filter(good)); problems != "" || len(now) != 1 {
		t.Fatalf("%s, %v", problems, now)
	}
	plugin := "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: p}\nspec: {url: x.wasm, pluginName: headers, pluginConfig: {request: {set: {X: b}}}}\n"
	plugin = strings.Replace(plugin, "x.wasm", "file://"+m.dir+"/x.wasm", 1)
	extension := strings.NewReplacer("kind: WasmPlugin", "kind: TrafficExtension", "spec: {", "spec: {wasm: {", "}}}}\n", "}}}}}\n").Replace(plugin)
	for yaml, want := range map[string]string{
		filter(`rootId: headers, config: {rquest: {}}`):                              "error spec.config.rquest: unknown field",
		filter(`rootId: headers, config: {request: {remove: [x, 5]}}`):               "error spec.config.request.remove[1]: is a number, want a string",
		filter(`rootId: headers, config: {request: {set: {host: a}}}`):               "error spec.config.request.set.host: cannot be changed here; a route rewrites the host",
		filter(good + `, routes: [{match: {methods: [GET]}, config: {a: b}}]`):       "error spec.routes[0].config.a: unknown field",
		filter(good + `, schema: {properties: {request: {maxProperties: 0}}}`):       "error spec.config.request: has 1 item, want at most 0",
		filter(good + `, schema: {type: strnig}`):                                    `error spec.schema: the schema is none: /type is "strnig", want "array", "boolean", "integer", "null", "number", "object" or "string"`,
		filter(`rootId: headers, config: {request: {secretRef: {name: a, key: b}}}`): "error spec.config.request.secretRef: unknown field",
		plugin:    "error spec.pluginConfig.request.set.X: its name is \"X\", want what matches ^[!#$%&'*+.^_|~0-9a-z\\x60-]+$",
		extension: "error spec.wasm.pluginConfig.request.set.X: its name is \"X\", want what matches ^[!#$%&'*+.^_|~0-9a-z\\x60-]+$",
	} {
		if problems, _ := m.run(filter(good)); problems != "" {
			t.Fatal(problems)
		}
		problems, now := m.run(yaml)
		if problems != want {
			t.Errorf("%s\nsays %s\nwant %s", yaml, problems, want)
		}
		if strings.Contains(yaml, "kind: Filter") && !slices.Equal(now, []string{`{"request":{"set":{"x-a":"b"}}}`}) {
			t.Errorf("%s\nin force are %v", yaml, now)
		}
	}
	if problems, now := m.run(filter(`rootId: denier, config: {rules: []}`)); !strings.Contains(problems, "warning spec.config: the schema refers to file:///etc/passwd") || len(now) == 0 {
		t.Errorf("a module's own schema that cannot be used: %s, %v", problems, now)
	}
}

func TestSecretsGoToFiltersThatSayTheyTakeThem(t *testing.T) {
	keys := filter(`rootId: keys, config: {key: {secretRef: {name: a, key: b}}}`)
	if problems, _ := newMesh(t, false).run(keys); !strings.Contains(problems, "error spec.config.key.secretRef: neither the module nor spec.schema says that it takes a secret here") {
		t.Error(problems)
	}
	m := newMesh(t, true)
	if problems, _ := m.run(keys); strings.Contains(problems, "takes a secret") {
		t.Error(problems)
	}
	if problems, _ := m.run(filter(`rootId: keys, config: {key: hunter2}`)); !strings.Contains(problems, "warning spec.config.key: is a secret in plain text") || strings.Contains(problems, "hunter2") {
		t.Error(problems)
	}
}

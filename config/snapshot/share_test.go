package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestBuildAfterAnotherIsBuild: over random edits of the golden cases'
// objects, a build that knows the one before comes to what a build from
// nothing comes to, and shares whatever stayed equal.
func TestBuildAfterAnotherIsBuild(t *testing.T) {
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 0))
		checkEdits(t, newDeclared(t, random), 40)
	}
}

// TestStepsSeeWhatTheyRead: in a small mesh each edit is of what others read.
func TestStepsSeeWhatTheyRead(t *testing.T) {
	d := &declared{most: 1, random: rand.New(rand.NewPCG(1, 1)), variants: map[string][]string{}, chosen: map[string]string{}}
	secret := documentOf(t, "testdata/gateway-secrets.in.yaml", "name: whole, namespace: edge", "name: cred")
	small := append(slices.Clone(smallMesh), []string{secret, documentOf(t, "testdata/gateway-secrets.in.yaml", "name: password, namespace: edge", "name: cred")})
	for _, variants := range small {
		objects, _, problems := crds.Parse("x.yaml", []byte(variants[0]))
		if len(objects) != 1 {
			t.Fatal(variants[0], problems)
		}
		name := objects[0].Ref.String()
		d.names, d.variants[name], d.chosen[name] = append(d.names, name), variants, variants[0]
	}
	checkEdits(t, d, 500)
}

// documentOf is one document of a golden case, by a text in it, with another text
// in that one's place.
func documentOf(t *testing.T, file, text, instead string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		if strings.Contains(document, text) {
			return strings.Replace(document, text, instead, 1)
		}
	}
	t.Fatalf("%s has no %s", file, text)
	return ""
}

// checkEdits compares builds after each other with builds from nothing.
func checkEdits(t *testing.T, d *declared, edits int) {
	t.Helper()
	incremental, scratch := open(t), open(t)
	var file *crds.File
	var previous *snapshot.Result
	for range edits {
		d.edit()
		text := d.text()
		file = crds.ParseFile("case.yaml", text, file)
		got := follow(incremental, source.Listing{Objects: file.Objects, Incomplete: map[string]bool{"case.yaml": !file.Complete}}, previous)
		l := parse("case.yaml", text)
		l.Incomplete["other.yaml"] = true // the store looks at everything then
		want := follow(scratch, l, nil)
		if diff := cmp.Diff(plain(want), plain(got), cmpopts.IgnoreUnexported(model.Snapshot{}, snapshot.Result{})); diff != "" {
			t.Fatalf("%s\n%s", text, diff)
		}
		if previous != nil {
			checkShared(t, previous, got)
		}
		previous = got
	}
}

// smallMesh has the variants of each object; most of them change what becomes
// of another one.
var smallMesh = [][]string{
	{meshText("app: w", "istio-system", ""), meshText("app: x", "istio-system", ""), meshText("app: w", "default", ""), meshText("app: w", "istio-system", ", defaultVirtualServiceExportTo: ['.'], defaultServiceExportTo: [default]"),
		meshText("app: w", "istio-system", ", defaultVirtualServiceExportTo: ['.']"), strings.Replace(meshText("app: w", "istio-system", ""), "istio: gw", "istio: other", 1)},
	{entryText("api", "80", "v1"), entryText("api", "81", "v1"), entryText("api", "80", "v2"), entryText("other", "80", "v1")},
	{ruleText("api", "v1", "cred"), ruleText("api", "v2", "cred"), ruleText("api", "v1", "none"), ruleText("other", "v1", "cred")},
	{"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [api.example.com], gateways: [mesh, gw], http: [{route: [{destination: {host: api.example.com, subset: v1, port: {number: 80}}}]}]}",
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [api.example.com], http: [{delegate: {name: leaf}}]}"},
	{"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: b}\nspec: {hosts: [other.example.com], http: [{route: [{destination: {host: api.example.com}}]}]}"},
	{"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: leaf}\nspec: {http: [{route: [{destination: {host: api.example.com}}]}]}"},
	{"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec: {selector: {istio: gw}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
		"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec: {selector: {istio: gw}, servers: [{port: {number: 443, name: s, protocol: HTTPS}, hosts: [else.example.com], tls: {mode: MUTUAL, credentialName: cred}}]}"},
	{"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {selector: {matchLabels: {app: w}}, rules: [{}]}"},
	{"apiVersion: krater.dev/v1alpha1\nkind: AttributeSet\nmetadata: {name: s}\nspec: {attributes: [{name: user, from: {header: x-user}}]}",
		"apiVersion: krater.dev/v1alpha1\nkind: AttributeSet\nmetadata: {name: s}\nspec: {attributes: [{name: tenant, from: {header: x-tenant}}]}"},
	{"apiVersion: krater.dev/v1alpha1\nkind: TelemetryBackend\nmetadata: {name: out}\nspec: {stdout: {}}"},
	{"apiVersion: krater.dev/v1alpha1\nkind: TelemetryRule\nmetadata: {name: r}\nspec: {backends: [out], logs: [{name: l, fields: {u: user}}]}"},
	{"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm}\nspec: {address: 10.0.0.9, labels: {app: vm}}",
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm}\nspec: {address: 10.0.0.9, labels: {app: other}}"},
	{"apiVersion: v1\nkind: Service\nmetadata: {name: vms}\nspec: {selector: {app: vm}, ports: [{name: http, port: 80}]}"},
	{"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s}\nspec: {workloadSelector: {labels: {app: w}}, egress: [{hosts: ['./*']}], outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: api.example.com, port: {number: 80}}}}"},
	{"apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: e}\nspec: {workloadSelector: {labels: {app: w}}, configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 1s}}}]}"},
}

func meshText(label, root, more string) string {
	return "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m}\nspec:\n  meshConfig: {rootNamespace: " + root + more +
		"}\n  workloads: [{name: w, labels: {" + label + "}, ports: [{port: 80}]}]\n  gateways: [{name: gw, labels: {istio: gw}, ports: [{port: 80}]}]"
}

func entryText(host, port, version string) string {
	return "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\nspec: {hosts: [" + host + ".example.com], resolution: STATIC, ports: [{number: " + port +
		", name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1, labels: {version: " + version + "}}]}"
}

func ruleText(host, version, credential string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec: {host: " + host + ".example.com, trafficPolicy: {tls: {mode: SIMPLE, credentialName: " + credential +
		"}}, subsets: [{name: " + version + ", labels: {version: " + version + "}}, {name: all}]}"
}

// follow is what stages do with a listing.
func follow(st *store.Store, l source.Listing, previous *snapshot.Result) *snapshot.Result {
	r := snapshot.Build(st.Apply(l).Candidates, snapshot.Options{WorkingDir: "/mesh", Previous: previous})
	st.Commit(r.InForce)
	return &r
}

// plain is a result without how its entries keep their lines.
func plain(r *snapshot.Result) snapshot.Result {
	out := *r
	out.InForce = nil
	for _, e := range r.InForce {
		out.InForce = append(out.InForce, &crds.Entry{Ref: e.Ref, Version: e.Version, Content: e.Content,
			Lines: map[string]int{"spec": e.At("spec").Line, "metadata": e.At("metadata.name").Line}})
	}
	return out
}

// checkShared compares the pointers of all lists of two results.
func checkShared(t *testing.T, before, after *snapshot.Result) {
	t.Helper()
	lists := func(r *snapshot.Result) map[string]reflect.Value {
		out := map[string]reflect.Value{"Endpoints": reflect.ValueOf(r.Endpoints)}
		v := reflect.ValueOf(r.Snapshot).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); v.Type().Field(i).IsExported() && f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Pointer {
				out[v.Type().Field(i).Name] = f
			}
		}
		return out
	}
	was := lists(before)
	for name, list := range lists(after) {
		for i := range list.Len() {
			for j := range was[name].Len() {
				a, b := list.Index(i), was[name].Index(j)
				if a.Pointer() != b.Pointer() && reflect.DeepEqual(a.Interface(), b.Interface()) {
					t.Fatalf("%s: an equal item has another pointer: %+v", name, a.Elem())
				}
			}
		}
	}
}

// declared is a file of objects that changes at random.
type declared struct {
	random   *rand.Rand
	names    []string            // of objects
	variants map[string][]string // texts
	chosen   map[string]string   // now; "" is none
	above    string              // what stands before them
	most     int                 // edits at once
}

// newDeclared takes the objects of all golden cases: what several cases have
// under one name are its variants.
func newDeclared(t *testing.T, random *rand.Rand) *declared {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	d := &declared{most: 5, random: random, variants: map[string][]string{}, chosen: map[string]string{}}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.SplitSeq("\n"+string(data), "\n---\n") {
			objects, _, _ := crds.Parse("x.yaml", []byte(text))
			if len(objects) != 1 {
				continue
			}
			name := objects[0].Ref.String()
			if !slices.Contains(d.names, name) {
				d.names = append(d.names, name)
			}
			d.variants[name] = append(d.variants[name], text)
		}
	}
	for _, name := range d.names {
		if objects, _, _ := crds.Parse("x.yaml", []byte(d.variants[name][0])); objects[0].Ref.Kind == "Mesh" {
			d.chosen[name] = d.variants[name][0]
			break
		}
	}
	return d
}

// edit changes a few objects, or only what those there are say.
func (d *declared) edit() {
	keep := d.random.IntN(2) == 0
	for range 1 + d.random.IntN(d.most) {
		name := d.names[d.random.IntN(len(d.names))]
		if keep && d.chosen[name] != "" {
			d.chosen[name] = d.variants[name][d.random.IntN(len(d.variants[name]))]
		}
		if keep {
			continue
		}
		d.chosen[name] = ""
		if d.random.IntN(4) > 0 {
			list := d.variants[name]
			d.chosen[name] = list[d.random.IntN(len(list))]
		}
	}
}

func (d *declared) text() []byte {
	if d.random.IntN(8) == 0 { // everything moves
		d.above = strings.Repeat("# a line\n", d.random.IntN(3))
	}
	out := d.above
	for _, name := range d.names {
		text := d.chosen[name]
		// As many lines for every variant: an edit moves nothing else.
		out += fmt.Sprintf("---\n%s\n%s", text, strings.Repeat("\n", 80-strings.Count(text, "\n")))
	}
	return []byte(out)
}

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
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 0))
		incremental, scratch := open(t), open(t)
		declared := newDeclared(t, random)
		var file *crds.File
		var previous *snapshot.Result
		for range 40 {
			declared.edit()
			text := declared.text()
			file = crds.ParseFile("case.yaml", text, file)
			got := follow(incremental, source.Listing{Objects: file.Objects, Incomplete: map[string]bool{"case.yaml": !file.Complete}}, previous)
			l := parse("case.yaml", text)
			l.Incomplete["other.yaml"] = true // the store looks at everything then
			want := follow(scratch, l, nil)
			if diff := cmp.Diff(plain(want), plain(got), cmpopts.IgnoreUnexported(model.Snapshot{}, snapshot.Result{})); diff != "" {
				t.Fatalf("seed %d:\n%s\n%s", seed, text, diff)
			}
			if previous != nil {
				checkShared(t, previous, got)
			}
			previous = got
		}
	}
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
}

// newDeclared takes the objects of all golden cases: what several cases have
// under one name are its variants.
func newDeclared(t *testing.T, random *rand.Rand) *declared {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	d := &declared{random: random, variants: map[string][]string{}, chosen: map[string]string{}}
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
	for range 1 + d.random.IntN(5) {
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
	out := strings.Repeat("# a line\n", d.random.IntN(3))
	for _, name := range d.names {
		if text := d.chosen[name]; text != "" {
			out += fmt.Sprintf("---\n%s\n", text)
		}
	}
	return []byte(out)
}

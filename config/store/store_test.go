package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

const (
	good    = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {rules: [{to: [{operation: {methods: [GET]}}]}]}\n"
	edited  = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {rules: [{to: [{operation: {methods: [PUT]}}]}]}\n"
	bad     = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {rules: [{to: [{operation: {method: [GET]}}]}]}\n"
	broken  = "apiVersion: [\n"
	before  = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {rules: [{}]}\n---\n"
	another = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: w}\nspec: {address: 10.0.0.1}\n"
)

func TestApplyKeepsTheLastGood(t *testing.T) {
	for name, c := range map[string]struct {
		steps []string
		want  string // what the last step's candidate may be in force as
	}{
		"new":                     {[]string{good}, "entry GET, denial"},
		"unchanged":               {[]string{good, good}, "entry GET, denial"},
		"edited":                  {[]string{good, edited}, "entry PUT, last good GET, denial"},
		"bad after good":          {[]string{good, bad}, "last good GET, denial"},
		"bad twice":               {[]string{good, bad, bad}, "last good GET, denial"},
		"bad from the beginning":  {[]string{bad}, "denial"},
		"edited, then bad":        {[]string{good, edited, bad}, "last good PUT, denial"},
		"edited, bad for long":    {[]string{good, edited, bad, bad}, "last good PUT, denial"},
		"another one removed":     {[]string{before + good, good, bad}, "last good GET, denial"},
		"bad, mended":             {[]string{good, bad, edited}, "entry PUT, last good GET, denial"},
		"removed":                 {[]string{good, another}, ""},
		"removed, then bad":       {[]string{good, another, bad}, "denial"},
		"its file is broken":      {[]string{good, broken}, "entry GET"},
		"broken file, then bad":   {[]string{good, broken, bad}, "last good GET, denial"},
		"broken, without history": {[]string{broken}, ""},
	} {
		for _, restart := range []bool{false, true} {
			dir := t.TempDir()
			st := open(t, dir, store.Hooks{})
			var got string
			for _, text := range c.steps {
				if restart {
					st = open(t, dir, store.Hooks{})
				}
				r := st.Apply(listing("a.yaml", text))
				got = describe(r.Candidates)
				commit(t, st, r)
			}
			if got != c.want {
				t.Errorf("%s (restarted: %v): got %q, want %q", name, restart, got, c.want)
			}
		}
	}
}

// TestCandidatesFollowWhatIsInForce though nothing is edited.
func TestCandidatesFollowWhatIsInForce(t *testing.T) {
	st := open(t, "", store.Hooks{})
	l := listing("a.yaml", good)
	r := st.Apply(l)
	if r.Candidates[0].Known {
		t.Error("nothing is in force yet")
	}
	commit(t, st, r)
	if r := st.Apply(l); !r.Candidates[0].Known {
		t.Error("it is in force")
	}
	st.Commit(nil) // it fits to nothing any more
	if r := st.Apply(l); r.Candidates[0].Known {
		t.Error("it is in force no more")
	}
}

func TestObjectsOfAnIncompleteFileStay(t *testing.T) {
	st := open(t, "", store.Hooks{})
	commit(t, st, st.Apply(listing("dir/a.yaml", good+another)))
	l := listing("dir/a.yaml", good+"---\nkind: WorkloadEntry\nmetadata: {name: w}\n")
	r := st.Apply(l)
	if len(r.Candidates) != 2 || r.Candidates[1].Entry == nil {
		t.Errorf("%+v", r.Candidates)
	}
	if len(r.Problems) != 1 || r.Problems[0].Code != model.CodeLastGood || r.Problems[0].Origin.File != "dir/a.yaml" {
		t.Errorf("%v", r.Problems)
	}
	if r := st.Apply(source.Listing{Incomplete: map[string]bool{"dir": true}}); len(r.Candidates) != 2 {
		t.Errorf("the folder cannot be read, and %+v is left", r.Candidates)
	}
	if r := st.Apply(source.Listing{Incomplete: map[string]bool{"di": true, "dir/a.yam": true}}); len(r.Candidates) != 0 {
		t.Errorf("other files cannot be read, and %+v stays", r.Candidates)
	}
}

func TestTheFirstOfTwoCounts(t *testing.T) {
	r := open(t, "", store.Hooks{}).Apply(listing("a.yaml", good+"---\n"+edited))
	if got := describe(r.Candidates); got != "entry GET, denial" {
		t.Error(got)
	}
	want := "a.yaml:6: error [KR0005] AuthorizationPolicy default/p: AuthorizationPolicy default/p is declared already at a.yaml:1: that one counts (rename or remove one of them)"
	if len(r.Problems) != 1 || r.Problems[0].String() != want {
		t.Errorf("%v", r.Problems)
	}
}

func TestHooks(t *testing.T) {
	const rego = "apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: r}\nspec:\n  query: data.a.b\n  modules:\n  - {file: ./x.rego}\n"
	const filter = "---\napiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: f}\nspec: {url: ./f.wasm}\n"
	var asked []string
	hooks := store.Hooks{
		ReadFile: func(path string) ([]byte, error) { return []byte("from " + path), nil },
		CheckRego: func(p model.RegoPolicy) []store.RegoError {
			asked = append(asked, p.Modules[0].Source)
			return []store.RegoError{{Module: "x.rego", Line: 7, Message: "no"}}
		},
		ResolveModule: func(r store.ModuleRequest) store.ModuleAnswer {
			asked = append(asked, r.Filter.Module.URL+" in "+r.BaseDir)
			return store.ModuleAnswer{Module: model.Module{Digest: "sha256:d", Size: 3}}
		},
	}
	r := open(t, "", hooks).Apply(listing("dir/a.yaml", rego+filter))
	if got, want := strings.Join(asked, ", "), "from dir/x.rego, ./f.wasm in dir"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	if len(r.Problems) != 1 || r.Problems[0].String() != "dir/a.yaml:7: error [KR0009] RegoPolicy default/r spec.modules[0]: x.rego line 7: no" {
		t.Errorf("%v", r.Problems)
	}
	f := r.Candidates[0].Entry
	if !reflect.DeepEqual(f.Content.Filter.Module, model.Module{URL: "./f.wasm", Digest: "sha256:d", Size: 3}) || f.Version != model.Hash(f.Content) {
		t.Errorf("%+v", f)
	}
}

func TestAFileThatCannotBeWrittenIsAnError(t *testing.T) {
	if _, err := store.Open("/dev/null/x", store.Hooks{}); err == nil || !strings.Contains(err.Error(), "opening the store") {
		t.Error(err)
	}
}

func TestStateOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	st := open(t, dir, store.Hooks{})
	commit(t, st, st.Apply(listing("a.yaml", good+another)))
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	// One is damaged: it is told, and the other one is kept.
	if err := os.WriteFile(files[0], []byte(`{"ref":`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, store.Hooks{}).Apply(listing("a.yaml", broken))
	if len(r.Candidates) != 1 || len(r.Problems) != 2 || !strings.Contains(r.Problems.Sorted()[0].Message+r.Problems.Sorted()[1].Message, "is lost") {
		t.Errorf("%+v, %v", r.Candidates, r.Problems)
	}
	// One says something else than was written.
	b, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.NewReplacer("10.0.0.1", "10.6.6.6", `"GET"`, `"PUT"`).Replace(string(b))
	if err := os.WriteFile(files[1], []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := open(t, dir, store.Hooks{}).Apply(listing("a.yaml", broken)); len(r.Candidates) != 0 {
		t.Errorf("forged, and in force: %+v", r.Candidates)
	}
	// Removed objects leave no file.
	commit(t, st, st.Apply(source.Listing{}))
	if files, _ := filepath.Glob(dir + "/*"); len(files) != 0 {
		t.Error(files)
	}
}

func TestDenialsAreNotKept(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir, store.Hooks{})
	r := st.Apply(listing("a.yaml", bad))
	st.Commit([]*crds.Entry{r.Candidates[0].Denial})
	if err := st.Save(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Error(files, err)
	}
}

func open(t *testing.T, dir string, hooks store.Hooks) *store.Store {
	t.Helper()
	if hooks.ReadFile == nil {
		hooks.ReadFile = func(string) ([]byte, error) { return nil, errors.New("there are no files") }
	}
	st, err := store.Open(dir, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func listing(file, text string) source.Listing {
	objects, complete, _ := crds.Parse(file, []byte(text))
	return source.Listing{Objects: objects, Incomplete: map[string]bool{file: !complete}}
}

// commit puts in force what a snapshot would: the first version of each.
func commit(t *testing.T, st *store.Store, r store.Result) {
	t.Helper()
	var inForce []*crds.Entry
	for _, c := range r.Candidates {
		for _, e := range []*crds.Entry{c.Entry, c.LastGood, c.Denial} {
			if e != nil {
				inForce = append(inForce, e)
				break
			}
		}
	}
	st.Commit(inForce)
	if err := st.Save(); err != nil {
		t.Fatal(err)
	}
}

// describe tells what the policy "p" may be in force as.
func describe(candidates []store.Candidate) string {
	var out []string
	for _, c := range candidates {
		if c.Ref.Name != "p" {
			continue
		}
		for name, e := range map[string]*crds.Entry{"entry ": c.Entry, "last good ": c.LastGood} {
			if e != nil {
				out = append(out, name+e.Content.Authorization.Rules[0].To[0].Methods[0].Value)
			}
		}
		if len(out) == 2 && strings.HasPrefix(out[0], "last") {
			out[0], out[1] = out[1], out[0]
		}
		if c.Denial != nil {
			out = append(out, "denial")
		}
	}
	return strings.Join(out, ", ")
}

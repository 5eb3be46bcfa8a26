package store_test

import (
	"os"
	"testing"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestWhatDidNotChangeKeepsItsEntry: other objects' edits convert nothing anew.
func TestWhatDidNotChangeKeepsItsEntry(t *testing.T) {
	st := open(t, "", store.Hooks{})
	first := crds.ParseFile("a.yaml", []byte("---\n"+good+another), nil)
	before := st.Apply(source.Listing{Objects: first.Objects})
	commit(t, st, before)
	second := crds.ParseFile("a.yaml", []byte("---\n# a line\n"+edited+another), first)
	after := st.Apply(source.Listing{Objects: second.Objects})
	was, is := before.Candidates[1].Entry, after.Candidates[1].Entry
	if is.Content.Workload != was.Content.Workload || is.Origin.Line != was.Origin.Line+1 || is.At("spec.address").Line != was.At("spec.address").Line+1 {
		t.Errorf("%+v was %+v", is, was)
	}
	third := st.Apply(source.Listing{Objects: second.Objects})
	for i := range third.Candidates {
		if third.Candidates[i].Entry != after.Candidates[i].Entry || third.Candidates[i].Denial != after.Candidates[i].Denial {
			t.Errorf("%s was read again", third.Candidates[i].Ref)
		}
	}
}

// TestTheSameInOtherWordsIsTheSame: a comment makes no new content.
func TestTheSameInOtherWordsIsTheSame(t *testing.T) {
	st := open(t, "", store.Hooks{})
	before := st.Apply(listing("a.yaml", good))
	commit(t, st, before)
	after := st.Apply(listing("a.yaml", "# why\n"+good))
	if after.Candidates[0].Entry.Content.Authorization != before.Candidates[0].Entry.Content.Authorization || after.Candidates[0].LastGood != nil {
		t.Error("a comment made a new policy")
	}
}

// TestProblemsMoveWithTheirObject: they are not found again, and name the line.
func TestProblemsMoveWithTheirObject(t *testing.T) {
	st := open(t, "", store.Hooks{})
	first := crds.ParseFile("a.yaml", []byte("---\n"+bad), nil)
	before := st.Apply(source.Listing{Objects: first.Objects}).Problems
	second := crds.ParseFile("a.yaml", []byte("# one\n# two\n---\n"+bad), first)
	after := st.Apply(source.Listing{Objects: second.Objects}).Problems
	if len(before) != 1 || len(after) != 1 || after[0].Origin.Line != before[0].Origin.Line+2 {
		t.Errorf("%v, then %v", before, after)
	}
}

// TestFilesThatObjectsNameAreReadAgain: the object itself stays as it is.
func TestFilesThatObjectsNameAreReadAgain(t *testing.T) {
	l := listing("a.yaml", "apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: r}\nspec:\n  query: data.a.b\n  modules:\n  - {file: ./x.rego}\n"+
		"---\napiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: f}\nspec: {url: ./f.wasm}\n")
	rego, module, checks := "package a", "sha256:1", 0
	st := open(t, "", store.Hooks{
		ReadFile: func(string) ([]byte, error) {
			if rego == "" {
				return nil, os.ErrNotExist
			}
			return []byte(rego), nil
		},
		CheckRego: func(model.RegoPolicy) []store.RegoError { checks++; return nil },
		ResolveModule: func(store.ModuleRequest) store.ModuleAnswer {
			if module == "" {
				return store.ModuleAnswer{Code: model.CodeBadModule, Message: "no such module"}
			}
			return store.ModuleAnswer{Module: model.Module{Digest: module}}
		},
	})
	for _, step := range []struct {
		rego, module string
		checks       int // so far
		filter, rule bool
	}{
		{"package a", "sha256:1", 1, true, true},
		{"package a", "sha256:1", 1, true, true},
		{"package b", "sha256:1", 2, true, true},
		{"package b", "sha256:2", 2, true, true},
		{"", "", 2, false, false},
		{"package c", "sha256:2", 3, true, true},
	} {
		rego, module = step.rego, step.module
		r := st.Apply(l)
		f, p := r.Candidates[0].Entry, r.Candidates[1].Entry
		if checks != step.checks || (f != nil) != step.filter || (p != nil) != step.rule {
			t.Errorf("%+v: %d checks, %+v, %+v, %v", step, checks, f, p, r.Problems)
			continue
		}
		if f != nil && f.Content.Filter.Module.Digest != module || p != nil && p.Content.Rego.Modules[0].Source != rego {
			t.Errorf("%+v: an old file is in force", step)
		}
	}
}

// TestAFailedSaveIsTriedAgain.
func TestAFailedSaveIsTriedAgain(t *testing.T) {
	dir := t.TempDir() + "/state"
	st := open(t, dir, store.Hooks{})
	r := st.Apply(listing("a.yaml", good))
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	st.Commit([]*crds.Entry{r.Candidates[0].Entry})
	if err := st.Save(); err == nil {
		t.Error("it was written to a folder that is not there")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := st.Save(); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
}

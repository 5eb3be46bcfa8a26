package main

import (
	"context"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
)

// What the benchmark declares is to be in force, all of it: a Problem would
// make the figures those of something else.
func TestTheWorldHasNoProblems(t *testing.T) {
	w := world{t.TempDir(), size{40, 10}}
	if err := w.write(); err != nil {
		t.Fatal(err)
	}
	s, err := stages.Open([]string{w.dir}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	was := ""
	for _, e := range append(edits(), edit{name: "none"}) {
		r, err := s.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			if p.Severity == model.Error {
				t.Errorf("before %s: %v", e.name, p)
			}
		}
		if is := model.Hash([]any{r.Snapshot.Version, r.Endpoints}); is == was {
			t.Errorf("before %s: the edit changed nothing", e.name)
		} else {
			was = is
		}
		if len(r.Snapshot.Workloads) != w.proxies || len(r.Endpoints) < w.services {
			t.Errorf("%d workloads, %d services", len(r.Snapshot.Workloads), len(r.Endpoints))
		}
		if e.write == nil {
			continue
		}
		file, text, _ := e.write(w, 1)
		time.Sleep(10 * time.Millisecond) // another modification time
		if err := w.replace(file, text); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodesAreTheWorkloads(t *testing.T) {
	w := world{t.TempDir(), size{40, 12}}
	if err := w.write(); err != nil {
		t.Fatal(err)
	}
	s, err := stages.Open([]string{w.dir}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	known, in := map[string]bool{}, map[string]int{}
	for _, x := range r.Snapshot.Workloads {
		known[x.ID()] = true
		in[x.Namespace]++
	}
	for _, node := range w.nodes() {
		if !known[node] {
			t.Errorf("no workload %s", node)
		}
	}
	for i := range w.namespaces() {
		if got := w.proxiesIn(i); got != in[w.namespace(i)] {
			t.Errorf("%s: %d proxies, want %d", w.namespace(i), got, in[w.namespace(i)])
		}
	}
}

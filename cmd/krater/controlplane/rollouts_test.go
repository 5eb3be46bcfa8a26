package controlplane

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

// TestBookOfRolloutsSurvives: what was taken back stays so after a restart,
// also where the newest file is damaged; where nothing can be read, it is said.
func TestBookOfRolloutsSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rollouts.json")
	open := func() *rollouts { return openRollouts(file, slog.New(slog.DiscardHandler), serve.New(serve.Options{})) }
	ref := model.Ref{Kind: "Filter", Namespace: "default", Name: "f"}
	declared := func(config string) *model.Snapshot {
		return &model.Snapshot{
			Workloads: []model.Workload{{Namespace: "default", Name: "a"}, {Namespace: "default", Name: "b"}},
			Filters: []*model.FilterBinding{{Object: ref, Module: model.Module{Digest: "sha256:1"}, Config: config,
				Rollout: &model.Rollout{Steps: []model.RolloutStep{{Percent: 50, Pause: model.Duration(time.Hour)}}}}},
		}
	}
	now := time.Now()
	r := open()
	r.take(now, declared("1"), nil)
	if states, _ := r.now(); len(states) != 0 {
		t.Fatalf("what there was at first is in force: %+v", states)
	}
	r.take(now, declared("2"), nil)
	if err := r.order(now, declared("2"), nil, abortRollout, ref.String()); err != nil {
		t.Fatal(err)
	}
	takenBack := func(r *rollouts) bool {
		t.Helper()
		r.take(now.Add(time.Minute), declared("2"), nil)
		states, _ := r.now()
		return len(states) == 1 && states[0].Phase == model.RolloutRolledBack && states[0].For(&model.Workload{Namespace: "default", Name: "a"}).Config == "1"
	}
	if !takenBack(open()) {
		t.Fatal("a restart forgot it")
	}
	r = open()
	if err := r.order(now, declared("2"), nil, "abort", "Filter default/none"); err == nil {
		t.Fatal("there is no such filter")
	}
	if err := os.WriteFile(file, []byte(`{"half`), 0o600); err != nil {
		t.Fatal(err)
	}
	r = open()
	if r.take(now.Add(time.Minute), declared("2"), nil); len(r.book.Records) != 1 || len(r.problems(declared("2"))) > 1 {
		t.Fatalf("the file before it is not used: %v", r.problems(declared("2")))
	}
	for _, f := range []string{file, file + ".last"} {
		if err := os.WriteFile(f, []byte(`{"half`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p := open().problems(declared("2")); len(p) != 1 || p[0].Code != model.CodeLastGood {
		t.Fatalf("it is not said that the book is lost: %v", p)
	}
}

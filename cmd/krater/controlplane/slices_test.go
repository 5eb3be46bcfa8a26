package controlplane

import (
	"bytes"
	"testing"

	"github.com/krater-mesh/krater/model"
	"google.golang.org/protobuf/proto"
)

// A program's environment may hold secrets: it goes to the agent alone.
func TestNoEnvironmentLeavesWithTheSlices(t *testing.T) {
	s := &model.Snapshot{
		Workloads: []model.Workload{{Namespace: "default", Name: "db", Process: &model.Process{
			Command: []string{"db"}, Env: map[string]string{"PASSWORD": "s3cr3t"},
		}}},
		Rego: []*model.RegoPolicy{{Object: model.Ref{Kind: "RegoPolicy", Namespace: "default", Name: "p"}}},
	}
	collector, err := collectorSlice(&daemonSlices{}, s)
	if err != nil {
		t.Fatal(err)
	}
	policyd, err := policydSlice(&daemonSlices{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(collector[model.TypeWorkload]) != 1 || len(policyd[model.TypeRegoPolicy]) != 1 {
		t.Fatalf("the slices lack objects: %v, %v", collector, policyd)
	}
	for _, resource := range collector[model.TypeWorkload] {
		if b, err := proto.Marshal(resource); err != nil || bytes.Contains(b, []byte("s3cr3t")) {
			t.Errorf("the environment is in the collector's slice: %s, %v", b, err)
		}
	}
	if s.Workloads[0].Process == nil {
		t.Error("the snapshot itself was changed")
	}
}

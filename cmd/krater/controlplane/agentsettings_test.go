package controlplane

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

func TestAgentsWithOneProbeShareTheirSettings(t *testing.T) {
	group := &model.WorkloadGroup{Object: model.Ref{Kind: "WorkloadGroup", Namespace: "default", Name: "db"}, Probe: &model.Probe{Period: model.Duration(time.Second)}}
	s := &model.Snapshot{Groups: []*model.WorkloadGroup{group}}
	plain, one, two := model.Workload{Namespace: "default", Name: "web"}, model.Workload{Namespace: "default", Name: "db-1", Group: "db"}, model.Workload{Namespace: "default", Name: "db-2", Group: "db"}
	elsewhere := model.Workload{Namespace: "other", Name: "db-3", Group: "db"}

	a, e := &agentSettings{}, serve.NewEncoder()
	parts := func() (out []*serve.Part) {
		of := a.of(s, e)
		for _, w := range []model.Workload{plain, one, two, elsewhere} {
			p, err := of(w)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
		return out
	}
	first := parts()
	if first[0] == first[1] || first[1] != first[2] || first[0] != first[3] {
		t.Errorf("%v", first)
	}
	if !first[1].Mentions(model.TypeAgentSettings, []byte(`"period":"1s"`)) {
		t.Error("the probe is not in it")
	}
	again := parts()
	for i := range again {
		if again[i] != first[i] {
			t.Errorf("part %d is another, and nothing changed", i)
		}
	}
	edited := *group
	edited.Probe = &model.Probe{Period: model.Duration(2 * time.Second)}
	s.Groups = []*model.WorkloadGroup{&edited}
	if after := parts(); after[0] != first[0] || after[1] == first[1] {
		t.Error("an edit of the probe is to change the group's agents' settings, and no others")
	}
}

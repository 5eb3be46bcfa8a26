package model_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestSealAfterIsSeal: sharing hashes with an earlier snapshot changes no hash.
func TestSealAfterIsSeal(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	earlier := &model.Snapshot{}
	earlier.Seal()
	seen := map[string]string{}
	for range 500 {
		next := &model.Snapshot{Mesh: earlier.Mesh, Workloads: earlier.Workloads,
			Services: slices.Clone(earlier.Services), Destinations: slices.Clone(earlier.Destinations)}
		for range 1 + random.IntN(3) {
			changeAtRandom(next, random)
		}
		next.SealAfter(earlier)
		whole := *next
		whole.Seal()
		if next.Version != whole.Version || !maps.Equal(next.Branches, whole.Branches) {
			t.Fatalf("after an earlier one: %s %v\nalone: %s %v", next.Version, next.Branches, whole.Version, whole.Branches)
		}
		content := fmt.Sprint(model.Hash(next.Mesh), model.Hash(next.Workloads), model.Hash(next.Services), model.Hash(next.Destinations))
		if other, known := seen[next.Version]; known && other != content {
			t.Fatal("two contents have one version")
		}
		seen[next.Version] = content
		for _, s := range next.Services {
			if next.Service(s.Host, s.Namespace) == nil {
				t.Fatalf("%s is not found", s.Host)
			}
		}
		earlier = next
	}
}

func changeAtRandom(s *model.Snapshot, random *rand.Rand) {
	host := fmt.Sprint("h", random.IntN(1000))
	switch at := random.IntN(len(s.Services) + 1); random.IntN(6) {
	case 0:
		s.Mesh.Sampling = float64(random.IntN(3))
	case 1:
		s.Workloads = []model.Workload{{Name: host}}
	case 2, 3:
		s.Services = slices.Insert(s.Services, at, &model.Service{Host: host, Namespace: "n"})
	case 4:
		if at < len(s.Services) {
			s.Services = slices.Delete(s.Services, at, at+1)
		}
	case 5:
		if at < len(s.Services) {
			s.Services[at] = &model.Service{Host: host, Namespace: "m"}
		}
		s.Destinations = append(s.Destinations, &model.DestinationPolicy{Host: host})
	}
}

// TestSealAfterHashesOnlyWhatIsNew: an item that was changed against all rules
// is not noticed.
func TestSealAfterHashesOnlyWhatIsNew(t *testing.T) {
	first := &model.Snapshot{Services: []*model.Service{{Host: "a"}, {Host: "b"}, {Host: "c"}}}
	first.Seal()
	old, stays := first.Services[1], first.Services[2]
	second := &model.Snapshot{Services: []*model.Service{first.Services[0], {Host: "b2"}, stays}}
	stays.Host = "never hashed again"
	second.SealAfter(first)
	third := &model.Snapshot{Services: []*model.Service{first.Services[0], old, stays}}
	third.SealAfter(second)
	if third.Version != first.Version || second.Version == first.Version {
		t.Errorf("%s, %s, %s", first.Version, second.Version, third.Version)
	}
}

// TestTheMeshsSidecarMeansTheWorkloadsNamespace by ".", and is the same from
// one snapshot to the next.
func TestTheMeshsSidecarMeansTheWorkloadsNamespace(t *testing.T) {
	root := &model.Sidecar{Object: model.Ref{Namespace: "root", Name: "default"},
		Egress: []model.SidecarEgress{{Hosts: []model.HostScope{{Namespace: ".", Host: "*"}, {Namespace: "root", Host: "*"}}}}}
	own := &model.Sidecar{Object: model.Ref{Namespace: "b", Name: "own"}}
	first := &model.Snapshot{Mesh: model.Mesh{RootNamespace: "root"}, Sidecars: []*model.Sidecar{own, root},
		Workloads: []model.Workload{{Namespace: "a", Name: "w"}, {Namespace: "b", Name: "w"}, {Namespace: "root", Name: "w"}}}
	unsealed := *first
	first.Seal()
	second := *first
	second.SealAfter(first)
	for i, want := range []string{"a", "", "root"} {
		w := first.Workloads[i]
		got := first.SidecarFor(w)
		if want == "" && got != own || want != "" && got.Egress[0].Hosts[0].Namespace != want {
			t.Errorf("%s has %+v", w.ID(), got)
		}
		if second.SidecarFor(w) != got {
			t.Errorf("%s: the Sidecar is another one in the next snapshot", w.ID())
		}
		if c := unsealed.SidecarFor(w); want != "" && c.Egress[0].Hosts[0].Namespace != want {
			t.Errorf("%s, not sealed: %+v", w.ID(), c)
		}
	}
	if root.Egress[0].Hosts[0].Namespace != "." {
		t.Error("the object itself was changed")
	}
}

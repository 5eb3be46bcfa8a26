package snapshot

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/krater-mesh/krater/model"
)

// TestHasSubsetLooksWhereProxiesLook: for callers without labels, routes are
// checked against the very rule that their proxies obey.
func TestHasSubsetLooksWhereProxiesLook(t *testing.T) {
	found := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := newDraft(nil, Options{})
		svc := model.Service{Host: "api.b.svc.cluster.local", Namespace: "b"}
		namespaces := []string{"a", "b", d.snap.Mesh.RootNamespace}
		for i := range rapid.IntRange(1, 5).Draw(rt, "rules") {
			p := &model.DestinationPolicy{
				Object:   model.Ref{Namespace: rapid.SampledFrom(namespaces).Draw(rt, "namespace"), Name: string(rune('a' + i))},
				Host:     rapid.SampledFrom([]string{svc.Host, svc.Host, "*.b.svc.cluster.local", "*"}).Draw(rt, "host"),
				ExportTo: rapid.SampledFrom([][]string{nil, {"."}, {"a"}, {"*"}}).Draw(rt, "exportTo"),
				Subsets:  []model.Subset{{Name: rapid.SampledFrom([]string{"v1", "v2"}).Draw(rt, "subset")}},
			}
			d.snap.Destinations = append(d.snap.Destinations, p)
			if p.Host[0] == '*' {
				d.subsets.wildcards[p.Object.Namespace] = append(d.subsets.wildcards[p.Object.Namespace], p)
			} else {
				key := p.Object.Namespace + " " + p.Host
				d.subsets.exact[key] = append(d.subsets.exact[key], p)
			}
		}
		client := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "client")
		used := d.snap.DestinationFor(&svc, model.Workload{Namespace: client})
		for _, subset := range []string{"v1", "v2"} {
			want := used != nil && slices.ContainsFunc(used.Subsets, func(s model.Subset) bool { return s.Name == subset })
			if got := d.hasSubset(svc, subset, client); got != want {
				rt.Fatalf("subset %s for %s: %t, the proxies obey %+v", subset, client, got, used)
			}
			if want {
				found++
			}
		}
	})
	if found < 20 {
		t.Errorf("%d subsets were found: that shows little", found)
	}
}

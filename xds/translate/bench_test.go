package translate_test

import (
	"fmt"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// BenchmarkTranslate measures one proxy of a mesh with a thousand services,
// each with two subsets, ten endpoints and a route table.
func BenchmarkTranslate(b *testing.B) {
	snap := &model.Snapshot{Workloads: []model.Workload{{Namespace: "default", Name: "w", Address: "127.80.0.2",
		Ports: []model.WorkloadPort{{Number: 9080, AppPort: 20000, Protocol: model.HTTP}}}}}
	var eps model.Endpoints
	for i := range 1000 {
		host := fmt.Sprintf("s%d.default.svc.cluster.local", i)
		ref := model.Ref{Kind: "VirtualService", Namespace: "default", Name: fmt.Sprint("s", i)}
		snap.Services = append(snap.Services, &model.Service{Host: host, Name: fmt.Sprint("s", i), Namespace: "default",
			Ports: []model.Port{{Number: 80, Name: "http", Protocol: model.HTTP}}, Resolution: model.ResolutionStatic})
		snap.Destinations = append(snap.Destinations, &model.DestinationPolicy{Object: ref, Host: host, Subsets: []model.Subset{{Name: "v1"}, {Name: "v2"}}})
		snap.Routes = append(snap.Routes, &model.RouteTable{Object: ref, Hosts: []string{host}, Gateways: []string{model.MeshGateway},
			HTTP: []model.HTTPRoute{{Name: "r", Destinations: []model.Destination{{Host: host, Port: 80, Subset: "v1", Weight: 1}}}}})
		e := &model.ServiceEndpoints{Service: model.ServiceKey{Host: host, Namespace: "default"}}
		for n := range 10 {
			e.Endpoints = append(e.Endpoints, model.Endpoint{Address: fmt.Sprintf("127.81.%d.%d", i%250, n+1), Weight: 1})
		}
		eps = append(eps, e)
	}
	snap.Seal()
	for b.Loop() {
		r, _ := translate.Translate(snap, eps, snap.Workloads[0], options)
		if len(r.Clusters) < 3000 {
			b.Fatal(len(r.Clusters))
		}
	}
}

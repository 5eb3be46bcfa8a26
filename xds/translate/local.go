package translate

import (
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/krater-mesh/krater/model"
)

// localCluster is the bootstrap's: the workload's own service. From it Envoy
// knows which share of the callers stands in its zone.
const localCluster = "krater-local"

// What stands for no part, and for the service of a workload that serves none.
var nothing, nobody = &Part{}, &model.Service{}

// localInput is what the endpoints of the local cluster are made of.
type localInput struct {
	service   *model.Service
	endpoints *model.ServiceEndpoints
}

func localPart(in localInput) *Part {
	var port model.Port
	if len(in.service.Ports) > 0 {
		port = in.service.Ports[0]
	}
	a := assignment(localCluster, port, withLabels(in.service, in.endpoints, nil))
	return &Part{Resources: Resources{Endpoints: []*endpointv3.ClusterLoadAssignment{a}}}
}

// local gives a proxy that stands somewhere the endpoints of its own service.
func (r *round) local(w *model.Workload) *Part {
	if w.Locality == "" {
		return nothing
	}
	s := r.snap.Service(w.Service, w.Namespace)
	if s == nil || s.Resolution != model.ResolutionStatic {
		s = nobody
	}
	return r.locals.of(localInput{s, r.eps.Find(s.Key())})
}

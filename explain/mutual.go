package explain

import (
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// mutual tells whether a call to an endpoint is mutual TLS of the mesh: as the
// destination's policy says, else wherever the endpoint takes it.
func (e *explainer) mutual(svc *model.Service, t model.TrafficPolicy, ep model.Endpoint, port uint32) bool {
	switch {
	case t.TLS != nil:
		return t.TLS.Mode == model.TLSIstioMutual
	case e.snap.Mesh.NoAutoMTLS || svc.External:
		return false
	}
	return ep.MTLS && !slices.Contains(ep.PlainPorts, port)
}

// unheard is why a port does not take a call in the form that it comes in; "":
// it does.
func (e *explainer) unheard(w model.Workload, server Server) string {
	switch mode := e.snap.MTLS(w).Port(server.Port); {
	case mode == model.MTLSStrict && !server.MTLS:
		return fmt.Sprintf("port %d of %s takes mutual TLS only (PeerAuthentication), and the call comes without it", server.Port, w.ID())
	case mode == model.MTLSDisable && server.MTLS:
		return fmt.Sprintf("port %d of %s takes no mutual TLS (PeerAuthentication), and the call comes by it", server.Port, w.ID())
	}
	return ""
}

// principal is who a caller is to a server.
func (e *explainer) principal(from model.Workload, server Server) string {
	if !server.MTLS {
		return ""
	}
	return from.Identity(e.snap.Mesh.TrustDomain).Principal()
}

package translate

import (
	"maps"
	"slices"
	"strconv"

	"github.com/krater-mesh/krater/model"
)

// accepts is what a workload's ports take: a model.MTLS as an input has it.
type accepts struct {
	mode  model.MTLSMode
	ports []portMode // sorted
}

type portMode struct {
	port uint32
	mode model.MTLSMode
}

func acceptedBy(m model.MTLS) accepts {
	out := accepts{mode: m.Mode}
	for _, port := range slices.Sorted(maps.Keys(m.Ports)) {
		out.ports = append(out.ports, portMode{port, m.Ports[port]})
	}
	return out
}

// at is what one port takes.
func (a accepts) at(port uint32) model.MTLSMode {
	for _, p := range a.ports {
		if p.port == port {
			return p.mode
		}
	}
	return a.mode
}

// accepted is what a port of this proxy takes. One without an identity can take
// plain text only; where that is not enough it takes nothing, and says so.
func (p *proxy) accepted(port uint32) (mode model.MTLSMode, ok bool) {
	mode = p.accepts.at(port)
	if !p.opt.NoIdentity {
		return mode, true
	}
	if mode == model.MTLSStrict {
		p.problem(model.Error, model.CodeNotSupported, p.w.Object, "",
			"port "+strconv.Itoa(int(port))+" of "+p.w.ID()+" takes mutual TLS only (PeerAuthentication), and a proxy without an agent has no certificate: the port is not opened",
			"run the proxy with `krater agent` or `krater up`, or let the port be PERMISSIVE")
		return mode, false
	}
	return model.MTLSDisable, true
}

package accesslogreceiver

import (
	"net"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
)

// Directions, as the proxies' logs name them.
const (
	inbound  = "inbound"
	outbound = "outbound"
)

// peers names the workloads at both ends. Their names come from addresses,
// which anyone on the machine can take: krater.source.verified stays false
// until identities are checked.
func (r record) peers(from origin, direction string, p *accesslogdatav3.AccessLogCommon) {
	remote := p.GetDownstreamDirectRemoteAddress()
	if remote == nil {
		remote = p.GetDownstreamRemoteAddress()
	}
	client := p.GetDownstreamRemoteAddress().GetSocketAddress()
	r.str("client.address", client.GetAddress())
	if port := client.GetPortValue(); port != 0 {
		r.num("client.port", uint64(port))
	}
	own, _ := r.view.Workload(from.proxy)
	source, _ := r.view.At(remote.GetSocketAddress().GetAddress())
	destination, _ := r.view.At(p.GetUpstreamRemoteAddress().GetSocketAddress().GetAddress())
	switch direction {
	case inbound:
		destination = own
	case outbound:
		source = own
	}
	r.workload("krater.source", source)
	r.workload("krater.destination", destination)
	r.Attributes().PutBool("krater.source.verified", false)
}

// workload sets PREFIX.workload and PREFIX.namespace.
func (r record) workload(prefix string, w model.Workload) {
	if w.Name == "" {
		r.str(prefix+".workload", mesh.Unknown)
		return
	}
	r.str(prefix+".workload", w.Name)
	r.str(prefix+".namespace", w.Namespace)
}

// hostPort is an address as text, or "".
func hostPort(a *corev3.Address) string {
	if s := a.GetSocketAddress(); s != nil {
		return net.JoinHostPort(s.GetAddress(), strconv.Itoa(int(s.GetPortValue())))
	}
	if p := a.GetPipe(); p != nil {
		return "unix:" + p.GetPath()
	}
	return ""
}

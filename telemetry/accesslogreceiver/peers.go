package accesslogreceiver

import (
	"net"
	"strconv"
	"strings"

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

// peers names the workloads at both ends: by what the proxy was shown (the
// caller's certificate) or told (of the endpoint), else by their addresses,
// which anyone on the machine can take. krater.source.verified says which.
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
	tags := p.GetCustomTags()
	verified := direction == inbound && given(tags, "krater.source.principal") != ""
	if !verified || !r.peer("krater.source", tags) {
		r.workload("krater.source", source)
	}
	if direction == inbound || !r.peer("krater.destination", tags) {
		r.workload("krater.destination", destination)
	}
	r.str("krater.client.principal", principal(given(tags, "krater.client.principal")))
	r.Attributes().PutBool("krater.source.verified", verified)
}

// peer sets what tags say of an end; false: nothing.
func (r record) peer(prefix string, tags map[string]string) bool {
	name, namespace := given(tags, prefix+".workload"), given(tags, prefix+".namespace")
	if namespace == "" {
		return false
	}
	r.workload(prefix, model.Workload{Name: name, Namespace: namespace})
	r.str(prefix+".namespace", namespace)
	r.str(prefix+".principal", principal(given(tags, prefix+".principal")))
	r.str(prefix+".service_account", given(tags, prefix+".service_account"))
	r.str(prefix+".version", given(tags, prefix+".version"))
	return true
}

// given is a tag's value; "" where the proxy had none to give.
func given(tags map[string]string, name string) string {
	if v := tags[name]; v != "-" && v != mesh.Unknown {
		return v
	}
	return ""
}

// principal is how policies call an identity.
func principal(uri string) string { return strings.TrimPrefix(uri, "spiffe://") }

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

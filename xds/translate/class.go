package translate

import (
	"net/netip"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// class is all that what is shared may know of a proxy. Proxies of one class
// have the same clusters, endpoints and outbound virtual hosts.
type class struct {
	namespace string
	labels    map[string]string // only those that some rule asks of callers
	gateway   bool
	sidecar   *model.Sidecar
	locality  string
	local     bool // its address is a loopback one, which its calls leave from
	redirect  bool // the kernel leads its calls to it
}

func (r *round) classOf(w *model.Workload) class {
	c := class{namespace: w.Namespace, gateway: w.Gateway, locality: w.Locality, local: loopback(w.Address),
		redirect: w.Interception == model.InterceptByRedirect && !w.Gateway}
	if !w.Gateway {
		c.sidecar = r.snap.SidecarFor(*w)
	}
	for key := range r.asked {
		if value, ok := w.Labels[key]; ok {
			if c.labels == nil {
				c.labels = map[string]string{}
			}
			c.labels[key] = value
		}
	}
	return c
}

// asked are the keys of all labels that rules ask of callers: two proxies that
// have these alike are called alike.
func asked(snap *model.Snapshot) map[string]bool {
	out := map[string]bool{}
	add := func(labels map[string]string) {
		for key := range labels {
			out[key] = true
		}
	}
	for _, t := range snap.Routes {
		for _, r := range t.HTTP {
			for _, m := range r.Matches {
				add(m.SourceLabels)
			}
		}
		for _, r := range slices.Concat(t.TLS, t.TCP) {
			for _, m := range r.Matches {
				add(m.SourceLabels)
			}
		}
	}
	for _, d := range snap.Destinations {
		if d.Selector != nil {
			add(d.Selector.Labels)
		}
		for _, key := range failoverLabels(snap.Mesh, d) {
			out[key] = true
		}
	}
	for _, s := range snap.Sidecars {
		if s.Selector != nil {
			add(s.Selector.Labels)
		}
	}
	for _, p := range snap.Patches {
		add(p.Selector.Labels)
	}
	return out
}

// direction is that of its calls.
func (c class) direction() direction {
	if c.gateway {
		return gateway
	}
	return outbound
}

// client is a proxy of the class, as far as rules ask.
func (c class) client() model.Workload {
	return model.Workload{Namespace: c.namespace, Labels: c.labels, Gateway: c.gateway, Locality: c.locality}
}

// shared is what the proxies of a class have in common.
type shared struct {
	parts       []*Part
	connections *connections // nil at a gateway
	outbound    model.OutboundMode
	sidecar     *model.Sidecar
	egressTo    *model.Destination // of calls to unknown hosts; nil: where they ask for
	httpPorts   []uint32           // that are called, where traffic is redirected
	headless    []headlessPort
}

// keptFor is what was made for a class before.
func (r *round) keptFor(key string) *kept {
	k, ok := r.classes[key]
	if !ok {
		k = &kept{}
		r.classes[key] = k
	}
	k.used = true
	return k
}

func (r *round) shared(c class, k *kept) shared {
	clusters, endpoints := r.serviceParts(c, k)
	out := shared{parts: []*Part{clusters, endpoints}}
	if !c.gateway {
		with := k.connections.get(r.Compiler, r.revision, func() connectionParts {
			list, slots := r.connections(c)
			return connectionParts{list, slots}
		})
		out.connections = with.connections
		out.outbound, out.egressTo = r.scope(c).Outbound(r.mesh)
		out.sidecar = c.sidecar
		out.parts = append(out.parts, r.sidecarHosts(c, k), with.slots)
		if c.redirect {
			out.httpPorts, out.headless = r.httpPorts(c), r.headless(c)
		}
	}
	return out
}

func loopback(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.IsLoopback()
}

// credentialNamespace is where a policy's credentials are looked up: the
// caller's namespace; "" where it names none.
func credentialNamespace(p *model.DestinationPolicy, caller string) string {
	for _, t := range policies(p) {
		if t.TLS != nil && t.TLS.Credential != "" {
			return caller
		}
	}
	return ""
}

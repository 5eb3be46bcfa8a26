package translate

import (
	"net/netip"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// redirectedDomains are the virtual hosts of each port that is called: what a
// host is called, whatever port it says. Full names win over short ones.
func redirectedDomains(in domainsInput) *domains {
	var out []sidecarHost
	taken := map[uint32]map[string]bool{}
	at := func(port uint32) map[string]bool {
		if taken[port] == nil {
			taken[port] = map[string]bool{"*": true}
		}
		return taken[port]
	}
	for _, s := range in.services {
		for _, port := range s.Ports {
			if port.Protocol.MayBeHTTP() {
				out = append(out, sidecarHost{service: s, host: s.Host, port: port, domains: claim(at(port.Number), []string{s.Host})})
			}
		}
	}
	for i, h := range out {
		names := append(hostNames(h.service, in.namespace), h.service.VirtualAddresses()...)
		out[i].domains = append(h.domains, claim(at(h.port.Number), names)...)
	}
	for _, host := range in.hosts {
		covers := func(s *model.Service) bool { return model.HostMatches(host, s.Host) }
		if slices.ContainsFunc(in.services, covers) {
			continue
		}
		if domains := claim(at(httpPort), []string{host}); len(domains) > 0 {
			out = append(out, sidecarHost{host: host, port: model.Port{Number: httpPort, Protocol: model.HTTP}, domains: domains})
		}
	}
	return &domains{slices.DeleteFunc(out, func(h sidecarHost) bool { return len(h.domains) == 0 })}
}

// httpPorts are those that requests are called at.
func (r *round) httpPorts(c class) []uint32 {
	known := r.scope(c)
	var out []uint32
	for _, h := range r.domains.of(domainsInput{namespace: c.namespace, services: known.called, hosts: r.tables.imported(known, c.namespace).hosts, redirect: true}).list {
		out = append(out, h.port.Number)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// headlessPort is a port of a headless service, which is told by the addresses
// of its endpoints.
type headlessPort struct {
	chain     string
	addresses []string
}

func (r *round) headless(c class) []headlessPort {
	var out []headlessPort
	for _, s := range r.scope(c).called {
		if !s.Headless {
			continue
		}
		var addresses []string
		for _, e := range r.eps.Of(s.Key()) {
			if a, err := netip.ParseAddr(e.Address); err == nil {
				addresses = append(addresses, a.String())
			}
		}
		slices.Sort(addresses)
		for _, port := range s.Ports {
			if !port.Protocol.IsHTTP() && len(addresses) > 0 {
				out = append(out, headlessPort{tcpListener(port.Number, s.Host), slices.Compact(addresses)})
			}
		}
	}
	return out
}

// complainOfPorts reports services that are told by nothing but a port that
// another one has first.
func complainOfPorts(r *report, services []*model.Service, list []connection) {
	first := map[uint32]string{}
	for _, s := range services {
		for _, port := range s.Ports {
			at := slices.IndexFunc(list, func(c connection) bool { return c.chain == tcpListener(port.Number, s.Host) })
			if at < 0 || !list[at].atAnyAddress() || port.Protocol.IsTLS() {
				continue
			}
			if other := first[port.Number]; other != "" {
				r.problem(model.Warning, model.CodePort, s.Object, "spec.addresses",
					"nothing tells connections to "+s.Host+" from those to "+other+" on the same port: they go there", "give it addresses, or another port")
				continue
			}
			first[port.Number] = s.Host
		}
	}
}

package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// domainsInput is what decides by which names a sidecar's hosts are called.
type domainsInput struct {
	namespace string
	services  []*model.Service
	hosts     []string // of route tables
	redirect  bool     // the port is the connection's, and not in the name
}

// domains are the virtual hosts of a sidecar, without their routes.
type domains struct{ list []sidecarHost }

// sidecarHost is one of them.
type sidecarHost struct {
	service *model.Service // nil: only route tables know the host
	host    string
	port    model.Port
	domains []string
}

// sidecarDomains lists them; no domain is in two. Full names win over short ones.
func sidecarDomains(in domainsInput) *domains {
	if in.redirect {
		return redirectedDomains(in)
	}
	var out []sidecarHost
	taken := map[string]bool{"*": true}
	for _, s := range in.services {
		for _, port := range s.Ports {
			out = append(out, sidecarHost{service: s, host: s.Host, port: port, domains: claim(taken, withPort([]string{s.Host}, s, port))})
		}
	}
	for i, h := range out {
		out[i].domains = append(h.domains, claim(taken, VirtualHostDomains(h.service, h.port, in.namespace))...)
	}
	for _, host := range in.hosts {
		covers := func(s *model.Service) bool { return model.HostMatches(host, s.Host) }
		if taken[host] || slices.ContainsFunc(in.services, covers) {
			continue
		}
		if domains := claim(taken, []string{host, host + ":80"}); len(domains) > 0 {
			out = append(out, sidecarHost{host: host, port: model.Port{Number: httpPort, Protocol: model.HTTP}, domains: domains})
		}
	}
	return &domains{slices.DeleteFunc(out, func(h sidecarHost) bool { return len(h.domains) == 0 })}
}

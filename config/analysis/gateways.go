package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// conflictingServers looks for servers of one port that take the same host on
// the same workload: one of them answers, whatever the other says.
func conflictingServers(r *run) {
	for i, a := range r.Snapshot.Gateways {
		for j, b := range r.Snapshot.Gateways[:i+1] {
			if i != j && !r.together(a, b) {
				continue
			}
			for k, s := range a.Servers {
				for l, o := range b.Servers {
					if i == j && l >= k {
						break
					}
					if host := sharedHost(s, o); host != "" && s.Port == o.Port && s.Bind == o.Bind {
						r.warn(a.Object, model.CodeGatewayConflict, item("spec.servers", k)+".hosts", "let one server have the host",
							"%s of %s takes %s on port %d already", item("spec.servers", l), b.Object, host, s.Port)
					}
				}
			}
		}
	}
}

// together tells whether two Gateways are for one workload.
func (r *run) together(a, b *model.Gateway) bool {
	known := false
	for _, w := range r.Snapshot.Workloads {
		if w.Gateway {
			known = true
			if a.Selector.Matches(w) && b.Selector.Matches(w) {
				return true
			}
		}
	}
	return !known && a.Selector.Namespace == b.Selector.Namespace && maps.Equal(a.Selector.Labels, b.Selector.Labels)
}

func sharedHost(a, b model.GatewayServer) string {
	for i, h := range a.Hosts {
		for j, o := range b.Hosts {
			x, y := a.Namespaces[i], b.Namespaces[j]
			if h == o && (x == "" || y == "" || x == y) {
				return h
			}
		}
	}
	return ""
}

// sharedCertificates looks for certificates that two Gateways of one workload
// use: an HTTP/2 client uses one connection for hosts of both, and gets 404s.
func sharedCertificates(r *run) {
	for i, a := range r.Snapshot.Gateways {
		for _, b := range r.Snapshot.Gateways[:i] {
			if !r.together(a, b) {
				continue
			}
			for k, s := range a.Servers {
				for _, o := range b.Servers {
					if c := sharedCertificate(s, o); c != "" && s.Port == o.Port && sharedHost(s, o) == "" {
						r.warn(a.Object, model.CodeSharedCertificate, item("spec.servers", k)+".tls", "let one Gateway have all hosts of the certificate",
							"%s has the certificate %s too: clients that use one HTTP/2 connection for both get 404s", b.Object, c)
					}
				}
			}
		}
	}
}

func sharedCertificate(a, b model.GatewayServer) string {
	if a.TLS == nil || b.TLS == nil {
		return ""
	}
	for _, c := range a.TLS.Credentials {
		if slices.Contains(b.TLS.Credentials, c) {
			return c
		}
	}
	for _, c := range a.TLS.Certificates {
		if slices.Contains(b.TLS.Certificates, c) {
			return c.Certificate
		}
	}
	return ""
}

// sidecars looks for Sidecars that select one workload, or one namespace: one
// of them counts.
func sidecars(r *run) {
	for i, a := range r.Snapshot.Sidecars {
		for _, b := range r.Snapshot.Sidecars[:i] {
			if a.Object.Namespace != b.Object.Namespace || (a.Selector == nil) != (b.Selector == nil) {
				continue
			}
			if a.Selector == nil {
				r.warn(a.Object, model.CodeSidecarTwice, "spec", "merge the two, or let them select by labels", "%s is for all of the namespace already: that one counts", b.Object)
				continue
			}
			if both := r.selectedByBoth(a, b); both != "" {
				r.warn(a.Object, model.CodeSidecarConflict, "spec.workloadSelector", "let each select its own", "%s selects %s already: that one counts", b.Object, both)
			}
		}
	}
}

func (r *run) selectedByBoth(a, b *model.Sidecar) string {
	for _, w := range r.Snapshot.Workloads {
		if w.Namespace == a.Object.Namespace && model.HasLabels(w.Labels, a.Selector.Labels) && model.HasLabels(w.Labels, b.Selector.Labels) {
			return w.ID()
		}
	}
	return ""
}

// portNames tells of ports whose protocol nobody said: it is guessed, at the
// cost of a look at the first bytes.
func portNames(r *run) {
	for _, s := range r.Snapshot.Services {
		for _, p := range s.Ports {
			if p.Protocol == model.Auto {
				r.inform(s.Object, model.CodePortName, "spec.ports", `begin its name with the protocol ("http-`+p.Name+`"), or give appProtocol`,
					"port %d (%s) of %s does not say its protocol: it is recognized by the first bytes", p.Number, p.Name, s.Host)
			}
		}
	}
}

// sharedPorts looks for workloads behind services that give one of their ports
// different protocols.
func sharedPorts(r *run) {
	type port struct {
		workload string
		number   uint32
	}
	said := map[port]map[model.Protocol]string{}
	for _, s := range r.Snapshot.Services {
		for _, ep := range r.Endpoints.Of(s.Key()) {
			for _, p := range s.Ports {
				at := port{ep.Workload, ep.PortFor(p)}
				if ep.Workload == "" || p.Protocol == model.Auto || said[at][p.Protocol] != "" {
					continue
				}
				if said[at] == nil {
					said[at] = map[model.Protocol]string{}
				}
				said[at][p.Protocol] = s.Host
				if len(said[at]) == 2 {
					var all []string
					for _, q := range slices.Sorted(maps.Keys(said[at])) {
						all = append(all, fmt.Sprintf("%s (%s)", said[at][q], q))
					}
					r.warn(s.Object, model.CodePortProtocols, "spec.ports", "let all services of a workload say one protocol",
						"port %d of %s has different protocols: %s", at.number, at.workload, strings.Join(all, ", "))
				}
			}
		}
	}
}

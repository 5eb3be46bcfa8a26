package analysis

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// joinedHosts looks at gateway hosts that several VirtualServices route: their
// rules are joined, the oldest object's first, and those for everything last.
func joinedHosts(r *run) {
	told := map[string]bool{}
	for _, host := range r.gatewayHosts() {
		var before []rule
		for _, t := range r.Snapshot.Routes {
			e := r.entries[t.Object]
			if e == nil || !slices.Contains(t.Gateways, host.gateway) || !slices.Contains(t.Hosts, host.host) {
				continue
			}
			own := forGateway(rulesOf(e, t.Gateways), host.gateway)
			for _, one := range own {
				id := one.object.String() + one.field
				if other := takenBefore(one, before); other != nil && !told[id] {
					told[id] = true
					r.warn(one.object, model.CodeUnreachable, one.field, "merge the two, or let them match different requests",
						"no request to %s by the gateway %s gets here: %s of %s comes first, and takes them all", host.host, host.gateway, other.field, other.object)
				}
			}
			before = append(before, own...)
		}
	}
}

// gatewayHost is a host that routes of a gateway have.
type gatewayHost struct{ gateway, host string }

func (r *run) gatewayHosts() []gatewayHost {
	var out []gatewayHost
	seen := map[gatewayHost]bool{}
	for _, t := range r.Snapshot.Routes {
		for _, g := range t.Gateways {
			for _, h := range t.Hosts {
				if at := (gatewayHost{g, h}); g != model.MeshGateway && !seen[at] {
					seen[at] = true
					out = append(out, at)
				}
			}
		}
	}
	return out
}

// forGateway keeps the matches that hold for a gateway, and the rules that
// have some.
func forGateway(rules []rule, gateway string) []rule {
	var out []rule
	for _, one := range rules {
		one.matches = slices.DeleteFunc(slices.Clone(one.matches), func(m model.HTTPMatch) bool { return !slices.Contains(m.Gateways, gateway) })
		for i := range one.matches {
			one.matches[i].Gateways = nil
		}
		if len(one.matches) > 0 {
			out = append(out, one)
		}
	}
	return out
}

// takenBefore finds a rule of an older object that leaves nothing to this one.
// One for everything comes after all that ask for something.
func takenBefore(one rule, before []rule) *rule {
	var by *rule
	for _, m := range one.matches {
		list := before
		if !catchAll(m) {
			list = slices.DeleteFunc(slices.Clone(before), func(b rule) bool { return slices.ContainsFunc(b.matches, catchAll) })
		}
		if by = coveredBy(m, list); by == nil {
			return nil
		}
	}
	return by
}

func catchAll(m model.HTTPMatch) bool {
	m.Gateways = nil
	return covers(m, model.HTTPMatch{})
}

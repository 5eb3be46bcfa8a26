package translate

import (
	"slices"

	"github.com/krater-mesh/krater/model"
)

// kept is what was made for a class, from one snapshot to the next.
type kept struct {
	calls       piece[[]callee]
	hosts       piece[*Part]
	connections piece[connectionParts]
	services    []keptService // of the calls, in their order
	joined      piece[*Part]  // clusters
	inputs      map[hostKey]keptHost
	inputsOf    revision // of them, but for routes
	used        bool     // in this round
}

// callee is how a class calls a service.
type callee struct {
	service   *model.Service
	policy    *model.DestinationPolicy
	from      caller
	namespace string // whose credentials are used
	patches   patches
}

// keptService is a service's parts, and the endpoints they were made for.
type keptService struct {
	found               *model.ServiceEndpoints
	clusters, endpoints *made[*Part]
}

type connectionParts struct {
	connections *connections
	slots       *Part
}

type hostKey struct {
	host string
	port uint32
}

// keptHost is a virtual host's part, and what of it may change with routes.
type keptHost struct {
	of     sidecarHost
	tables []*model.RouteTable
	part   *made[*Part]
}

// callsOf is how a class calls the services that it knows.
func (r *round) callsOf(c class, k *kept) []callee {
	return k.calls.get(r.Compiler, r.revision.calls(c.sidecar), func() []callee {
		k.services = nil
		var out []callee
		client := c.client()
		patches := patchesFor(r.snap, client).of(c.direction(), patchCluster)
		for _, s := range r.scope(c).services {
			policy := r.snap.DestinationFor(s, client)
			out = append(out, callee{s, policy, callerOf(&client, r.mesh, policy), credentialNamespace(policy, c.namespace), patches.forService(s.Host)})
		}
		return out
	})
}

// serviceParts are the clusters and endpoints of all services: those whose
// endpoints and calls are as before are kept.
func (r *round) serviceParts(c class, k *kept) (clusters, endpoints *Part) {
	calls := r.callsOf(c, k)
	fresh := len(k.services) == 0
	if fresh {
		k.services = make([]keptService, len(calls))
	}
	changed := fresh
	var all joinInput
	for i, call := range calls {
		found, s := r.eps.Find(call.service.Key()), &k.services[i]
		if fresh || s.found != found {
			was := s.clusters
			*s = keptService{found: found,
				clusters: r.clusters.ask(clusterInput{mesh: r.mesh, noIdentity: r.opt.NoIdentity, accounts: r.accounts(call, found), service: call.service, policy: call.policy,
					named: ownEndpoints(call.service, found), namespace: call.namespace, caller: call.from, patches: call.patches,
					source: !c.local || fromOwnAddress(call.service, found), redirect: c.redirect, allMTLS: c.redirect && call.service.Headless && allMTLS(found)}),
				endpoints: r.endpoints.ask(endpointsInput{service: call.service, policy: call.policy, endpoints: found, mesh: r.mesh, caller: call.from}),
			}
			changed = changed || s.clusters != was
		}
		s.clusters.keep()
		s.endpoints.keep()
		all.parts = append(all.parts, s.endpoints.out)
	}
	if changed {
		k.joined.made = false
	}
	clusters = k.joined.get(r.Compiler, revision{}, func() *Part {
		var all joinInput
		for _, s := range k.services {
			all.parts = append(all.parts, s.clusters.out)
		}
		return r.joined.of(all)
	})
	return clusters, r.joined.of(all)
}

// host makes a virtual host's part; where only routes changed, and none of its
// own, it is the one before.
func (r *round) host(c class, k *kept, h sidecarHost, tables []*model.RouteTable) *Part {
	key := hostKey{h.host, h.port.Number}
	was, ok := k.inputs[key]
	if !ok || was.of.service != h.service || was.of.port != h.port || !slices.Equal(was.of.domains, h.domains) || !slices.Equal(was.tables, tables) {
		routes := listenerOutbound
		if c.redirect {
			routes = portListenerName(h.port.Number)
		}
		in := hostInput{mesh: r.mesh, routes: routes, host: h.host, port: h.port, domains: h.domains, service: h.service,
			tables: tables, gateways: []string{model.MeshGateway}, namespace: askedNamespace(tables, c.namespace), connect: !c.redirect}
		r.addCaller(&in, c)
		was = keptHost{h, tables, r.hosts.ask(in)}
		k.inputs[key] = was
	}
	was.part.keep()
	r.notes.uses = append(r.notes.uses, was.part)
	return was.part.out
}

// askedNamespace is the caller's, where routes of tables ask for it.
func askedNamespace(tables []*model.RouteTable, caller string) string {
	for _, t := range tables {
		for _, route := range t.HTTP {
			if slices.ContainsFunc(route.Matches, func(m model.HTTPMatch) bool { return m.SourceNamespace != "" }) {
				return caller
			}
		}
	}
	return ""
}

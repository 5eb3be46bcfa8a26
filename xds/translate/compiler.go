package translate

import (
	"maps"
	"reflect"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// Compiler translates one snapshot after the other for many proxies. What its
// generators were asked before they are not asked again, so an edit costs what
// it changes, and proxies of one class share what they have in common. It is
// used by one goroutine.
type Compiler struct {
	opt       Options
	clusters  *generator[clusterInput, *Part]
	endpoints *generator[endpointsInput, *Part]
	domains   *generator[domainsInput, *domains]
	hosts     *generator[hostInput, *Part]
	own       *generator[view, *Part]
	secrets   *generator[secretInput, *Part]
	joined    *generator[joinInput, *Part]
	trimmed   *generator[trimInput, *model.Service]
	calls     *generator[connectionsInput, *sidecarConnections]
	lists     *generator[connections, *connections]
	tcp       *generator[tcpInput, *Part]
	plans     *generator[planInput, *gatewayPlan]
	planned   *generator[plannedListeners, *plannedListeners]
	locals    *generator[localInput, *Part]
	passed    *generator[passedInput, *Part]
	dryRuns   *generator[dryRunInput, *Part]

	mesh      *model.Mesh
	workloads map[string]*model.Workload // by ID
	last      *model.Snapshot
	revision  revision
	scopes    map[scopeKey]*piece[*scope]
	classes   map[string]*kept // by the class's identity
	notes     *notes
}

// NewCompiler makes a compiler that knows nothing yet.
func NewCompiler(o Options) *Compiler {
	n := &notes{}
	return &Compiler{opt: o, workloads: map[string]*model.Workload{}, notes: n,
		scopes: map[scopeKey]*piece[*scope]{}, classes: map[string]*kept{},
		clusters: newGenerator(n, serviceClusters), endpoints: newGenerator(n, serviceEndpoints),
		domains: newGenerator(n, sidecarDomains), hosts: newGenerator(n, virtualHost),
		own: newGenerator(n, ownPart), secrets: newGenerator(n, secretPart), joined: newGenerator(n, join), trimmed: newGenerator(n, trim),
		calls: newGenerator(n, connectionsOf), lists: newGenerator(n, one[connections]), tcp: newGenerator(n, tcpPart),
		plans: newGenerator(n, planGateway), planned: newGenerator(n, one[plannedListeners]), locals: newGenerator(n, localPart), passed: newGenerator(n, passedPart),
		dryRuns: newGenerator(n, dryRunPart)}
}

// Part is a share of a proxy's resources. It never changes: the same pointer
// is the same content, and several proxies may have it.
type Part struct {
	Resources
	problems model.Problems
	secrets  []secretUse // that the resources refer to
}

// Result is what one proxy gets: parts of which no two have a resource in
// common.
type Result struct {
	Parts    []*Part
	Problems model.Problems
}

// Resources are those of all parts, as one.
func (r Result) Resources() Resources {
	var out Resources
	for _, p := range r.Parts {
		out.add(p.Resources)
	}
	out.sort()
	return out
}

// Compile gives what each workload's proxy gets, by workload ID. A filter that
// has a rollout is in each proxy as its state says, every other as declared.
func (c *Compiler) Compile(snap *model.Snapshot, eps model.Endpoints, workloads []model.Workload, rollouts ...model.RolloutState) map[string]Result {
	sameMesh := c.mesh != nil && reflect.DeepEqual(*c.mesh, snap.Mesh)
	if !sameMesh {
		mesh := snap.Mesh
		c.mesh = &mesh
	}
	c.revise(snap, sameMesh)
	for _, k := range c.classes {
		k.used = false
	}
	r := c.round(snap, eps)
	r.rollouts = rollouts
	known := c.workloads
	c.workloads = make(map[string]*model.Workload, len(workloads))
	out := make(map[string]Result, len(workloads))
	for _, w := range workloads {
		c.workloads[w.ID()] = same(known[w.ID()], w)
		out[w.ID()] = r.proxy(c.workloads[w.ID()])
	}
	for _, g := range []interface{ sweep() }{c.clusters, c.endpoints, c.domains, c.hosts, c.own, c.secrets, c.joined, c.trimmed, c.calls, c.lists, c.tcp, c.plans, c.planned, c.locals, c.passed, c.dryRuns} {
		g.sweep()
	}
	c.notes.uses = nil
	maps.DeleteFunc(c.classes, func(_ string, k *kept) bool { return !k.used })
	maps.DeleteFunc(c.scopes, func(k scopeKey, _ *piece[*scope]) bool { return !r.scoped[k] })
	return out
}

// same keeps the pointer of a workload that did not change.
func same(known *model.Workload, w model.Workload) *model.Workload {
	if known != nil && reflect.DeepEqual(*known, w) {
		return known
	}
	return &w
}

// round is the compilation of one snapshot.
type round struct {
	*Compiler
	snap   *model.Snapshot
	eps    model.Endpoints
	tables *tables
	asked  map[string]bool
	scoped map[scopeKey]bool // those that were asked for
	shares map[string]shared // by the class's identity
	// rollouts are those under way.
	rollouts []model.RolloutState
}

func (c *Compiler) round(snap *model.Snapshot, eps model.Endpoints) *round {
	return &round{Compiler: c, snap: snap, eps: eps, tables: newTables(snap), asked: asked(snap),
		scoped: map[scopeKey]bool{}, shares: map[string]shared{}}
}

// proxy compiles one workload's proxy.
func (r *round) proxy(w *model.Workload) Result {
	class := r.classOf(w)
	key := identity(class)
	shared, ok := r.shares[key]
	if !ok {
		shared = r.shared(class, r.keptFor(key))
		r.shares[key] = shared
	}
	out := Result{Parts: slices.Clone(shared.parts)}
	var listeners *plannedListeners
	if w.Gateway {
		plan := r.plan(w)
		listeners = r.planned.of(plannedListeners{plan.listeners})
		out.Parts = append(out.Parts, r.gatewayHosts(plan, w, class))
	}
	if class.sidecar != nil {
		out.Parts = append(out.Parts, r.egressHosts(class, w))
	}
	v := r.view(w, shared, listeners)
	out.Parts = append(out.Parts, r.own.of(v))
	if p := r.dryRunClusters(v, out.Parts); p != nil {
		out.Parts = append(out.Parts, p)
	}
	out.Parts = append(out.Parts, r.local(w), r.secretsOf(out.Parts))
	for _, p := range out.Parts {
		for _, problem := range p.problems {
			problem.Origin = r.snap.Origin(problem.Object)
			if !slices.Contains(out.Problems, problem) {
				out.Problems = append(out.Problems, problem)
			}
		}
	}
	out.Problems = out.Problems.Sorted()
	return out
}

// joinInput are parts that are to be one.
type joinInput struct{ parts []*Part }

// join makes one part of several.
func join(in joinInput) *Part {
	out := &Part{}
	for _, p := range in.parts {
		out.add(p.Resources)
		out.problems = append(out.problems, p.problems...)
		out.secrets = append(out.secrets, p.secrets...)
	}
	out.sort()
	return out
}

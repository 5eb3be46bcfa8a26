// Package envoyrunner sends requests to policies in a real Envoy, as
// xds/translate has it enforce them: one Envoy serves many policies, each on a
// listener of its own, and asks a real policyd in this process. It never
// decides, and never mends a request: what a case says is what is sent.
package envoyrunner

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// Runner is one Envoy with its control plane, its policyd and the application
// behind it.
type Runner struct {
	Envoy *harness.Envoy

	t        testing.TB
	plane    *harness.Plane
	compiler *translate.Compiler
	policyd  *asked
	app      *application
	tokens   *tokens
	callers  *callers
	network  string // "127.a."
	sent     atomic.Int64
	mesh     model.Mesh
	// listeners are those in force.
	listeners map[string]*listenerv3.Listener
}

const node = "default/policies"

// Start runs them all until the test ends. No policy is in force yet.
func Start(t testing.TB, o translate.Options) *Runner {
	t.Helper()
	r := &Runner{t: t, plane: harness.NewPlane(t), compiler: translate.NewCompiler(o),
		app: serveApplication(t), tokens: newTokens(t), callers: newCallers(t), network: freeNetwork(t),
		mesh: model.Mesh{Name: "m", Domain: "cluster.local", TrustDomain: harness.TrustDomain, RootNamespace: "istio-system",
			NormalizePath: true, Retries: model.Retries{Attempts: 2}}}
	socket := filepath.Join(harness.ShortTemp(t), "policyd.sock")
	r.policyd = servePolicyd(t, socket)
	admin := harness.FreePort(t)
	r.plane.Offer(t, node, translate.Resources{}.Set())
	r.Envoy = harness.StartEnvoy(t, fmt.Appendf(nil, bootstrap, node, admin, strings.TrimPrefix(r.plane.Socket, "unix:"), socket), admin)
	return r
}

// Publish puts these units in force, and nothing else: the i-th is Send's i.
// It returns when policyd and Envoy have them all. What translation or policyd
// say of them is returned; what Envoy refuses fails the test.
func (r *Runner) Publish(units ...Unit) model.Problems {
	r.t.Helper()
	snap := r.snapshot(units)
	problems := r.policyd.server.SetPolicies(values(snap.Rego))
	listeners, clusters := []*listenerv3.Listener{}, map[string]*clusterv3.Cluster{}
	compiled := r.compiler.Compile(snap, nil, snap.Workloads)
	for _, w := range snap.Workloads {
		c := compiled[w.ID()]
		problems = append(problems, c.Problems...)
		inlined, err := r.inline(c.Resources())
		if err != nil {
			r.t.Fatal(err)
		}
		listeners = append(listeners, inlined.Listeners...)
		for _, c := range inlined.Clusters { // all lead to the same application
			clusters[c.Name] = c
		}
	}
	r.put(listeners, clusters)
	for i := range units {
		r.reachable(i)
	}
	return problems
}

// atOnce is how many listeners Envoy is sent together: while it makes them it
// answers nobody, and a control plane takes one that is silent for dead.
const atOnce = 60

// put sends listeners to Envoy, in parts, and takes away what is not among them.
func (r *Runner) put(listeners []*listenerv3.Listener, clusters map[string]*clusterv3.Cluster) {
	r.t.Helper()
	next := map[string]*listenerv3.Listener{}
	for _, l := range listeners {
		if before := r.listeners[l.Name]; before != nil {
			next[l.Name] = before
		}
	}
	for done := 0; done == 0 || done < len(listeners); done += atOnce {
		for _, l := range listeners[done:min(done+atOnce, len(listeners))] {
			next[l.Name] = l
		}
		set := translate.Resources{Listeners: slices.Collect(maps.Values(next)), Clusters: slices.Collect(maps.Values(clusters))}.Set()
		for _, e := range r.plane.Publish(r.t, node, set) {
			r.t.Fatalf("Envoy refuses what was translated: %+v", e)
		}
	}
	r.listeners = next
}

// reachable waits for a unit's listener: Envoy acknowledges it before it binds it.
func (r *Runner) reachable(unit int) {
	r.t.Helper()
	harness.Until(r.t, 20*time.Second, fmt.Sprintf("the listener of unit %d", unit), func() error {
		conn, err := net.Dial("tcp", net.JoinHostPort(r.address(unit), strconv.Itoa(Port)))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// Mesh changes what is the same for all units, from the next Publish on.
func (r *Runner) Mesh(change func(*model.Mesh)) { change(&r.mesh) }

// Stat reads one of Envoy's counters; 0 where there is none.
func (r *Runner) Stat(name string) string { return r.Envoy.Stat(r.t, name) }

func values(in []*model.RegoPolicy) []model.RegoPolicy {
	out := make([]model.RegoPolicy, len(in))
	for i, p := range in {
		out[i] = *p
	}
	return out
}

const bootstrap = `
node: {id: %s, cluster: test}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: krater-controlplane}}]
  cds_config: {ads: {}, resource_api_version: V3}
  lds_config: {ads: {}, resource_api_version: V3}
bootstrap_extensions:
- {name: envoy.bootstrap.internal_listener, typed_config: {"@type": type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener}}
static_resources:
  clusters:
  - name: krater-controlplane
    typed_extension_protocol_options: &h2
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: krater-controlplane, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: %s}}}}]}]}
  - name: krater-policyd
    typed_extension_protocol_options: *h2
    load_assignment: {cluster_name: krater-policyd, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: %s}}}}]}]}
`

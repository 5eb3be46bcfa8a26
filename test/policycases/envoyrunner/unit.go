package envoyrunner

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// Unit is one workload, and what decides about its requests. Selectors and
// namespaces of policies are the runner's: each applies to its unit alone.
type Unit struct {
	Rego          []model.RegoPolicy // in the order of the snapshot
	Authorization []model.AuthorizationPolicy
	Attributes    []model.AttributeSet
	Ports         []uint32 // that it serves; none: 9080
}

// Port is the one that a request goes to where it names none.
const Port = 9080

// namespace is where a unit's policies are.
func namespace(unit int) string { return fmt.Sprintf("u%d", unit) }

// address is where a unit listens.
func (r *Runner) address(unit int) string {
	return fmt.Sprintf("%s%d.%d", r.network, unit/250, 1+unit%250)
}

// snapshot is a mesh of one workload for each unit.
func (r *Runner) snapshot(units []Unit) *model.Snapshot {
	mesh := r.mesh
	snap := &model.Snapshot{Mesh: mesh}
	for i, u := range units {
		w := model.Workload{Namespace: namespace(i), Name: "w", Labels: map[string]string{"app": "w"}, Address: r.address(i)}
		ports := u.Ports
		if !slices.Contains(ports, Port) {
			ports = append(slices.Clone(ports), Port)
		}
		for _, n := range ports {
			w.Ports = append(w.Ports, model.WorkloadPort{Number: n, AppPort: r.app.port, Name: fmt.Sprintf("http-%d", n), Protocol: model.HTTP})
		}
		snap.Workloads = append(snap.Workloads, w)
		selector := model.Selector{Namespace: namespace(i)}
		for _, p := range u.Rego {
			p.Object.Kind, p.Object.Namespace, p.Selector = "RegoPolicy", namespace(i), selector
			snap.Rego = append(snap.Rego, &p)
		}
		for _, p := range u.Authorization {
			p.Object.Kind, p.Object.Namespace, p.Selector = "AuthorizationPolicy", namespace(i), selector
			snap.Authorization = append(snap.Authorization, &p)
		}
		for _, a := range u.Attributes {
			a.Object.Namespace, a.Selector = namespace(i), selector
			snap.Attributes = append(snap.Attributes, &a)
		}
	}
	snap.Seal()
	return snap
}

// inline keeps what a unit's callers meet: its inbound listeners, with all
// that is in their slots, and the clusters behind them. Thousands of slots that
// come one by one would cost minutes. Where nothing verifies tokens, the
// runner does.
func (r *Runner) inline(one translate.Resources) (*bootstrapv3.Bootstrap_StaticResources, error) {
	one.Listeners = slices.DeleteFunc(slices.Clone(one.Listeners), func(l *listenerv3.Listener) bool {
		return l.TrafficDirection != corev3.TrafficDirection_INBOUND
	})
	one.Extensions = slices.Clone(one.Extensions)
	for i, e := range one.Extensions {
		if strings.HasSuffix(e.Name, "/authentication") && !holdsFilters(e) {
			verified, err := r.tokens.filter(e.Name)
			if err != nil {
				return nil, err
			}
			one.Extensions[i] = verified
		}
	}
	b, err := translate.StaticWithKeys(one, &bootstrapv3.Bootstrap{})
	if err != nil {
		return nil, err
	}
	return b.StaticResources, nil
}

func holdsFilters(e *corev3.TypedExtensionConfig) bool {
	var c filterchainv3.FilterChainConfig
	return e.GetTypedConfig().UnmarshalTo(&c) == nil && len(c.GetDefaultFilterChain().GetFilters()) > 0
}

// freeNetwork gives the beginning ("127.a.") of loopback addresses that nobody
// uses.
func freeNetwork(t testing.TB) string {
	t.Helper()
	for range 50 {
		network := fmt.Sprintf("127.%d.", 81+rand.IntN(170))
		l, err := net.Listen("tcp", fmt.Sprintf("%s0.1:%d", network, Port))
		if err == nil {
			l.Close()
			return network
		}
	}
	t.Fatal("no free loopback network")
	return ""
}

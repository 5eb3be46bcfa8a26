// Package draw makes random valid objects of Istio's networking kinds, in the
// form that YAML decodes to, from a seed: the same numbers give the same
// objects. Each reads without an error. Messages are walked field by field,
// so a field that Istio adds is drawn too.
package draw

import (
	"fmt"
	"math/rand/v2"
)

// Drawer draws.
type Drawer struct{ *rand.Rand }

// New gives the i-th drawer of a seed.
func New(seed uint64, i int) Drawer { return Drawer{rand.New(rand.NewPCG(seed, uint64(i)))} }

func (d Drawer) of(texts ...string) string { return texts[d.IntN(len(texts))] }

// chance is true so many times of a hundred.
func (d Drawer) chance(percent int) bool { return d.IntN(100) < percent }

// some gives one to n different texts.
func (d Drawer) some(n int, texts ...string) []any {
	var out []any
	for _, i := range d.Perm(len(texts))[:1+d.IntN(min(n, len(texts)))] {
		out = append(out, texts[i])
	}
	return out
}

// World is what drawn objects speak of.
type World struct {
	Namespace string // of the objects
	Services  []Service
	// Gateway selects the gateway's workloads; Ports are those that they have.
	Gateway map[string]string
	Ports   []uint32
	// Secrets have a certificate, a key and a CA. Certificate, Key and CA are files.
	Secrets              []string
	Certificate, Key, CA string
	// Callers are labels of workloads that call.
	Callers []map[string]string
}

// Service is one that routes go to. Its subsets are by the label version.
type Service struct {
	Host  string // as routes write it
	Ports []uint32
	TCP   bool // its ports speak no HTTP
}

// Shop is the mesh of test/trafficcases.
func Shop() World {
	return World{
		Namespace: "default",
		Services: []Service{
			{Host: "reviews", Ports: []uint32{9080}}, {Host: "ratings.default.svc.cluster.local", Ports: []uint32{9080}},
			{Host: "details", Ports: []uint32{80, 8443, 9090}}, {Host: "greeter", Ports: []uint32{9090}},
			{Host: "payments.ops.svc.cluster.local", Ports: []uint32{8080}}, {Host: "db", Ports: []uint32{5432, 5433}, TCP: true},
		},
		Gateway: map[string]string{"istio": "ingressgateway"}, Ports: []uint32{80, 443, 8090, 15443, 31400},
		Callers: []map[string]string{{"app": "web"}, {"app": "batch"}},
	}
}

// Objects draws a set that goes together: services from outside, gateways,
// rules of destinations, routes (some of them delegated), Sidecars.
func (d Drawer) Objects(w World) []any {
	var out []any
	for i := range d.IntN(3) {
		out = append(out, d.ServiceEntry(w, fmt.Sprintf("entry%d", i)))
	}
	if d.chance(40) {
		out = append(out, d.WorkloadEntry(w, "machine"))
	}
	for i := range d.IntN(3) {
		out = append(out, d.Gateway(w, fmt.Sprintf("gateway%d", i)))
	}
	for i := range d.IntN(4) {
		out = append(out, d.DestinationRule(w, fmt.Sprintf("rule%d", i)))
	}
	for i := range 1 + d.IntN(3) {
		out = append(out, d.VirtualServices(w, fmt.Sprintf("routes%d", i))...)
	}
	if d.chance(30) {
		out = append(out, d.Sidecar(w, "sidecar"))
	}
	return out
}

func (w World) object(kind, name string, spec map[string]any) map[string]any {
	return map[string]any{"apiVersion": "networking.istio.io/v1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": w.Namespace}, "spec": spec}
}

package snapshot_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/config/snapshot"
	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/crds"
)

// BenchmarkEdit is what one edit costs from its parsed object to the new
// snapshot, by the number of services: each has a ServiceEntry with ten
// endpoints, a VirtualService and a DestinationRule.
func BenchmarkEdit(b *testing.B) {
	for _, services := range []int{250, 1000, 4000} {
		for _, kind := range []string{"route", "endpoint", "destination", "policy", "new service"} {
			b.Run(fmt.Sprintf("%s/%d", kind, services), func(b *testing.B) {
				m := newBenchMesh(b, services)
				m.build(b)
				var used time.Duration
				for i := 0; b.Loop(); i++ {
					b.StopTimer()
					m.edit(kind, i)
					b.StartTimer()
					before := cpu()
					m.build(b)
					used += cpu() - before
				}
				b.ReportMetric(float64(used.Microseconds())/float64(b.N)/1000, "cpu-ms/op")
			})
		}
	}
}

// cpu is the processor time that the process has used, on all cores.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchMesh is a mesh with one object a file.
type benchMesh struct {
	st       *store.Store
	objects  []*crds.Object
	services int
	result   snapshot.Result
}

func newBenchMesh(t testing.TB, services int) *benchMesh {
	m := &benchMesh{st: open(t), services: services}
	mesh := "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m}\nspec:\n  workloads:\n"
	for i := range services / 5 {
		mesh += fmt.Sprintf("  - {name: w%d, namespace: ns%d, labels: {app: w%d}, ports: [{port: 9080}]}\n", i, i%10, i)
	}
	m.put(mesh)
	for i := range services {
		m.put(serviceText(i, 0))
		m.put(routeText(i, 0))
		m.put(destinationText(i, 0))
	}
	for i := range 20 {
		m.put(policyText(i, 0))
	}
	return m
}

// put adds an object, or replaces it.
func (m *benchMesh) put(text string) {
	name := text[strings.Index(text, "kind: "):strings.Index(text, "\nspec")]
	objects, complete, problems := crds.Parse(strings.ReplaceAll(name, "\n", " ")+".yaml", []byte(text))
	if !complete || len(problems) > 0 {
		panic(fmt.Sprint(problems, text))
	}
	for i, o := range m.objects {
		if o.Ref == objects[0].Ref {
			m.objects[i] = objects[0]
			return
		}
	}
	m.objects = append(m.objects, objects[0])
}

func (m *benchMesh) edit(kind string, i int) {
	one := (i * 37) % m.services
	switch kind {
	case "route":
		m.put(routeText(one, i+1))
	case "endpoint":
		m.put(serviceText(one, i+1))
	case "destination":
		m.put(destinationText(one, i+1))
	case "policy":
		m.put(policyText(one%20, i+1))
	default: // come and go, so that the mesh keeps its size
		if last := m.objects[len(m.objects)-1]; last.Ref.Kind == "ServiceEntry" && i > 0 {
			m.objects = m.objects[:len(m.objects)-1]
			return
		}
		m.put(serviceText(m.services+i, 0))
	}
}

func (m *benchMesh) build(t testing.TB) {
	applied := m.st.Apply(source.Listing{Objects: m.objects})
	m.result = snapshot.Build(applied.Candidates, snapshot.Options{WorkingDir: "/mesh", Previous: m.previous()})
	m.st.Commit(m.result.InForce)
	if m.result.Problems.HasErrors() {
		t.Fatal(m.result.Problems[0])
	}
}

func (m *benchMesh) previous() *snapshot.Result {
	if m.result.Snapshot == nil {
		return nil
	}
	r := m.result
	return &r
}

func serviceText(i, version int) string {
	out := fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: svc%d, namespace: ns%d}\nspec:\n"+
		"  hosts: [svc%d.ns%d.svc.cluster.local]\n  location: MESH_INTERNAL\n  resolution: STATIC\n"+
		"  ports: [{number: 9080, name: http, protocol: HTTP}]\n  endpoints:\n", i, i%10, i, i%10)
	for e := range 10 {
		out += fmt.Sprintf("  - {address: 10.%d.%d.%d, labels: {version: v%d}}\n", (i>>8)&0xff, i&0xff, e+10*(version%20)+1, e%2+1)
	}
	return out
}

func routeText(i, version int) string {
	host := fmt.Sprintf("svc%d.ns%d.svc.cluster.local", i, i%10)
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: svc%d, namespace: ns%d}\nspec:\n"+
		"  hosts: [%s]\n  http:\n  - match: [{headers: {end-user: {exact: user%d}}}]\n    route: [{destination: {host: %s, subset: v2}}]\n"+
		"  - route:\n    - {destination: {host: %s, subset: v1}, weight: %d}\n    - {destination: {host: %s, subset: v2}, weight: %d}\n",
		i, i%10, host, version, host, host, 100-version%100, host, version%100)
}

func destinationText(i, version int) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: svc%d, namespace: ns%d}\nspec:\n"+
		"  host: svc%d.ns%d.svc.cluster.local\n  trafficPolicy: {connectionPool: {tcp: {maxConnections: %d}}}\n"+
		"  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]\n", i, i%10, i, i%10, version+1)
}

func policyText(i, version int) string {
	return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p%d, namespace: ns%d}\nspec:\n"+
		"  selector: {matchLabels: {app: w%d}}\n  action: DENY\n  rules: [{to: [{operation: {paths: [/v%d]}}]}]\n", i, i%10, i, version)
}

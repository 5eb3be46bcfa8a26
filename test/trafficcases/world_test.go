package trafficcases_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/trafficcases"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// world holds the real proxies and the upstreams; each case is one edit of it.
type world struct {
	t         *testing.T
	network   string // "127.a.", instead of "127.80."
	modules   string
	certs     *certs
	names     *names
	upstreams *upstreams
	plane     *harness.Plane
	proxies   map[string]*proxy // by workload ID
	sent      int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, network: freeNetwork(t), modules: t.TempDir(), certs: newCerts(t), names: newNames(t), plane: harness.NewPlane(t), proxies: map[string]*proxy{}}
	w.upstreams = newUpstreams(t, w.certs, w.network)
	return w
}

// freeNetwork gives the beginning of loopback addresses that nobody uses.
func freeNetwork(t *testing.T) string {
	t.Helper()
	for range 50 {
		network := fmt.Sprintf("127.%d.", 81+rand.IntN(170))
		l, err := net.Listen("tcp", network+"0.2:15000")
		if err == nil {
			l.Close()
			return network
		}
	}
	t.Fatal("no free loopback network")
	return ""
}

// local gives a text the world's addresses.
func (w *world) local(text string) string { return strings.ReplaceAll(text, "127.80.", w.network) }

// built is a case's configuration, as the control plane has it.
type built struct {
	stages.Result
	builtin model.Module
}

// build takes the configuration through the stages, from files.
func (w *world) build(t *testing.T, config string, meshConfig map[string]any) built {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"case.yaml": w.certs.fill(w.local(config))}
	if !strings.Contains(config, "kind: Mesh\n") {
		files["mesh.yaml"] = w.local(meshWith(t, meshConfig))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st, err := stages.Open([]string{dir}, "", w.modules)
	if err != nil {
		t.Fatal(err)
	}
	result, err := st.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return built{result, st.Builtin()}
}

// meshWith is the common mesh with other settings.
func meshWith(t *testing.T, meshConfig map[string]any) string {
	t.Helper()
	text, err := os.ReadFile("mesh.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(meshConfig) == 0 {
		return string(text)
	}
	mesh := map[string]any{}
	if err := yaml.Unmarshal(text, &mesh); err != nil {
		t.Fatal(err)
	}
	mesh["spec"].(map[string]any)["meshConfig"] = meshConfig
	out, err := yaml.Marshal(mesh)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// translated is what a workload's proxy gets.
func (w *world) translated(b built, caller model.Workload) (serve.Set, model.Problems) {
	r, problems := translate.Translate(b.Snapshot, b.Endpoints, caller, translate.Options{ModuleDir: w.modules, Builtin: b.builtin})
	return r.Set(), problems
}

// proxy is the running one of a workload; the first set starts it.
func (w *world) proxy(workload model.Workload, first serve.Set) *proxy {
	if w.proxies[workload.ID()] == nil {
		w.proxies[workload.ID()] = startProxy(w.t, w.plane, workload, w.names.port, first)
	}
	return w.proxies[workload.ID()]
}

// callers are the workloads that a case's requests are sent from.
func callers(t *testing.T, c trafficcases.Case, s *model.Snapshot) (out []model.Workload) {
	t.Helper()
	for _, r := range c.Requests {
		caller, ok := s.Workload(from(r))
		if !ok {
			t.Fatalf("no workload is named %q", from(r))
		}
		if !slices.ContainsFunc(out, func(w model.Workload) bool { return w.ID() == caller.ID() }) {
			out = append(out, caller)
		}
	}
	return out
}

func from(r trafficcases.Request) string {
	if r.From == "" {
		return "web"
	}
	return r.From
}

// listen answers for every endpoint that is no proxy of ours, for what names
// resolve to, and for the applications of the callers.
func (w *world) listen(b built, real []model.Workload, resolved map[string][]string, asked []string) {
	names, at := map[string]string{}, map[string]bool{}
	for _, one := range b.Snapshot.Workloads {
		names[one.Address] = one.Name
	}
	add := func(ip, port string) {
		if strings.HasPrefix(ip, w.network) && !w.running(ip) && !slices.ContainsFunc(real, func(r model.Workload) bool { return r.Address == ip }) {
			at[net.JoinHostPort(ip, port)] = true
		}
	}
	ports := asked
	for _, svc := range b.Snapshot.Services {
		for _, port := range svc.Ports {
			ports = append(ports, fmt.Sprint(port.Number), fmt.Sprint(max(port.Number, port.TargetPort)))
			for _, e := range b.Endpoints.Of(svc.Key()) {
				add(e.Address, fmt.Sprint(e.PortFor(port)))
			}
		}
	}
	for _, ips := range resolved {
		for _, ip := range ips {
			for _, port := range ports {
				add(ip, port)
			}
		}
	}
	for _, r := range real {
		for _, p := range r.Ports {
			if !r.Gateway {
				at[fmt.Sprintf("127.0.0.1:%d", p.AppPort)] = true
			}
		}
		names["127.0.0.1"] = r.Name
	}
	w.upstreams.forget(names, b.Snapshot.Workloads)
	w.upstreams.serve(slices.Collect(maps.Keys(at)))
}

// running tells whether an address is that of a proxy that runs.
func (w *world) running(ip string) bool {
	for _, p := range w.proxies {
		if strings.Contains(p.Admin, "//"+ip+":") {
			return true
		}
	}
	return false
}

package mtls_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// matrix is the form of matrix.yaml.
type matrix struct {
	Servers []server `json:"servers"`
	Clients []client `json:"clients"`
}

// server is what PeerAuthentications of each level say; "": there is none.
type server struct {
	Name      string `json:"name"`
	Mesh      string `json:"mesh"`
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	Port      string `json:"port"`
	Takes     string `json:"takes"` // what it comes to
}

// client is a way to call, and what becomes of it by what the server takes.
type client struct {
	Name       string `json:"name"`
	NoAutoMTLS bool   `json:"noAutoMTLS"`
	Rule       string `json:"rule"`   // tls of the DestinationRule
	Direct     string `json:"direct"` // not by a sidecar: see direct
	ALPN       string `json:"alpn"`
	Permissive string `json:"PERMISSIVE"`
	Strict     string `json:"STRICT"`
	Disable    string `json:"DISABLE"`
}

func (c client) wants(takes string) string {
	return map[string]string{"PERMISSIVE": c.Permissive, "STRICT": c.Strict, "DISABLE": c.Disable}[takes]
}

func readMatrix(t *testing.T) matrix {
	t.Helper()
	text, err := os.ReadFile("matrix.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m matrix
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMatrix has every client call every server, over HTTP and TCP, with two
// real Envoys that get each pair as an edit.
func TestMatrix(t *testing.T) {
	m := readMatrix(t)
	w := newWorld(t)
	pairs := 0
	for _, s := range m.Servers {
		for _, c := range m.Clients {
			w.declare(config(s, c))
			for protocol, call := range map[string]func(client) string{"HTTP": w.callHTTP, "TCP": w.callTCP} {
				pairs++
				settled(t, fmt.Sprintf("%s, by %s to %s", protocol, c.Name, s.Name), c.wants(s.Takes), func() string { return call(c) })
			}
		}
	}
	if pairs < 400 {
		t.Errorf("%d pairs", pairs)
	}
}

// settled wants an outcome, once what was declared has reached the proxies'
// workers, and then again.
func settled(t *testing.T, what, want string, outcome func() string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if got = outcome(); got == want {
			break
		}
	}
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
		return
	}
	if want == "refused" {
		return // which takes its time
	}
	if got = outcome(); got != want {
		t.Errorf("%s: %s at first, then %s", what, want, got)
	}
}

// config is what a pair declares beside the mesh.
func config(s server, c client) string {
	var docs []string
	add := func(name, namespace, spec string) {
		docs = append(docs, fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", name, namespace, spec))
	}
	if s.Mesh != "" {
		add("mesh", "istio-system", "mtls: {mode: "+s.Mesh+"}")
	}
	if s.Namespace != "" {
		add("namespace", "shop", "mtls: {mode: "+s.Namespace+"}")
	}
	if s.Workload != "" {
		spec := "selector: {matchLabels: {app: server}}, mtls: {mode: " + s.Workload + "}"
		if s.Port != "" {
			spec += fmt.Sprintf(", portLevelMtls: {%d: {mode: %s}, %d: {mode: %s}}", portHTTP, s.Port, portTCP, s.Port)
		}
		add("workload", "shop", spec)
	}
	if c.Rule != "" {
		docs = append(docs, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: server, namespace: shop}\nspec: {host: server.shop.svc.cluster.local, trafficPolicy: {tls: {"+c.Rule+"}}}\n")
	}
	docs = append(docs, meshDocument(c.NoAutoMTLS))
	return strings.Join(docs, "---\n")
}

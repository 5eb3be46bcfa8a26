package harness

import (
	"encoding/json"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/model"
)

// Identity is what one Envoy is given by SDS.
type Identity struct {
	SDS string // "unix:PATH", for agent.Upstreams

	mu      sync.Mutex
	current *sds.Material
	changed chan struct{}
}

var _ sds.Source = (*Identity)(nil)

// NewIdentity serves a workload's identity, of the shared authority.
func NewIdentity(t testing.TB, w model.Workload) *Identity {
	t.Helper()
	return ServeIdentity(t, SharedAuthority(t).Issue(t, w, nil))
}

// ServeIdentity serves any identity, until the test ends. Nil serves none yet.
func ServeIdentity(t testing.TB, m *sds.Material) *Identity {
	t.Helper()
	path := filepath.Join(ShortTemp(t), "sds.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	i := &Identity{SDS: "unix:" + path, current: m, changed: make(chan struct{})}
	rpc := grpc.NewServer()
	sds.New(i, nil).Register(rpc)
	go rpc.Serve(l)
	t.Cleanup(rpc.Stop)
	return i
}

// Current implements sds.Source.
func (i *Identity) Current() *sds.Material {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current
}

// Changed implements sds.Source.
func (i *Identity) Changed() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.changed
}

// Set gives the Envoy another certificate, or other roots.
func (i *Identity) Set(m *sds.Material) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = m
	close(i.changed)
	i.changed = make(chan struct{})
}

// They find in a bootstrap's YAML or JSON who the Envoy is, and whether it
// knows where its identity is served.
var (
	nodeID      = regexp.MustCompile(`"?node"?:\s*\{[^{}]*?"?id"?:\s*"?([a-z0-9.-]+/[a-z0-9.-]+)`)
	hasIdentity = regexp.MustCompile(`[^_]name"?:\s*"?` + agent.SDSCluster)
)

// whose is the workload of a bootstrap's node.
func whose(bootstrap []byte) model.Workload {
	w := model.Workload{Namespace: "default", Name: "test"}
	if found := nodeID.FindSubmatch(bootstrap); found != nil {
		w.Namespace, w.Name, _ = strings.Cut(string(found[1]), "/")
	}
	return w
}

// args tell an Envoy where its identity is: a second configuration, which it
// merges into its bootstrap, lists joined.
func (i *Identity) args(t testing.TB) []string {
	t.Helper()
	if i == nil {
		return nil
	}
	text, err := json.Marshal(map[string]any{"static_resources": map[string]any{"clusters": []any{sdsCluster(i.SDS)}}})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--config-yaml", string(text)}
}

func sdsCluster(target string) map[string]any {
	address := map[string]any{"pipe": map[string]any{"path": strings.TrimPrefix(target, "unix:")}}
	return map[string]any{
		"name": agent.SDSCluster, "type": "STATIC", "connect_timeout": "1s", "upstream_bind_config": map[string]any{},
		"typed_extension_protocol_options": map[string]any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": map[string]any{
			"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
			"explicit_http_config": map[string]any{"http2_protocol_options": map[string]any{}},
		}},
		"load_assignment": map[string]any{"cluster_name": agent.SDSCluster, "endpoints": []any{map[string]any{
			"lb_endpoints": []any{map[string]any{"endpoint": map[string]any{"address": address}}},
		}}},
	}
}

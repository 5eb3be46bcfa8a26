package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Filter is what a sandbox runs.
type Filter struct {
	File    string // the module
	RootID  string
	Config  string // handed over as it is
	Network bool   // it sees connections, not requests
	// FailurePolicy is "FAIL_CLOSED" (the empty one too), "FAIL_OPEN" or
	// "FAIL_RELOAD".
	FailurePolicy string
	Env           map[string]string
}

const logFormat = "%L %n %v"

type object = map[string]any

const typePrefix = "type.googleapis.com/envoy.extensions.filters."

func (s *Sandbox) writeBootstrap() error {
	return writeJSON(s.path("envoy.json"), object{
		"node":  object{"id": "sandbox", "cluster": "sandbox"},
		"admin": object{"address": object{"pipe": object{"path": s.path("admin.sock"), "mode": 0o600}}},
		"dynamic_resources": object{"lds_config": object{"resource_api_version": "V3", "path_config_source": object{
			"path": s.path("listeners.json"), "watched_directory": object{"path": s.dir}}}},
		"static_resources": object{"clusters": s.clusters()},
	}, s.writeListener(0))
}

func (s *Sandbox) clusters() []any {
	out := []any{cluster(upstreamCluster, s.upstream)}
	for name, u := range s.services {
		out = append(out, cluster(name, u))
	}
	return out
}

func cluster(name string, u *upstream) object {
	return object{
		"name": name, "type": "STATIC", "connect_timeout": "1s",
		"load_assignment": object{"cluster_name": name, "endpoints": []any{object{"lb_endpoints": []any{object{
			"endpoint": object{"address": address(u.host, u.port)}}}}}},
	}
}

const upstreamCluster = "upstream"

func address(host string, port int) object {
	return object{"socket_address": object{"address": host, "port_value": port}}
}

// writeListener gives Envoy its one listener, as the n-th load has it.
func (s *Sandbox) writeListener(n int, f ...Filter) error {
	host, port, err := splitAddress(s.address)
	if err != nil {
		return err
	}
	l := object{
		"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "sandbox", "address": address(host, port),
		"filter_chains": []any{object{"filters": chain(n, f)}},
	}
	return writeJSON(s.path("listeners.json"), object{"version_info": fmt.Sprint(n), "resources": []any{l}}, nil)
}

func chain(n int, filters []Filter) []any {
	var network, http []any
	for _, f := range filters {
		if f.Network {
			network = append(network, wasm("network", n, f))
		} else {
			http = append(http, wasm("http", n, f))
		}
	}
	http = append(http, object{"name": "router", "typed_config": object{"@type": typePrefix + "http.router.v3.Router"}})
	return append(network, object{"name": "http", "typed_config": object{
		"@type":       typePrefix + "network.http_connection_manager.v3.HttpConnectionManager",
		"stat_prefix": loadPrefix(n), "codec_type": "AUTO", "http_filters": http,
		"route_config": object{"virtual_hosts": []any{object{"name": "all", "domains": []any{"*"}, "routes": []any{object{
			"match": object{"prefix": "/"}, "route": object{"cluster": upstreamCluster, "timeout": "10s"}}}}}},
	}})
}

// loadPrefix begins the stats of a load: by them it is known to be in force.
func loadPrefix(n int) string { return fmt.Sprintf("load_%d", n) }

// wasm configures a filter, in a VM that no other load has. Those of one module
// share it.
func wasm(kind string, n int, f Filter) object {
	vm := object{
		"vm_id": fmt.Sprint(n), "runtime": "envoy.wasm.runtime.v8",
		"code": object{"local": object{"filename": f.File}},
	}
	if len(f.Env) > 0 {
		vm["environment_variables"] = object{"key_values": f.Env}
	}
	policy := f.FailurePolicy
	if policy == "" {
		policy = "FAIL_CLOSED"
	}
	return object{"name": "filter", "typed_config": object{
		"@type": typePrefix + kind + ".wasm.v3.Wasm",
		"config": object{
			"name": "filter", "root_id": f.RootID, "failure_policy": policy, "vm_config": vm,
			"configuration": object{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": f.Config},
		},
	}}
}

// writeJSON writes a file whole: Envoy looks at it when it is moved into place.
func writeJSON(file string, v any, before error) error {
	if before != nil {
		return before
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".part")
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, file)
}

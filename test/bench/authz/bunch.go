package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/agent"
)

// bunch are processes that end together.
type bunch struct {
	dir, bin string
	running  []*exec.Cmd
}

func (b *bunch) path(name string) string { return filepath.Join(b.dir, name) }

// start starts one of bin's programs. os.ErrNotExist: it is not there.
func (b *bunch) start(program string, env []string, args ...string) (pid int, err error) {
	path := filepath.Join(b.bin, program)
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("%s is not to be had: %w", program, os.ErrNotExist)
	}
	return b.run(path, env, args...)
}

func (b *bunch) run(path string, env []string, args ...string) (pid int, err error) {
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", filepath.Base(path), err)
	}
	b.running = append(b.running, cmd)
	return cmd.Process.Pid, nil
}

func (b *bunch) close() {
	for _, cmd := range b.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

type object = map[string]any

const extensions = "type.googleapis.com/envoy.extensions."

// envoy starts an Envoy with one worker before an upstream, that asks whom it
// is told by ext_authz; "": nobody.
func (b *bunch) envoy(name string, port, upstream int, asks string) (int, error) {
	binary, err := agent.FindEnvoy()
	if err != nil {
		return 0, err
	}
	clusters := []any{cluster("upstream", fmt.Sprintf("127.0.0.1:%d", upstream), false)}
	filters := []any{object{"name": "envoy.filters.http.router", "typed_config": object{"@type": extensions + "filters.http.router.v3.Router"}}}
	if asks != "" {
		clusters = append(clusters, cluster("asked", asks, true))
		filters = append([]any{object{"name": "envoy.filters.http.ext_authz", "typed_config": object{
			"@type": extensions + "filters.http.ext_authz.v3.ExtAuthz", "transport_api_version": "V3",
			"grpc_service": object{"envoy_grpc": object{"cluster_name": "asked"}, "timeout": "1s"}}}}, filters...)
	}
	text, err := json.Marshal(object{
		"static_resources": object{"clusters": clusters, "listeners": []any{object{
			"name": "in", "address": address(fmt.Sprintf("127.0.0.1:%d", port)),
			"filter_chains": []any{object{"filters": []any{object{"name": "envoy.filters.network.http_connection_manager", "typed_config": object{
				"@type": extensions + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "in", "http_filters": filters,
				"route_config": object{"virtual_hosts": []any{object{"name": "all", "domains": []any{"*"}, "routes": []any{object{
					"match": object{"prefix": "/"}, "route": object{"cluster": "upstream"}}}}}}}}}}}}}},
	})
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(b.path(name+".json"), text, 0o600); err != nil {
		return 0, err
	}
	return b.run(binary, nil, "-c", b.path(name+".json"), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error")
}

func cluster(name, target string, grpc bool) object {
	c := object{"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": object{"cluster_name": name,
		"endpoints": []any{object{"lb_endpoints": []any{object{"endpoint": object{"address": address(target)}}}}}}}
	if grpc {
		c["typed_extension_protocol_options"] = object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
			"@type": extensions + "upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": object{"http2_protocol_options": object{}}}}
	}
	return c
}

func address(target string) object {
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		return object{"pipe": object{"path": path}}
	}
	host, port, _ := net.SplitHostPort(target)
	return object{"socket_address": object{"address": host, "port_value": json.Number(port)}}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// until waits for what is starting.
func until(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

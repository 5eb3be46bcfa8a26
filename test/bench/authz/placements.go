package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/test/bench/mesh"
	"github.com/krater-mesh/krater/test/bench/process"
)

// The names of what is measured, as the figures have them.
const (
	none    = "none"
	native  = "native" // an AuthorizationPolicy: RBAC by hand
	lowered = "lowered"
	asked   = "asked"
	cached  = "cached"
)

// placements measures the twenty rules by where they are decided, in a mesh
// without telemetry.
func placements(ctx context.Context, o options) (list []*subject, err error) {
	list = []*subject{
		{name: none, text: "no policy"},
		{name: native, text: "RBAC by hand", base: none, refused: refused},
		{name: lowered, text: "Rego, lowered", base: none, refused: refused},
		{name: asked, text: "Rego, policyd asked", base: none, refused: refused},
		{name: cached, text: "Rego, answers kept", base: none, refused: refused},
	}
	files := map[string]string{
		"native.yaml":  byHand(native),
		"lowered.yaml": regoPolicy(lowered, module(), "lower: Require"),
		"asked.yaml":   regoPolicy(asked, module(), "lower: Never", "timeout: 1s"),
		"cached.yaml":  regoPolicy(cached, module(), "lower: Never", "timeout: 1s", "cache: {allow: 5m, deny: 5m}"),
	}
	m, err := o.mesh(ctx, list, files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	for _, s := range list {
		s.url += granted
		if s.refused != "" {
			s.refused = strings.TrimSuffix(s.url, granted) + refused
		}
	}
	return list, o.measure(ctx, list)
}

// mesh starts a workload for each subject, which has its name, and says where
// its proxy is. A daemon's CPU counts for those that ask it.
func (o options) mesh(ctx context.Context, list []*subject, files map[string]string) (*mesh.Mesh, error) {
	dir, err := os.MkdirTemp("", "krater-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files["mesh.yaml"] = declared(list)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	progress("starting a mesh of %d proxies", len(list))
	m, err := mesh.Start(ctx, mesh.Options{From: dir, Bin: o.bin, Limit: o.start})
	if err != nil {
		return nil, err
	}
	if err := found(m, list); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

// declared raises the budget of lowered rules: what does not fit would be asked.
func declared(list []*subject) string {
	var b strings.Builder
	b.WriteString("apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: bench}\nspec:\n  tracing: {sampling: 0}\n  accessLog: {disabled: true}\n  lowering: {bytes: 67108864, mainThread: 20s}\n  workloads:\n")
	for i, s := range list {
		fmt.Fprintf(&b, "  - name: %s\n    labels: {app: %s}\n    command: [bench-echo]\n    address: 127.80.0.%d\n    ports: [{name: http, port: 8000, protocol: HTTP}]\n", s.name, s.name, i+2)
	}
	return b.String()
}

func found(m *mesh.Mesh, list []*subject) error {
	running, err := m.Processes()
	if err != nil {
		return err
	}
	pids := map[string]int{}
	for _, p := range running {
		pids[p.Name] = p.PID
	}
	for i, s := range list {
		s.url = fmt.Sprintf("http://%s.0.%d:8000", m.Network, i+2)
		s.envoy = pids[mesh.Envoy("default."+s.name)]
		if s.name == asked || s.name == cached {
			s.daemon = pids["policyd"]
		}
		if _, err := process.CPU(s.envoy); err != nil {
			return fmt.Errorf("finding the Envoy of %s: %w", s.name, err)
		}
	}
	return nil
}

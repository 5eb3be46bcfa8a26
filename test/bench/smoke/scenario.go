package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

// scenario is one thing to load, in a mesh that runs.
type scenario struct {
	name     string
	base     string // "http://127.x.0.2:8000"
	path     string
	requests int
	workload string // whose Envoy and program count; "": everybody's
	probes   []probe
}

// probe is a request that shows what is in force, before anything is measured.
type probe struct {
	path   string
	status int
	header string // "name: value" of the answer; "" for any
}

// scenarios of testdata/policies: the same application behind each placement.
func scenarios(m *mesh.Mesh, requests int) []scenario {
	granted, refused := probe{"/bench/20", 200, ""}, probe{"/bench/21", 403, ""}
	list := []scenario{
		{name: "none", workload: "open", probes: []probe{granted, {"/bench/21", 200, ""}}},
		{name: "native", workload: "native", probes: []probe{granted, refused}},
		{name: "wasm", workload: "wasm", probes: []probe{{"/bench/20", 200, "x-bench: wasm"}}},
		{name: "policyd", workload: "rego", probes: []probe{granted, refused}},
	}
	for i := range list {
		list[i].base = fmt.Sprintf("http://%s.0.%d:8000", m.Network, i+2)
		list[i].path = granted.path
		list[i].requests = requests
		list[i].workload = "default." + list[i].workload
	}
	return list
}

// check fails where the mesh does not do what the scenario is about.
func (s scenario) check(ctx context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for _, p := range s.probes {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+p.path, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("probing %s: %w", s.name, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		name, value, _ := strings.Cut(p.header, ": ")
		if res.StatusCode != p.status || res.Header.Get(name) != value {
			return fmt.Errorf("probing %s: %s answers %d, want %d %s", s.name, p.path, res.StatusCode, p.status, p.header)
		}
	}
	return nil
}

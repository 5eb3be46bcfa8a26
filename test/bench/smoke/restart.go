package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

// restartGoal is how long a killed Envoy may take to serve again, in seconds
// (issue 3). The one that is killed has a Wasm module to compile.
const restartGoal = 5

const (
	restarts     = 3
	restartLimit = time.Minute
)

// measureRestarts kills the page's Envoy, and asks for the page until another
// one serves it.
func measureRestarts(ctx context.Context, m *mesh.Mesh, r *report) error {
	proxy := mesh.Envoy("default.productpage-v1")
	for range restarts {
		before, err := pidOf(m, proxy)
		if err != nil {
			return err
		}
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			return fmt.Errorf("killing %s: %w", proxy, err)
		}
		began := time.Now()
		if err := awaitPage(ctx, m, proxy, before); err != nil {
			return err
		}
		r.restarts = append(r.restarts, time.Since(began).Seconds())
		progress("bookinfo: the page's Envoy was killed, and served again after %.1f s", r.restarts[len(r.restarts)-1])
	}
	return nil
}

func awaitPage(ctx context.Context, m *mesh.Mesh, proxy string, before int) error {
	ctx, cancel := context.WithTimeout(ctx, restartLimit)
	defer cancel()
	for {
		if pid, err := pidOf(m, proxy); err == nil && pid != before && pageServed(ctx, m) {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("%s did not serve again within %s: %w", proxy, restartLimit, err)
		}
	}
}

func pageServed(ctx context.Context, m *mesh.Mesh) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.Network+".0.1:8080/productpage", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

func pidOf(m *mesh.Mesh, name string) (int, error) {
	list, err := m.Processes()
	if err != nil {
		return 0, err
	}
	for _, p := range list {
		if p.Name == name {
			return p.PID, nil
		}
	}
	return 0, fmt.Errorf("no process %s runs", name)
}

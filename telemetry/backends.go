package telemetry

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/pipelines"
)

// choose gives the backends to run: each declared one that passes the check,
// else its last good version if there is one. What is in force as it is
// declared is not checked again: it holds its port itself.
func choose(declared, inForce []model.TelemetryBackend, check func(model.TelemetryBackend) error) ([]model.TelemetryBackend, model.Problems) {
	var chosen []model.TelemetryBackend
	var problems model.Problems
	held := map[string]bool{} // the ports that our own pipelines have now
	for _, b := range inForce {
		held[b.Endpoint] = b.Type == model.BackendPrometheus
	}
	taken := map[string]model.Ref{}
	for _, b := range declared {
		err := listensTwice(b, taken)
		if err == nil && !slices.Contains(inForce, b) && (b.Type != model.BackendPrometheus || !held[b.Endpoint]) {
			err = check(b)
		}
		if err == nil {
			chosen = append(chosen, b)
			if b.Type == model.BackendPrometheus {
				taken[b.Endpoint] = b.Object
			}
			continue
		}
		p := model.Problem{Code: model.CodeInvalidValue, Severity: model.Error, Object: b.Object, Message: err.Error(), Fix: "choose another, or free it; it is tried again every few seconds"}
		if b.Type == model.BackendPrometheus {
			p.Code, p.Field = model.CodePort, "spec.prometheus.listen"
		}
		problems = append(problems, p)
		if last := slices.IndexFunc(inForce, func(o model.TelemetryBackend) bool { return o.Object == b.Object }); last >= 0 && listensTwice(inForce[last], taken) == nil {
			chosen = append(chosen, inForce[last])
		}
	}
	return chosen, problems
}

// listensTwice says whether another backend already has the port.
func listensTwice(b model.TelemetryBackend, taken map[string]model.Ref) error {
	if other, ok := taken[b.Endpoint]; ok && b.Type == model.BackendPrometheus {
		return fmt.Errorf("%s is already %s's", b.Endpoint, other)
	}
	return nil
}

// check reads the configuration that a backend makes and tries to open what
// it needs, so that one bad backend is found and named before it keeps the
// others from starting.
func (c *Collector) check(b model.TelemetryBackend) error {
	factories, err := c.factories()
	if err != nil {
		return err
	}
	if _, err := read(context.Background(), c.generate(b), factories); err != nil {
		return err
	}
	switch b.Type {
	case model.BackendPrometheus:
		l, err := net.Listen("tcp", b.Endpoint)
		if err != nil {
			return fmt.Errorf("listening for Prometheus: %w", err)
		}
		return l.Close()
	case model.BackendFile:
		path := pipelines.File(b, c.options.StateDir)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the file's folder: %w", err)
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("opening the file: %w", err)
		}
		return f.Close()
	}
	return nil
}

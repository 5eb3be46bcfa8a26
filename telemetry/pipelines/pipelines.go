// Package pipelines turns telemetry backends into a Collector configuration:
// one pipeline per signal and backend, so each sees only what is meant for
// it. It never reads or checks anything outside.
package pipelines

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Input is what a configuration is made of.
type Input struct {
	OTLP     string // where to listen for OTLP over gRPC: "unix:PATH" or "host:port"
	ALS      string // where to listen for access logs, likewise
	StateDir string // what relative paths of files are relative to
	Backends []model.TelemetryBackend
}

// Configuration is a Collector configuration, as confmap takes it.
type Configuration = map[string]any

// The components that every configuration has.
const (
	accessLogs    = "envoy_access_log"
	otlp          = "otlp"
	memoryLimiter = "memory_limiter"
	batch         = "batch"
	nop           = "nop"
	decisionStore = "decision_store"
)

// signals that pipelines carry, with their receivers.
var signals = []struct {
	name      string
	receivers []any
}{
	{"logs", []any{accessLogs, otlp}},
	{"metrics", []any{otlp}},
	{"traces", []any{otlp}},
}

// Generate makes the configuration. Signals that no backend takes end in a
// nop, since the proxies send them all the same.
func Generate(in Input) Configuration {
	g := generator{
		processors: map[string]any{
			memoryLimiter: map[string]any{"check_interval": "1s", "limit_mib": 512, "spike_limit_mib": 128},
			batch:         map[string]any{"timeout": "200ms", "send_batch_size": 1024, "send_batch_max_size": 4096},
		},
		exporters: map[string]any{},
		pipelines: map[string]any{},
	}
	for _, b := range in.Backends {
		g.backend(b, in.StateDir)
	}
	g.recent(in.StateDir)
	g.rest()
	return Configuration{
		"receivers": map[string]any{
			accessLogs: map[string]any{"listen": in.ALS},
			otlp:       map[string]any{"protocols": map[string]any{"grpc": server(in.OTLP)}},
		},
		"processors": g.processors,
		"exporters":  g.exporters,
		"service":    map[string]any{"pipelines": g.pipelines},
	}
}

type generator struct{ processors, exporters, pipelines map[string]any }

// backend adds one backend's exporter, its view of the mesh, and a pipeline
// for each signal that it takes.
func (g *generator) backend(b model.TelemetryBackend, stateDir string) {
	kind, settings := exporterOf(b, stateDir)
	exporter, processor := kind+"/"+b.Object.Key(), "krater_mesh/"+b.Object.Key()
	g.exporters[exporter] = settings
	view := map[string]any{
		"backend": b.Object.Key(), "interval": interval(b.Type), "repeat": repeats(b.Type),
	}
	if b.Type == model.BackendOPA {
		view["opa"] = true
	}
	g.processors[processor] = view
	for _, s := range signals {
		if !takes(b.Type, s.name) {
			continue
		}
		g.pipelines[s.name+"/"+b.Object.Key()] = map[string]any{
			"receivers":  s.receivers,
			"processors": []any{memoryLimiter, processor, batch},
			"exporters":  []any{exporter},
		}
	}
}

// recent keeps what was decided lately, for krater explain and its reports.
func (g *generator) recent(stateDir string) {
	g.exporters[decisionStore] = map[string]any{"dir": stateDir}
	g.pipelines["logs/"+decisionStore] = map[string]any{
		"receivers": []any{accessLogs, otlp}, "processors": []any{memoryLimiter}, "exporters": []any{decisionStore},
	}
}

// rest gives the signals that no backend takes an end.
func (g *generator) rest() {
	for _, s := range signals {
		taken := false
		for name := range g.pipelines {
			taken = taken || strings.HasPrefix(name, s.name+"/")
		}
		if !taken {
			g.exporters[nop] = map[string]any{}
			g.pipelines[s.name] = map[string]any{"receivers": s.receivers, "processors": []any{memoryLimiter}, "exporters": []any{nop}}
		}
	}
}

// server is a gRPC server's part of a configuration.
func server(listen string) map[string]any {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		return map[string]any{"endpoint": path, "transport": "unix"}
	}
	return map[string]any{"endpoint": listen, "transport": "tcp"}
}

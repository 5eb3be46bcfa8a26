package pipelines

import (
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// takes tells whether a kind of backend takes a signal.
func takes(t model.BackendType, signal string) bool {
	switch t {
	case model.BackendPrometheus:
		return signal == "metrics"
	case model.BackendOPA:
		return signal == "logs"
	}
	return true
}

// interval is the time between two reports of metrics.
func interval(t model.BackendType) string {
	if t == model.BackendPrometheus {
		return "1s"
	}
	return "10s"
}

// repeats tells whether a kind of backend forgets series that are not
// reported again. Files and terminals only want news.
func repeats(t model.BackendType) bool {
	return t == model.BackendPrometheus || t == model.BackendOTLP
}

// exporterOf gives the type and the settings of a backend's exporter.
func exporterOf(b model.TelemetryBackend, stateDir string) (string, map[string]any) {
	switch b.Type {
	case model.BackendPrometheus:
		return "prometheus", map[string]any{
			"endpoint": b.Endpoint,
			// Names stay as they were declared: no unit, no second _total.
			"translation_strategy": "UnderscoreEscapingWithoutSuffixes",
			"without_scope_info":   true,
			"metric_expiration":    "5m",
		}
	case model.BackendFile:
		return "file", map[string]any{
			"path":          File(b, stateDir),
			"max_megabytes": 100, "max_backups": 3,
		}
	case model.BackendOPA:
		settings := map[string]any{}
		if b.Endpoint != "" {
			settings["url"] = b.Endpoint
		}
		if b.Path != "" {
			settings["path"] = File(b, stateDir)
		}
		return "opa", settings
	case model.BackendOTLP:
		if strings.HasPrefix(b.Endpoint, "http://") || strings.HasPrefix(b.Endpoint, "https://") {
			return "otlp_http", map[string]any{"endpoint": b.Endpoint}
		}
		return "otlp_grpc", map[string]any{
			"endpoint": b.Endpoint,
			"tls":      map[string]any{"insecure": b.Insecure},
		}
	}
	return "line", map[string]any{}
}

// File is the path that a file backend writes to.
func File(b model.TelemetryBackend, stateDir string) string {
	if filepath.IsAbs(b.Path) {
		return b.Path
	}
	return filepath.Join(stateDir, b.Path)
}

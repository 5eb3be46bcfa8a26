package model

// TelemetryRule declares what is recorded, and where it goes.
type TelemetryRule struct {
	Object   Ref      `json:"object"`
	Selector Selector `json:"selector"`
	Match    string   `json:"match,omitempty"` // CEL; empty: every request
	Metrics  []Metric `json:"metrics,omitempty"`
	Logs     []Log    `json:"logs,omitempty"`
	// Decisions asks for a record of each decision; nil: none.
	Decisions *DecisionLog `json:"decisions,omitempty"`
	Backends  []string     `json:"backends"` // keys of TelemetryBackends
}

// MetricKind is a metric's instrument.
type MetricKind string

const (
	Counter   MetricKind = "counter"
	Histogram MetricKind = "histogram"
)

// Metric is counted natively by the proxies.
type Metric struct {
	Name   string       `json:"name"` // as a Prometheus page shows it: "krater_requests_total"
	Kind   MetricKind   `json:"kind"`
	Value  string       `json:"value,omitempty"` // an attribute; empty: 1
	Unit   string       `json:"unit,omitempty"`
	Labels []Expression `json:"labels,omitempty"` // sorted by name
}

// Log is one record per matching request.
type Log struct {
	Name   string       `json:"name"`
	Fields []Expression `json:"fields,omitempty"` // beside the standard ones; sorted by name
}

// Expression gives a name to an attribute or a CEL expression over attributes.
type Expression struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// BackendType is a kind of telemetry backend.
type BackendType string

const (
	BackendStdout     BackendType = "stdout"
	BackendFile       BackendType = "file"
	BackendPrometheus BackendType = "prometheus"
	BackendOTLP       BackendType = "otlp"
	// BackendOPA takes decisions in the form of OPA's decision logs: a service
	// by HTTP, a file, or the terminal.
	BackendOPA BackendType = "opa"
)

// TelemetryBackend is a place telemetry goes to.
type TelemetryBackend struct {
	Object   Ref         `json:"object"`
	Type     BackendType `json:"type"`
	Path     string      `json:"path,omitempty"`     // file, opa
	Endpoint string      `json:"endpoint,omitempty"` // prometheus: host:port to listen on; otlp: host:port to send to; opa: URL, to which /logs is added
	Insecure bool        `json:"insecure,omitempty"` // otlp without TLS
}

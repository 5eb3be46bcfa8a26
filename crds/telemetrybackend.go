package crds

import (
	"net"

	"github.com/krater-mesh/krater/model"
)

// TelemetryBackendSpec is one backend; one field is given.
type TelemetryBackendSpec struct {
	Stdout     *StdoutBackend     `json:"stdout"`
	File       *FileBackend       `json:"file"`
	Prometheus *PrometheusBackend `json:"prometheus"`
	OTLP       *OTLPBackend       `json:"otlp"`
}

// StdoutBackend prints records.
type StdoutBackend struct{}

// FileBackend writes records to a file, one JSON document a line.
type FileBackend struct {
	Path string `json:"path"` // relative: below the collector's state folder
}

// PrometheusBackend serves metrics as a page.
type PrometheusBackend struct {
	Listen string `json:"listen"` // host:port
}

// OTLPBackend sends everything over OTLP's gRPC.
type OTLPBackend struct {
	Endpoint string `json:"endpoint"` // host:port
	Insecure bool   `json:"insecure"` // without TLS
}

// Validate reports what is wrong; fields start at spec.
func (s *TelemetryBackendSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	given := 0
	for _, is := range []bool{s.Stdout != nil, s.File != nil, s.Prometheus != nil, s.OTLP != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		r.missing("spec", "exactly one of stdout, file, prometheus and otlp is needed")
	}
	if s.File != nil && s.File.Path == "" {
		r.missing("spec.file.path", "a file has a path")
	}
	if s.Prometheus != nil {
		r.hostPort(s.Prometheus.Listen, "spec.prometheus.listen")
	}
	if s.OTLP != nil {
		r.hostPort(s.OTLP.Endpoint, "spec.otlp.endpoint")
	}
	return r.problems
}

func (r *report) hostPort(text, field string) {
	host, port, err := net.SplitHostPort(text)
	if _, lookup := net.LookupPort("tcp", port); err != nil || lookup != nil || host == "" {
		r.bad(field, "want HOST:PORT, got %q", text)
	}
}

func convertTelemetryBackend(c *conversion) Content {
	in := &TelemetryBackendSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.TelemetryBackend{Object: c.object.Ref, Type: model.BackendStdout}
	switch {
	case in.File != nil:
		out.Type, out.Path = model.BackendFile, in.File.Path
	case in.Prometheus != nil:
		out.Type, out.Endpoint = model.BackendPrometheus, in.Prometheus.Listen
	case in.OTLP != nil:
		out.Type, out.Endpoint, out.Insecure = model.BackendOTLP, in.OTLP.Endpoint, in.OTLP.Insecure
	}
	return Content{Backend: out}
}

package crds

import (
	"net"
	"net/url"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// TelemetryBackendSpec is one backend; one field is given.
type TelemetryBackendSpec struct {
	Stdout     *StdoutBackend     `json:"stdout"`
	File       *FileBackend       `json:"file"`
	Prometheus *PrometheusBackend `json:"prometheus"`
	OTLP       *OTLPBackend       `json:"otlp"`
	OPA        *OPABackend        `json:"opa"`
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

// OPABackend takes decisions as OPA's decision logs have them. With neither a
// url nor a path they are printed.
type OPABackend struct {
	URL  string `json:"url"`  // of a service that takes OPA's decision logs: URL/logs
	Path string `json:"path"` // of a file, one event a line; relative: below the collector's state folder
}

// Validate reports what is wrong; fields start at spec.
func (s *TelemetryBackendSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	given := 0
	for _, is := range []bool{s.Stdout != nil, s.File != nil, s.Prometheus != nil, s.OTLP != nil, s.OPA != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		r.missing("spec", "exactly one of stdout, file, prometheus, otlp and opa is needed")
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
	if s.OPA != nil {
		s.OPA.validate(r)
	}
	return r.problems
}

func (o *OPABackend) validate(r *report) {
	if o.URL != "" && o.Path != "" {
		r.bad("spec.opa", "events go to a url or to a file")
	}
	u, err := url.Parse(o.URL)
	if o.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "") {
		r.bad("spec.opa.url", "want http://HOST:PORT or https://HOST, without a password")
	}
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
	case in.OPA != nil:
		out.Type, out.Endpoint, out.Path = model.BackendOPA, strings.TrimSuffix(in.OPA.URL, "/"), in.OPA.Path
	case in.OTLP != nil:
		out.Type, out.Endpoint, out.Insecure = model.BackendOTLP, in.OTLP.Endpoint, in.OTLP.Insecure
	}
	return Content{Backend: out}
}

package crds

import (
	"strings"
	"time"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func convertWorkloadGroup(c *conversion) Content {
	in := &networking.WorkloadGroup{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.WorkloadGroup{Object: c.object.Ref, Labels: c.labels(in.GetMetadata().GetLabels(), "spec.metadata.labels"),
		Annotations: in.GetMetadata().GetAnnotations()}
	t := in.GetTemplate()
	if t == nil {
		c.missing("spec.template", "a group has the template of its entries")
	}
	if t.GetAddress() != "" {
		c.add(model.Warning, model.CodeInvalidValue, "spec.template.address", "", "each workload has its own: it has no effect")
	}
	if len(t.GetLabels()) > 0 {
		c.add(model.Warning, model.CodeInvalidValue, "spec.template.labels", "write spec.metadata.labels", "the entries have the labels of metadata: these have no effect")
	}
	out.Template = c.endpointTemplate(t, "spec.template")
	out.Template.Labels = nil
	if out.Template.ServiceAccount == "" {
		out.Template.ServiceAccount = model.DefaultServiceAccount
	}
	out.Probe = c.probe(in.GetProbe(), "spec.probe")
	return Content{WorkloadGroup: out}
}

// probe fills in the defaults that Kubernetes' probes have.
func (c *conversion) probe(p *networking.ReadinessProbe, at string) *model.Probe {
	if p == nil {
		return nil
	}
	out := &model.Probe{
		InitialDelay:     c.seconds(p.GetInitialDelaySeconds(), 0, at+".initialDelaySeconds"),
		Timeout:          c.seconds(p.GetTimeoutSeconds(), 1, at+".timeoutSeconds"),
		Period:           c.seconds(p.GetPeriodSeconds(), 10, at+".periodSeconds"),
		SuccessThreshold: max(c.count(p.GetSuccessThreshold(), at+".successThreshold"), 1),
		FailureThreshold: c.count(p.GetFailureThreshold(), at+".failureThreshold"),
	}
	if out.FailureThreshold == 0 {
		out.FailureThreshold = 3
	}
	switch m := p.GetHealthCheckMethod().(type) {
	case *networking.ReadinessProbe_HttpGet:
		out.HTTP = c.probeHTTP(m.HttpGet, at+".httpGet")
	case *networking.ReadinessProbe_TcpSocket:
		out.TCP = &model.ProbeTCP{Host: m.TcpSocket.GetHost(), Port: c.port(m.TcpSocket.GetPort(), at+".tcpSocket.port")}
	case *networking.ReadinessProbe_Exec:
		out.Exec = m.Exec.GetCommand()
		if len(out.Exec) == 0 || out.Exec[0] == "" {
			c.missing(at+".exec.command", "a probe by exec has a command")
		}
	case *networking.ReadinessProbe_Grpc:
		out.GRPC = &model.ProbeGRPC{Port: c.port(m.Grpc.GetPort(), at+".grpc.port"), Service: m.Grpc.GetService()}
	default:
		if !c.reported(at) {
			c.missing(at, "a probe has one of httpGet, tcpSocket, exec and grpc")
		}
	}
	return out
}

// seconds gives a default for 0.
func (c *conversion) seconds(n int32, otherwise uint32, field string) model.Duration {
	s := c.count(n, field)
	if s == 0 {
		s = otherwise
	}
	return model.Duration(time.Duration(s) * time.Second)
}

func (c *conversion) probeHTTP(h *networking.HTTPHealthCheckConfig, at string) *model.ProbeHTTP {
	out := &model.ProbeHTTP{Host: h.GetHost(), Port: c.port(h.GetPort(), at+".port"), Path: h.GetPath(), HTTPS: h.GetScheme() == "HTTPS"}
	if !strings.HasPrefix(out.Path, "/") {
		out.Path = "/" + out.Path
	}
	switch h.GetScheme() {
	case "", "HTTP", "HTTPS":
	default:
		c.bad(at+".scheme", "want HTTP or HTTPS, got %q", h.GetScheme())
	}
	for i, header := range h.GetHttpHeaders() {
		if !headerName(strings.ToLower(header.GetName())) {
			c.bad(index(at+".httpHeaders", i)+".name", "%q is no header name", header.GetName())
		}
		out.Headers = append(out.Headers, model.ProbeHeader{Name: header.GetName(), Value: header.GetValue()})
	}
	return out
}

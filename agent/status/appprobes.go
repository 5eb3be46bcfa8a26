package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent/probe"
	"github.com/krater-mesh/krater/model"
)

// appProbe is a probe of a container, in Kubernetes' words.
type appProbe struct {
	HTTPGet *struct {
		Path        string              `json:"path"`
		Port        uint32              `json:"port"`
		Host        string              `json:"host"`
		Scheme      string              `json:"scheme"`
		HTTPHeaders []model.ProbeHeader `json:"httpHeaders"`
	} `json:"httpGet"`
	TCPSocket *struct {
		Port uint32 `json:"port"`
		Host string `json:"host"`
	} `json:"tcpSocket"`
	GRPC *struct {
		Port    uint32 `json:"port"`
		Service string `json:"service"`
	} `json:"grpc"`
	TimeoutSeconds uint32 `json:"timeoutSeconds"`
}

// ReadAppProbes reads the probes that `krater inject` took over from a Pod's
// containers, by the path that asks each. No command is among them.
func ReadAppProbes(text []byte) (map[string]*model.Probe, error) {
	var in map[string]appProbe
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("reading the containers' probes: %w", err)
	}
	out := map[string]*model.Probe{}
	for path, p := range in {
		if !strings.HasPrefix(path, "/app-health/") {
			return nil, fmt.Errorf("reading the containers' probes: %q does not begin with /app-health/", path)
		}
		m, port := p.model()
		if port == 0 || port > 65535 {
			return nil, fmt.Errorf("reading the containers' probes: %s asks nothing, or no port", path)
		}
		out[path] = m
	}
	return out, nil
}

func (p appProbe) model() (out *model.Probe, port uint32) {
	out = &model.Probe{Timeout: model.Duration(time.Duration(max(p.TimeoutSeconds, 1)) * time.Second)}
	switch {
	case p.HTTPGet != nil:
		h := p.HTTPGet
		port = h.Port
		out.HTTP = &model.ProbeHTTP{Host: h.Host, Port: port, Path: "/" + strings.TrimPrefix(h.Path, "/"), HTTPS: strings.EqualFold(h.Scheme, "https"), Headers: h.HTTPHeaders}
	case p.TCPSocket != nil:
		port = p.TCPSocket.Port
		out.TCP = &model.ProbeTCP{Host: p.TCPSocket.Host, Port: port}
	case p.GRPC != nil:
		port = p.GRPC.Port
		out.GRPC = &model.ProbeGRPC{Port: port, Service: p.GRPC.Service}
	}
	return out, port
}

// appHealth asks the application what the kubelet would have asked it.
func (s *Server) appHealth(w http.ResponseWriter, r *http.Request) {
	p := s.o.AppProbes[r.URL.Path]
	if p == nil {
		http.NotFound(w, r)
		return
	}
	err := probe.Ask(r.Context(), p)
	var answered *probe.StatusError
	switch {
	case err == nil:
		fmt.Fprintln(w, "well")
	case errors.As(err, &answered) && answered.Code >= 400:
		http.Error(w, err.Error(), answered.Code)
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

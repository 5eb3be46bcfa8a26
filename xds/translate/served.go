package translate

import (
	"net"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/krater-mesh/krater/model"
)

// servedPort is a port of the workload, and where its application listens.
type servedPort struct {
	bind     string // an IP, or "unix:///path"
	number   uint32
	protocol model.Protocol
	target   *corev3.Address  // nil: where the caller meant
	tls      *model.ServerTLS // nil: plain text, or none of ours
	pool     *model.ConnectionPool
	captured bool   // its connections come redirected
	unlisted bool   // no service has it; number 0: any such port
	field    string // of the Sidecar that declares it; empty: none does
}

func (port servedPort) cluster() string {
	if port.unlisted {
		return clusterInboundPassthrough
	}
	return inboundCluster(port.number)
}

// listener is what the names of a captured port's chains begin with.
func (port servedPort) listener(address string) string {
	switch {
	case !port.unlisted:
		return inboundListener(address, port.number)
	case port.number == 0:
		return passthroughListener
	}
	return passthroughListener + "|" + strconv.Itoa(int(port.number))
}

// servedPorts are the workload's own, or those that its Sidecar declares.
func (p *proxy) servedPorts() []servedPort {
	var pool *model.ConnectionPool
	if p.sidecar != nil {
		pool = p.sidecar.InboundPool
	}
	var out []servedPort
	if p.sidecar == nil || len(p.sidecar.Ingress) == 0 {
		for _, port := range p.w.Ports {
			served := servedPort{bind: p.w.Address, number: port.Number, protocol: port.Protocol, target: address("127.0.0.1", port.AppPort), pool: pool, captured: p.redirected()}
			if served.captured && (port.AppPort == 0 || port.AppPort == port.Number) {
				served.target = nil
			}
			out = append(out, served)
		}
		return out
	}
	for i, in := range p.sidecar.Ingress {
		port := servedPort{bind: p.w.Address, number: in.Port.Number, protocol: in.Port.Protocol, target: p.application(in), tls: in.TLS, pool: pool,
			captured: p.captures(in.CaptureMode), field: "spec.ingress[" + strconv.Itoa(i) + "]"}
		p.complainOfCapture(in.CaptureMode, port.field)
		if port.captured && in.Endpoint == "" {
			port.target = nil
		}
		if in.Bind != "" {
			port.bind = in.Bind
		}
		if in.TLS != nil && port.protocol == model.HTTPS {
			port.protocol = model.HTTP // once it is decrypted
		}
		if in.Pool != nil {
			port.pool = in.Pool
		}
		out = append(out, port)
	}
	return out
}

// application is where an ingress listener leads. "0.0.0.0" is the workload's
// own address; no endpoint is the port itself.
func (p *proxy) application(in model.SidecarIngress) *corev3.Address {
	if strings.HasPrefix(in.Endpoint, unixPrefix) {
		return bindAddress(in.Endpoint, 0)
	}
	host, text, err := net.SplitHostPort(in.Endpoint)
	port, _ := strconv.Atoi(text)
	switch {
	case err == nil && (host == "0.0.0.0" || host == "::"):
		return address(p.w.Address, uint32(port))
	case err == nil:
		return address(host, uint32(port))
	}
	for _, own := range p.w.Ports {
		if own.Number == in.Port.Number {
			return address("127.0.0.1", own.AppPort)
		}
	}
	return address("127.0.0.1", in.Port.Number)
}

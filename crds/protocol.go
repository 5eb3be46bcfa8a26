package crds

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// protocols are the words for a port's protocol, in lower case. What Istio
// knows and never parses by default (databases) is TCP.
var protocols = map[string]model.Protocol{
	"http": model.HTTP, "http2": model.HTTP2, "grpc": model.GRPC, "grpc-web": model.GRPC, "https": model.HTTPS,
	"tls": model.TLS, "tcp": model.TCP, "mongo": model.TCP, "redis": model.TCP, "mysql": model.TCP,
}

// appProtocols are the words that only a Kubernetes appProtocol has.
var appProtocols = map[string]model.Protocol{
	"kubernetes.io/h2c": model.HTTP2, "kubernetes.io/ws": model.HTTP, "kubernetes.io/wss": model.HTTPS,
}

// serverFirst are ports where, by custom, the server speaks first or never
// HTTP: waiting for the client's first bytes would only cost time.
var serverFirst = map[uint32]bool{25: true, 53: true, 3306: true, 27017: true}

// namedProtocol reads the protocol that a port's name or appProtocol begins
// with ("http-web"); where it says nothing, connections are sniffed.
func namedProtocol(name string, number uint32) model.Protocol {
	word := strings.ToLower(name)
	if p, ok := appProtocols[word]; ok {
		return p
	}
	if strings.HasPrefix(word, "grpc-web") {
		return model.GRPC
	}
	word, _, _ = strings.Cut(word, "-")
	if p, ok := protocols[word]; ok {
		return p
	}
	if serverFirst[number] {
		return model.TCP
	}
	return model.Auto
}

// protocol reads a port's protocol; where none is given, its name tells.
func (r *report) protocol(given, name string, number uint32, field string) model.Protocol {
	if given == "" {
		return namedProtocol(name, number)
	}
	if p, ok := protocols[strings.ToLower(given)]; ok {
		return p
	}
	switch strings.ToUpper(given) {
	case "UDP", "HTTP_PROXY", "HBONE":
		r.refuse(field, "%s is not supported", strings.ToUpper(given))
		return model.TCP
	}
	r.add(model.Error, model.CodeInvalidValue, field, meant(given, protocolNames), "unknown protocol %q", given)
	return model.TCP
}

var protocolNames = []string{"HTTP", "HTTP2", "GRPC", "HTTPS", "TLS", "TCP"}

// serverProtocol reads a gateway's: it must be given, since what a server
// serves cannot be sniffed.
func (r *report) serverProtocol(given, field string) model.Protocol {
	if given == "" {
		r.missing(field, "a server's port has a protocol: one of %s", strings.Join(protocolNames, ", "))
		return model.TCP
	}
	return r.protocol(given, "", 0, field)
}

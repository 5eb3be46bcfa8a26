package agent

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// splitHostPort reads "host:port" with a numeric port.
func splitHostPort(target string) (string, uint32, error) {
	host, text, err := net.SplitHostPort(target)
	if err != nil {
		return "", 0, fmt.Errorf("%q is neither unix:PATH nor host:port: %w", target, err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q: the port is no number: %w", target, err)
	}
	return host, uint32(port), nil
}

// ParseProxy reads a workload's "namespace/name".
func ParseProxy(id, address string) (Proxy, error) {
	ns, name, ok := strings.Cut(id, "/")
	if !ok || ns == "" || name == "" || strings.Contains(name, "/") {
		return Proxy{}, fmt.Errorf("%q is not NAMESPACE/NAME", id)
	}
	if net.ParseIP(address) == nil {
		return Proxy{}, fmt.Errorf("the address of %s, %q, is no IP address", id, address)
	}
	return Proxy{ID: id, Name: name, Address: address}, nil
}

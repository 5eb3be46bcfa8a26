package agent

import (
	"fmt"
	"net"
	"strconv"
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

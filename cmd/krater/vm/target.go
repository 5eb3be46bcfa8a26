package vm

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// isName tells whether s has the characters of a DNS name only: it goes into
// files that a shell or systemd reads.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 253 && s[0] != '-'
}

// isTarget tells whether s is "host:port".
func isTarget(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, notIP := netip.ParseAddr(host)
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && (notIP == nil || isName(strings.ToLower(host)))
}

// OwnAddress is the machine's: as it was told, else the one that the kernel
// would call the control plane from. Nothing is sent to find it.
func (m Machine) OwnAddress() (string, error) {
	if m.Address != "" {
		return m.Address, nil
	}
	conn, err := net.Dial("udp", m.ControlPlane)
	if err != nil {
		return "", fmt.Errorf("finding this machine's address: %w; write it as address in %s", err, MeshFile)
	}
	defer conn.Close()
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	return from.WithZone("").String(), nil
}

// Package dns answers lookups of the mesh's names, and hands all others on to
// the machine's own resolvers. What it knows is a Table; it never asks a
// cluster's name server for what the mesh declares.
package dns

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// Resolvers are those that a resolv.conf names; never none.
func Resolvers(file string) ([]netip.Addr, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the machine's resolvers: %w", err)
	}
	var out []netip.Addr
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no resolver", file)
	}
	return out, nil
}

package guard

import (
	"net/netip"

	"github.com/krater-mesh/krater/model"
)

// private are the networks that no host of the Internet is in, by IANA's
// registries of special addresses.
var private = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	"fc00::/7", "fec0::/10", "ff00::/8",
)

// machines are addresses behind which clouds keep what only the machine itself
// is to know. Allowing a name does not allow them.
var machines = prefixes("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

func within(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// check refuses an address that a name led to; h is what the mesh says of the
// name, nil for nothing.
func (g *guard) check(name string, ip netip.Addr, h *model.FetchHost) error {
	ip = ip.Unmap().WithZone("")
	allowed := h != nil && h.Private
	named, err := netip.ParseAddr(name)
	switch {
	case within(ip, machines) && !(allowed && err == nil && named.Unmap() == ip):
		return refuse("%s leads to %s, where machines keep secrets of their own: nothing is fetched from there", name, ip)
	case within(ip, private) && !allowed:
		return refuse("%s leads to %s, which is no address of the Internet: the mesh does not allow it (Mesh %s.hosts: private)", name, ip, g.o.Field)
	}
	return nil
}

package mesh

import (
	"net/netip"
	"strings"
)

// Unknown stands for an address that no workload of the mesh has.
const Unknown = "unknown"

// Resolve gives the workload's name for "@ADDRESS", its namespace for
// "@namespace:ADDRESS", and Unknown where no workload has the address or none
// is given ("@", "@-"). Every other value stays as it is. Proxies send
// addresses where a workload's name is wanted: they do not know each other's.
func (v *View) Resolve(value string) string {
	address, ok := strings.CutPrefix(value, "@")
	if !ok {
		return value
	}
	address, namespace := strings.CutPrefix(address, "namespace:")
	if _, err := netip.ParseAddr(address); err != nil && address != "" && address != "-" {
		return value // someone's own text that begins with "@"
	}
	w, ok := v.At(address)
	switch {
	case !ok:
		return Unknown
	case namespace:
		return w.Namespace
	}
	return w.Name
}

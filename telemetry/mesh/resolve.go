package mesh

import (
	"net/netip"
	"strings"
)

// Unknown stands for an address that no workload of the mesh has.
const Unknown = "unknown"

// Resolve gives the workload's name for "@ADDRESS", its namespace for
// "@namespace:ADDRESS", and Unknown where no workload has the address or none
// is given ("@", "@-"). "@value:" stands before what a proxy may not know, and
// "@principal:" before the URI of a certificate. Every other value stays as it
// is. Proxies send addresses where a workload's name is wanted that has shown
// no certificate.
func (v *View) Resolve(value string) string {
	address, ok := strings.CutPrefix(value, "@")
	if !ok {
		return value
	}
	for _, form := range []struct{ prefix, cut string }{{"value:", ""}, {"principal:", "spiffe://"}} {
		if told, ok := strings.CutPrefix(address, form.prefix); ok {
			if told == "" || told == "-" {
				return Unknown
			}
			return strings.TrimPrefix(told, form.cut)
		}
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

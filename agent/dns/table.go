package dns

import (
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Table finds addresses by name. It never changes.
type Table struct {
	exact     map[string][]netip.Addr
	wildcards map[string][]netip.Addr // by what follows "*"
}

// NewTable makes one of what the control plane tells. Of two services of one
// name the first counts.
func NewTable(from model.NameTable) *Table {
	t := &Table{exact: map[string][]netip.Addr{}, wildcards: map[string][]netip.Addr{}}
	for _, s := range from.Services {
		var addresses []netip.Addr
		for _, text := range s.Addresses {
			if a, err := netip.ParseAddr(text); err == nil {
				addresses = append(addresses, a.Unmap())
			}
		}
		if len(addresses) == 0 {
			continue
		}
		for _, name := range s.Names {
			into, name := t.exact, strings.ToLower(name)
			if rest, wild := strings.CutPrefix(name, "*"); wild {
				into, name = t.wildcards, rest
			}
			if _, taken := into[name]; !taken {
				into[name] = addresses
			}
		}
	}
	return t
}

// Find gives the addresses of a name, with or without a dot at its end; ok is
// false where the name is none of the mesh. Of wildcards the longest holds.
func (t *Table) Find(name string) (addresses []netip.Addr, ok bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if a, ok := t.exact[name]; ok {
		return a, true
	}
	for len(t.wildcards) > 0 {
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			break
		}
		if a, ok := t.wildcards[name[dot:]]; ok {
			return a, true
		}
		name = name[dot+1:]
	}
	return nil, false
}

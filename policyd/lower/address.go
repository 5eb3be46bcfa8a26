package lower

import (
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// addressTest compares an address as the text that it is written as: "10."
// and "192.168." are blocks, other parts of it are not.
func (m *machine) addressTest(l leaf, how model.TestOp, values []string) *cond {
	ways := make([]*cond, len(values))
	for i, v := range values {
		switch {
		case how == model.TestIn:
			ways[i] = equalAddress(l, v)
		case how == model.TestPrefix && dotted(v) != "":
			ways[i] = newTest(l.in, model.TestCIDR, dotted(v))
		default:
			ways[i] = stopped(stopAt(nil, l.in.ref, "a part of the text of an address"))
		}
	}
	return or(ways...)
}

// dotted is the block of the IPv4 addresses that begin with a text; "": the
// text is no whole number of parts.
func dotted(prefix string) string {
	parts := strings.Split(prefix, ".")
	if n := len(parts) - 1; n < 1 || n > 3 || parts[n] != "" {
		return ""
	}
	bits := 8 * (len(parts) - 1)
	full := strings.Join(parts[:len(parts)-1], ".") + strings.Repeat(".0", 5-len(parts))
	a, err := netip.ParseAddr(full)
	if err != nil || a.String() != full {
		return ""
	}
	return netip.PrefixFrom(a, bits).String()
}

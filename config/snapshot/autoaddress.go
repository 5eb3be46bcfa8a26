package snapshot

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Addresses for services that declare none are from 240.240.0.0/16, Istio's
// range for them: no network has it.
const autoFirst, autoCount = 240<<24 | 240<<16, 1 << 16

// autoAddresses gives each service an address by which a redirected connection
// to it is told from others. A headless one is called by its endpoints'
// addresses, one that goes where its caller meant by that one's, and a
// wildcard is no name to look up.
func (d *draft) autoAddresses() {
	taken := map[uint32]bool{0: true, autoCount - 1: true}
	for _, s := range d.snap.Services {
		if len(s.Addresses) > 0 || s.Headless || strings.HasPrefix(s.Host, "*") ||
			s.Resolution == model.ResolutionNone || s.Resolution == model.ResolutionDynamicDNS {
			continue
		}
		start := hash(s.Namespace + "/" + s.Host)
		for n := range uint32(autoCount) {
			if at := (start + n) % autoCount; !taken[at] {
				s.AutoAddress, taken[at] = address(autoFirst+at), true
				break
			}
		}
	}
}

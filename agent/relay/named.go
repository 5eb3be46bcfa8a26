package relay

import discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

// Modules are those that the last good configuration names.
func (r *Relay) Modules(digests func(*discoveryv3.Resource) []string) map[string]bool {
	r.mu.Lock()
	kept := r.kept
	r.mu.Unlock()
	out := map[string]bool{}
	for _, all := range kept.types {
		for _, resource := range all {
			for _, digest := range digests(resource) {
				out[digest] = true
			}
		}
	}
	return out
}

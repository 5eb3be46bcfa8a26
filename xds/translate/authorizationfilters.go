package translate

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"

	"github.com/krater-mesh/krater/model"
)

// AuthorizationFilters are what decides about a workload's requests, and draws
// what that reads, as they stand in the slots of its first chain that is
// served. They ask the cluster krater-policyd, and read what jwt_authn left.
func AuthorizationFilters(snap *model.Snapshot, w model.Workload, o Options) ([]*corev3.TypedExtensionConfig, model.Problems) {
	r, problems := Translate(snap, nil, w, o)
	var out []*corev3.TypedExtensionConfig
	for _, slot := range []string{"attributes", slotAuthorization} {
		for _, e := range r.Extensions {
			chain := &filterchainv3.FilterChainConfig{}
			if !strings.HasSuffix(e.Name, "/"+slot) || strings.HasPrefix(e.Name, "outbound") || e.TypedConfig.UnmarshalTo(chain) != nil {
				continue
			}
			out = append(out, chain.GetDefaultFilterChain().GetFilters()...)
			break
		}
	}
	return out, problems
}

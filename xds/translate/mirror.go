package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// mirrors send copies. They are not traced: their spans would belong to a
// request that nobody made.
func mirrors(list []model.Mirror) []*routev3.RouteAction_RequestMirrorPolicy {
	var out []*routev3.RouteAction_RequestMirrorPolicy
	for _, m := range list {
		if m.Percent > 0 {
			out = append(out, &routev3.RouteAction_RequestMirrorPolicy{
				Cluster:         destinationCluster(m.Destination),
				RuntimeFraction: &corev3.RuntimeFractionalPercent{DefaultValue: share(m.Percent)},
				TraceSampled:    wrapperspb.Bool(false),
			})
		}
	}
	return out
}

package translate

import (
	"strconv"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	commonmatcherv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// outliers takes failing endpoints out. What is not counted is not enforced.
func outliers(c *clusterv3.Cluster, o *model.OutlierDetection) {
	if o == nil {
		return
	}
	out := &clusterv3.OutlierDetection{
		Interval:                       optional(o.Interval),
		BaseEjectionTime:               optional(o.BaseEjectionTime),
		MaxEjectionPercent:             count(o.MaxEjectionPercent),
		SplitExternalLocalOriginErrors: o.SplitExternalAndLocal,
		EnforcingSuccessRate:           wrapperspb.UInt32(0),
	}
	out.Consecutive_5Xx, out.EnforcingConsecutive_5Xx = enforced(o.Consecutive5xx)
	out.ConsecutiveGatewayFailure, out.EnforcingConsecutiveGatewayFailure = enforced(o.ConsecutiveGateway)
	if o.SplitExternalAndLocal {
		out.ConsecutiveLocalOriginFailure, out.EnforcingConsecutiveLocalOriginFailure = enforced(o.ConsecutiveLocal)
		out.EnforcingLocalOriginSuccessRate = wrapperspb.UInt32(0)
	}
	c.OutlierDetection = out
	c.CommonLbConfig.HealthyPanicThreshold = &typev3.Percent{Value: float64(o.MinHealthPercent)}
}

func enforced(n *uint32) (consecutive, percent *wrapperspb.UInt32Value) {
	if n == nil || *n == 0 {
		return nil, wrapperspb.UInt32(0)
	}
	return wrapperspb.UInt32(*n), wrapperspb.UInt32(100)
}

// errorCodes are the statuses that count as errors; nil: those from 500 on.
func errorCodes(o *model.OutlierDetection) *httpv3.HttpProtocolOptions_OutlierDetection {
	if o == nil || len(o.ErrorCodes) == 0 {
		return nil
	}
	var any []*commonmatcherv3.MatchPredicate
	for _, code := range o.ErrorCodes {
		any = append(any, &commonmatcherv3.MatchPredicate{Rule: &commonmatcherv3.MatchPredicate_HttpResponseHeadersMatch{
			HttpResponseHeadersMatch: &commonmatcherv3.HttpHeadersMatch{Headers: []*routev3.HeaderMatcher{headerMatcher(model.HeaderMatch{
				Name: ":status", Match: model.StringMatch{Kind: model.Exact, Value: strconv.Itoa(int(code))},
			})}},
		}})
	}
	matcher := any[0]
	if len(any) > 1 {
		matcher = &commonmatcherv3.MatchPredicate{Rule: &commonmatcherv3.MatchPredicate_OrMatch{
			OrMatch: &commonmatcherv3.MatchPredicate_MatchSet{Rules: any},
		}}
	}
	return &httpv3.HttpProtocolOptions_OutlierDetection{ErrorMatcher: matcher}
}

package translate

import (
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// cors is a route's own configuration of the cors filter. That does nothing
// on a route that answers itself.
func cors(p model.CORSPolicy) *corsv3.CorsPolicy {
	out := &corsv3.CorsPolicy{
		AllowMethods:                 strings.Join(p.AllowMethods, ","),
		AllowHeaders:                 strings.Join(p.AllowHeaders, ","),
		ExposeHeaders:                strings.Join(p.ExposeHeaders, ","),
		FilterEnabled:                &corev3.RuntimeFractionalPercent{DefaultValue: share(100)},
		ForwardNotMatchingPreflights: wrapperspb.Bool(p.StopUnmatched == nil || !*p.StopUnmatched),
	}
	for _, origin := range p.AllowOrigins {
		out.AllowOriginStringMatch = append(out.AllowOriginStringMatch, stringMatcher(origin))
	}
	if p.MaxAge != nil {
		out.MaxAge = strconv.Itoa(int(p.MaxAge.Std().Seconds()))
	}
	if p.AllowCredentials != nil {
		out.AllowCredentials = wrapperspb.Bool(*p.AllowCredentials)
	}
	return out
}

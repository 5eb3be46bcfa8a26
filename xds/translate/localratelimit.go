package translate

import (
	"math"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	localratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const (
	filterLocalRateLimit = "envoy.filters.http.local_ratelimit"

	// maxBuckets is how many values of a limit's key one proxy remembers; the
	// least recently used is forgotten first, and then starts afresh. Envoy's
	// own default (20) would let anyone with 21 names pass.
	maxBuckets = 10_000
	// minPer is the shortest time that Envoy fills a bucket in.
	minPer = model.Duration(50 * time.Millisecond)
)

// localLimits fills the slot of the limits that each proxy counts by itself.
// Before each stands its name: when a request was refused with the details
// local_rate_limited, the last name written is the limit that refused it.
func (p *proxy) localLimits(c chain) filters {
	if !c.served() {
		return nil
	}
	var out filters
	for _, l := range p.limits {
		if l.Scope == model.ScopeMesh || !l.Selector.Matches(p.w) {
			continue
		}
		rate, ok := p.limitDescriptor(*l, c)
		if !ok {
			continue
		}
		out = append(out,
			extension("krater.limit|"+l.ID(), &setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{stateValue(stateLimit, l.ID())}}),
			p.skipUnless(l.When, extension(filterLocalRateLimit, localLimit(*l, rate))))
	}
	return out
}

// localLimit is one limit. Requests that have no descriptor meet a bucket that
// is never empty, because Envoy has no "none".
func localLimit(l model.Limit, rate *routev3.RateLimit) *localratelimitv3.LocalRateLimit {
	all := &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{Numerator: 100}}
	out := &localratelimitv3.LocalRateLimit{
		StatPrefix:     statName("limit_" + l.ID()),
		FilterEnabled:  all,
		FilterEnforced: all,
		TokenBucket: &typev3.TokenBucket{
			MaxTokens: math.MaxUint32, TokensPerFill: wrapperspb.UInt32(math.MaxUint32), FillInterval: durationpb.New(time.Second),
		},
		AlwaysConsumeDefaultTokenBucket: wrapperspb.Bool(false),
		EnableRetryAfterHeader:          true,
		RateLimitedAsResourceExhausted:  true,
		RateLimits:                      []*routev3.RateLimit{rate},
		Descriptors: []*ratelimitv3.LocalRateLimitDescriptor{{
			Entries:     descriptorEntries(rate),
			TokenBucket: bucket(l),
		}},
	}
	if len(rate.Actions) > 1 {
		out.MaxDynamicDescriptors = wrapperspb.UInt32(maxBuckets)
	}
	return out
}

// bucket holds the burst, and fills at the limit's rate.
func bucket(l model.Limit) *typev3.TokenBucket {
	size := l.Burst
	if size == 0 {
		size = max(1, l.Requests)
	}
	return &typev3.TokenBucket{
		MaxTokens: size, TokensPerFill: wrapperspb.UInt32(max(1, l.Requests)), FillInterval: duration(max(minPer, l.Per)),
	}
}

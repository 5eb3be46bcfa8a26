package translate

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// retryOnByDefault are Istio's conditions: each is safe to send again, or was
// never handled.
const retryOnByDefault = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"

// retryPolicy sends again what failed, to another endpoint where there is one.
// With consistent hashing there is none.
func retryPolicy(r model.Retries, hashed bool) *routev3.RetryPolicy {
	if r.Attempts == 0 {
		return nil
	}
	out := &routev3.RetryPolicy{
		RetryOn:              strings.Join(r.RetryOn, ","),
		NumRetries:           wrapperspb.UInt32(r.Attempts),
		PerTryTimeout:        optional(r.PerTryTimeout),
		RetriableStatusCodes: r.RetryOnStatus,
	}
	switch {
	case len(r.RetryOn) == 0 && len(r.RetryOnStatus) == 0:
		out.RetryOn = retryOnByDefault
	case len(r.RetryOnStatus) > 0 && !slices.Contains(r.RetryOn, "retriable-status-codes"):
		out.RetryOn = strings.Join(append(slices.Clone(r.RetryOn), "retriable-status-codes"), ",")
	}
	if !hashed {
		out.HostSelectionRetryMaxAttempts = 5
		out.RetryHostPredicate = []*routev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: pack(&previoushostsv3.PreviousHostsPredicate{})},
		}}
	}
	return out
}

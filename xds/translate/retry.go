package translate

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	previousprioritiesv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
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
		RetryOn:                       retryOn(r),
		NumRetries:                    wrapperspb.UInt32(r.Attempts),
		PerTryTimeout:                 optional(r.PerTryTimeout),
		RetriableStatusCodes:          r.RetryOnStatus,
		HostSelectionRetryMaxAttempts: 5,
	}
	if !hashed && !r.SameHost {
		out.RetryHostPredicate = []*routev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: pack(&previoushostsv3.PreviousHostsPredicate{})},
		}}
	}
	if r.RemoteLocalities {
		out.RetryPriority = &routev3.RetryPolicy_RetryPriority{
			Name: "envoy.retry_priorities.previous_priorities",
			ConfigType: &routev3.RetryPolicy_RetryPriority_TypedConfig{
				TypedConfig: pack(&previousprioritiesv3.PreviousPrioritiesConfig{UpdateFrequency: 2})},
		}
	}
	if r.Backoff != nil {
		out.RetryBackOff = &routev3.RetryPolicy_RetryBackOff{BaseInterval: duration(*r.Backoff)}
	}
	return out
}

// retryOn are Envoy's names of what is sent again. Statuses count only with a
// name of theirs.
func retryOn(r model.Retries) string {
	const statuses = "retriable-status-codes"
	switch {
	case len(r.RetryOn) == 0 && len(r.RetryOnStatus) == 0:
		return retryOnByDefault
	case len(r.RetryOnStatus) > 0 && !slices.Contains(r.RetryOn, statuses):
		return strings.Join(append(slices.Clone(r.RetryOn), statuses), ",")
	}
	return strings.Join(r.RetryOn, ",")
}

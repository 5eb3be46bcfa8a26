package crds

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// retryConditions are the names that Envoy knows.
var retryConditions = []string{"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure",
	"envoy-ratelimited", "retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers",
	"http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}

// DefaultRetries are a route's that says nothing: Istio's. A service's own
// 503 is not among them: the request may have been handled.
func DefaultRetries() model.Retries {
	return model.Retries{Attempts: 2, RetryOn: []string{"connect-failure", "refused-stream", "unavailable", "cancelled"}}
}

func (c *conversion) retries(r *networking.HTTPRetry, field string) *model.Retries {
	if r == nil {
		return nil
	}
	out := &model.Retries{
		Attempts:         c.count(r.GetAttempts(), field+".attempts"),
		PerTryTimeout:    c.duration(r.GetPerTryTimeout(), field+".perTryTimeout"),
		Backoff:          c.duration(r.GetBackoff(), field+".backoff"),
		RemoteLocalities: r.GetRetryRemoteLocalities().GetValue(),
		SameHost:         r.GetRetryIgnorePreviousHosts() != nil && !r.GetRetryIgnorePreviousHosts().GetValue(),
	}
	c.retryOn(out, r.GetRetryOn(), field+".retryOn")
	set := r.GetPerTryTimeout() != nil || r.GetRetryOn() != "" || r.GetRetryRemoteLocalities() != nil || r.GetRetryIgnorePreviousHosts() != nil || r.GetBackoff() != nil
	if out.Attempts == 0 && set && !c.reported(field) {
		c.add(model.Error, model.CodeInvalidValue, field+".attempts", "give attempts, or leave the rest out", "without attempts there are no retries, and nothing else of them has a meaning")
	}
	if out.Attempts > 0 && len(out.RetryOn)+len(out.RetryOnStatus) == 0 {
		out.RetryOn = DefaultRetries().RetryOn
	}
	return out
}

// retryOn reads Envoy's names and statuses, with commas between.
func (c *conversion) retryOn(out *model.Retries, text, field string) {
	for _, word := range strings.Split(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if n, err := strconv.ParseUint(word, 10, 32); err == nil {
			if n < 100 || n > 599 {
				c.bad(field, "%s is no status", word)
			}
			out.RetryOnStatus = append(out.RetryOnStatus, uint32(n))
		} else if !slices.Contains(retryConditions, word) {
			c.add(model.Error, model.CodeInvalidValue, field, meant(word, retryConditions), "unknown condition %q", word)
		} else {
			out.RetryOn = append(out.RetryOn, word)
		}
	}
}

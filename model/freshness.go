package model

import (
	"strings"
	"time"
)

// How a proxy knows how old its configuration is, for policies that bound it
// (RegoPolicy.MaxStaleness). The control plane gives it what to compare, in a
// slot of filters; its agent writes down there when it last had the newest.
const (
	FreshnessSlot = "freshness"
	// NeverHeard stands in it where the agent writes the time, in RFC 3339.
	NeverHeard = "0001-01-01T00:00:00Z"
	// TypeFreshness is the type URL of an agent's question whether its Envoy has
	// the newest. The name that it asks for is its own; the answer, that there is
	// none of that name, comes once Envoy has taken all filters' configuration.
	TypeFreshness = "krater.dev/Freshness"

	freshPrefix = "krater.fresh."
)

// FreshState is the filter state that is "true" where a proxy's configuration
// is younger than that.
func FreshState(within Duration) string { return freshPrefix + within.Std().String() }

// FreshWithin is what FreshState was made of.
func FreshWithin(state string) (time.Duration, bool) {
	text, ok := strings.CutPrefix(state, freshPrefix)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// Package config is what the filter fused is told: the filters to run, in
// order, each with its own configuration.
package config

import "github.com/krater-mesh/krater/filters/sdk"

// Config is the filters that run as one.
type Config struct {
	// The filters, in the order in which they see requests.
	Filters []Filter `json:"filters" filter:"required,minItems=1,maxItems=64"`
}

// Filter is one of them.
type Filter struct {
	// Its root_id.
	Root string `json:"root" filter:"required,minLength=1"`
	// Its configuration; none is {}.
	Config sdk.Raw `json:"config"`
}

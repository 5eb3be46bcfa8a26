package main

import "github.com/krater-mesh/krater/filters/sdk"

// Config says what a request's body must be.
type Config struct {
	// Schema in JSON Schema's words, of which these are known: type, enum,
	// required, properties, additionalProperties (false or true), items,
	// minimum, maximum, minLength, maxLength, minItems, maxItems.
	Schema sdk.Raw `json:"schema" filter:"required"`
	// MaxBytes of a body; a larger one is refused.
	MaxBytes int `json:"maxBytes" filter:"default=1048576,min=1,max=16777216"`
}

package main

// Config says what is masked.
type Config struct {
	// Fields are names of JSON fields whose values are masked, at any depth.
	Fields []string `json:"fields"`
	// Cards masks strings that are numbers of payment cards, in any field.
	Cards bool `json:"cards"`
	// Mask is what stands there instead.
	Mask string `json:"mask" filter:"default=***,maxLength=100"`
	// MaxBytes of a body; a larger one, or one that is no JSON, does not pass.
	MaxBytes int `json:"maxBytes" filter:"default=1048576,min=1,max=16777216"`
}

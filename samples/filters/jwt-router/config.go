package main

// Config says which claim chooses the route.
type Config struct {
	// Claim of the token, as a path: "org.tier".
	Claim string `json:"claim" filter:"required,minLength=1"`
	// Header that routes match on. What the caller sent under its name is removed.
	Header string `json:"header" filter:"default=x-tier,pattern=^[a-z0-9-]+$"`
	// Values that count; any other is as none.
	Values []string `json:"values" filter:"required,minItems=1"`
	// Default is the header's value where the claim says nothing.
	Default string `json:"default" filter:"default=standard"`
}

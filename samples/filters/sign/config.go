package main

import "github.com/krater-mesh/krater/filters/sdk"

// Config says with what requests are signed.
type Config struct {
	// KeyID names the key to who verifies.
	KeyID string `json:"keyId" filter:"required,pattern=^[A-Za-z0-9._-]+$"`
	// Key is shared with who verifies; take it from a Secret by secretRef.
	Key sdk.Secret `json:"key" filter:"required"`
	// Headers that are signed beside method, host and path.
	Headers []string `json:"headers" filter:"pattern=^[a-z0-9-]+$"`
}

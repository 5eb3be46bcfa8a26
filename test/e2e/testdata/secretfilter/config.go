package main

import "github.com/krater-mesh/krater/filters/sdk"

// Config is one secret.
type Config struct {
	// Key is what the filter shows that it has, backwards.
	Key sdk.Secret `json:"key" filter:"required"`
	// Header of the answer.
	Header string `json:"header" filter:"default=x-opened"`
}

package main

import "time"

// Config says who knows the keys.
type Config struct {
	// Cluster of the service that is asked, as Envoy names it:
	// "outbound|80||keys.default.svc.cluster.local".
	Cluster string `json:"cluster" filter:"required,minLength=1"`
	// Path that is asked with the key in its header: 200 lets the caller in,
	// 401 and 403 do not, and anything else is a failure.
	Path string `json:"path" filter:"default=/check,pattern=^/.*$"`
	// Header that holds the key.
	Header string `json:"header" filter:"default=x-api-key,pattern=^[a-z0-9-]+$"`
	// Timeout of a question.
	Timeout time.Duration `json:"timeout" filter:"default=500ms"`
	// CacheFor is how long an answer counts; a key that is taken back works on
	// for that long.
	CacheFor time.Duration `json:"cacheFor" filter:"default=30s"`
	// CacheSize is the most answers that a proxy's worker keeps.
	CacheSize int `json:"cacheSize" filter:"default=1000,min=1,max=100000"`
}

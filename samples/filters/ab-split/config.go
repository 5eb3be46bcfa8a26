package main

import "time"

// Config says which variants there are.
type Config struct {
	// Cookie that keeps a visitor's variant.
	Cookie string `json:"cookie" filter:"default=variant,pattern=^[A-Za-z0-9_-]+$"`
	// Header that routes match on. What the caller sent under its name is removed.
	Header string `json:"header" filter:"default=x-variant,pattern=^[a-z0-9-]+$"`
	// Variants and their shares.
	Variants []Variant `json:"variants" filter:"required,minItems=1,maxItems=20"`
	// MaxAge of the cookie.
	MaxAge time.Duration `json:"maxAge" filter:"default=720h"`
}

// Variant is one of the ways.
type Variant struct {
	Name string `json:"name" filter:"required,pattern=^[A-Za-z0-9_-]+$"`
	// Weight is its share of all weights; 0 takes no new visitors and keeps
	// those it has.
	Weight int `json:"weight" filter:"min=0,max=1000"`
}

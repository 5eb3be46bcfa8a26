//go:build !wasm

package config

import "encoding/json"

// JSON is the document that the filter reads.
func (c Config) JSON() string {
	if c.Attributes == nil {
		c.Attributes = []Attribute{}
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data: cannot happen
	}
	return string(b)
}

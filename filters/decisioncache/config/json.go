//go:build !wasm

package config

import (
	_ "embed" // the schema
	"encoding/json"
)

// Schema is the configuration's JSON Schema.
//
//go:embed config.schema.json
var Schema []byte

// JSON is the document that the filter reads.
func (c Config) JSON() string {
	if c.Inputs == nil {
		c.Inputs = []Input{}
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data: cannot happen
	}
	return string(b)
}

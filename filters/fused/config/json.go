//go:build !wasm

package config

import (
	_ "embed" // the schema
	"encoding/json"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Schema is the configuration's JSON Schema.
//
//go:embed config.schema.json
var Schema []byte

// Of gives the configuration of a filter as part of this one: the document
// that its own config.Config.JSON writes.
func Of(root, document string) Filter { return Filter{Root: root, Config: sdk.Raw(document)} }

// JSON is the document that the filter reads.
func (c Config) JSON() string {
	type filter struct {
		Root   string          `json:"root"`
		Config json.RawMessage `json:"config,omitempty"`
	}
	var doc struct {
		Filters []filter `json:"filters"`
	}
	for _, f := range c.Filters {
		doc.Filters = append(doc.Filters, filter{f.Root, json.RawMessage(f.Config)})
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err) // its parts are JSON: cannot happen
	}
	return string(b)
}

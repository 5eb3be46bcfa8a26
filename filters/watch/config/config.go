// Package config is the watch over filters of somebody else's: a tiny Wasm
// module, which two instances of stand around each. It ends requests that the
// filter between them does not let go.
package config

import _ "embed"

// Module is the code, made of watch.wat.
//
//go:embed watch.wasm
var Module []byte

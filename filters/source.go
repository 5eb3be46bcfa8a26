// Package filters holds the sources of the SDK, so that a krater binary can
// start a filter's folder anywhere, with the SDK that it was tested with.
package filters

import "embed"

// SDK is the folder "sdk".
//
//go:embed sdk
var SDK embed.FS

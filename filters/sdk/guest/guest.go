// Package guest joins filters to the proxy, by proxy-wasm 0.2.1: it exports the
// callbacks that every filter of requests needs. Each package below it adds
// more, for those who import it: an exported callback costs a call into the
// module, whether or not its filters want it. Only main packages import it.
package guest

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"
)

// Register offers roots to the proxy. Call it once, in the init function of a
// module's main package: the proxy runs no main.
func Register(roots ...sdk.Root) { vm.Roots = roots }

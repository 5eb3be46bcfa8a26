// Package network has the module called for TCP connections: import it in the
// main package of a module that offers an sdk.NetworkFilter.
package network

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Network) }

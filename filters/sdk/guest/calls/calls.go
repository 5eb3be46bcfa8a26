// Package calls brings the answers of HTTP and gRPC calls: import it in the
// main package of a module whose filters make any.
package calls

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Calls) }

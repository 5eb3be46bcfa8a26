// Package queues has the module called for shared queues: import it in the
// main package of a module whose filters implement sdk.Queues.
package queues

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Queues) }

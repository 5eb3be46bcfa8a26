// Package log has the module called when an answer went out: import it in the
// main package of a module whose filters implement sdk.Log. The proxy then
// calls it for every request, also for those that its filter does not match.
package log

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Log) }

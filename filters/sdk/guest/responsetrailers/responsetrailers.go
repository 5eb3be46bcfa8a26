// Package responsetrailers has the module called for answers' trailers: import it in
// the main package of a module whose filters implement sdk.ResponseTrailers.
package responsetrailers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.ResponseTrailersPart) }

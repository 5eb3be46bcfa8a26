// Package requesttrailers has the module called for requests' trailers: import it in
// the main package of a module whose filters implement sdk.RequestTrailers.
package requesttrailers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.RequestTrailersPart) }

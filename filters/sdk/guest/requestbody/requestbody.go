// Package requestbody has the module called for requests' bodies: import it in
// the main package of a module whose filters implement sdk.RequestBody.
package requestbody

import (
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

	// A body that trailers follow ends with them.
	_ "github.com/krater-mesh/krater/filters/sdk/guest/requesttrailers"
)

func init() { vm.Link(vm.RequestBodies) }

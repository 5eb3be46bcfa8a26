// Package responsebody has the module called for answers' bodies: import it in
// the main package of a module whose filters implement sdk.ResponseBody.
package responsebody

import (
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

	// A body that trailers follow ends with them.
	_ "github.com/krater-mesh/krater/filters/sdk/guest/responsetrailers"
)

func init() { vm.Link(vm.ResponseBodies) }

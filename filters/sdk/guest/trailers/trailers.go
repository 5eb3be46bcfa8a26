// Package trailers has the module called for all trailers: see requesttrailers
// and responsetrailers for one kind.
package trailers

import (
	_ "github.com/krater-mesh/krater/filters/sdk/guest/requesttrailers"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/responsetrailers"
)

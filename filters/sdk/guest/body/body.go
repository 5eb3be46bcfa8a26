// Package body has the module called for all bodies. A module whose filters
// look at requests' or at answers' only imports requestbody or responsebody:
// most of what goes through a proxy is answers' bodies.
package body

import (
	_ "github.com/krater-mesh/krater/filters/sdk/guest/requestbody"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/responsebody"
)

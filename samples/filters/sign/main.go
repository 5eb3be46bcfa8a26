// Command sign is the module: it offers the filter to the proxy.
package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() { guest.Register(sdk.Root{New: New}) }

func main() {} // the proxy runs only init

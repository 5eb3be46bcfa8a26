// Package timers has the module called at a period: import it in the main
// package of a module whose filters implement sdk.Ticker.
package timers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Timers) }

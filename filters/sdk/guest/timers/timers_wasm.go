package timers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_tick
func onTick(id uint32) { vm.Tick(id) }

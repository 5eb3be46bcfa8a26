package log

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_log
func onLog(id uint32) { vm.AtLog(id) }

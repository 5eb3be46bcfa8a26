package network

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"
)

//go:wasmexport proxy_on_new_connection
func onNewConnection(id uint32) uint32 { return vm.NewConnection(id) }

//go:wasmexport proxy_on_downstream_data
func onDownstreamData(id, size, end uint32) uint32 { return vm.DownstreamData(id, size, end) }

//go:wasmexport proxy_on_upstream_data
func onUpstreamData(id, size, end uint32) uint32 { return vm.UpstreamData(id, size, end) }

//go:wasmexport proxy_on_downstream_connection_close
func onDownstreamConnectionClose(id, _ uint32) { vm.Closed(id, sdk.Downstream) }

//go:wasmexport proxy_on_upstream_connection_close
func onUpstreamConnectionClose(id, _ uint32) { vm.Closed(id, sdk.Upstream) }

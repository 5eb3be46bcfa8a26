package requesttrailers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_request_trailers
func onRequestTrailers(id, _ uint32) uint32 { return vm.RequestTrailers(id) }

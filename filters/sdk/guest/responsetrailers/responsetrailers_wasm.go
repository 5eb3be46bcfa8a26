package responsetrailers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_response_trailers
func onResponseTrailers(id, _ uint32) uint32 { return vm.ResponseTrailers(id) }

// Package trailers has the module called for trailers: import it in the main
// package of a module whose filters implement sdk.RequestTrailers or
// sdk.ResponseTrailers.
package trailers

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Trailers) }

//go:wasmexport proxy_on_request_trailers
func onRequestTrailers(id, _ uint32) uint32 { return vm.RequestTrailers(id) }

//go:wasmexport proxy_on_response_trailers
func onResponseTrailers(id, _ uint32) uint32 { return vm.ResponseTrailers(id) }

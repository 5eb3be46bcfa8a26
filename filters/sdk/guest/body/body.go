// Package body has the module called for bodies: import it in the main package
// of a module whose filters implement sdk.RequestBody or sdk.ResponseBody.
package body

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

func init() { vm.Link(vm.Body) }

//go:wasmexport proxy_on_request_body
func onRequestBody(id, size, end uint32) uint32 { return vm.RequestBody(id, size, end) }

//go:wasmexport proxy_on_response_body
func onResponseBody(id, size, end uint32) uint32 { return vm.ResponseBody(id, size, end) }

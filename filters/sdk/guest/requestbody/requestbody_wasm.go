package requestbody

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_request_body
func onRequestBody(id, size, end uint32) uint32 { return vm.RequestBody(id, size, end) }

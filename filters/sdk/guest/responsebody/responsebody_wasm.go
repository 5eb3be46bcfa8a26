package responsebody

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_response_body
func onResponseBody(id, size, end uint32) uint32 { return vm.ResponseBody(id, size, end) }

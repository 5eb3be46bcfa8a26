package guest

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_context_create
func onContextCreate(id, parent uint32) { vm.ContextCreate(id, parent) }

//go:wasmexport proxy_on_configure
func onConfigure(id, size uint32) bool { return vm.Configure(id, size) }

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(id, _, end uint32) uint32 { return vm.RequestHeaders(id, end) }

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(id, _, _ uint32) uint32 { return vm.ResponseHeaders(id) }

//go:wasmexport proxy_on_delete
func onDelete(id uint32) { vm.Delete(id) }

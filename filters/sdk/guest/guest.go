// Package guest joins filters to the proxy, by proxy-wasm 0.2.1: it exports the
// callbacks that every filter of requests needs. Each package below it adds
// more, for those who import it: an exported callback costs a call into the
// module, whether or not its filters want it. Only main packages import it.
package guest

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"
)

// Register offers roots to the proxy. Call it once, in the init function of a
// module's main package: the proxy runs no main.
func Register(roots ...sdk.Root) { vm.Roots = roots }

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

package calls

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_http_call_response
func onHTTPCallResponse(id, token, headers, size, _ uint32) {
	vm.HTTPResponse(id, token, headers, size)
}

//go:wasmexport proxy_on_grpc_receive_initial_metadata
func onGRPCReceiveInitialMetadata(id, token, _ uint32) { vm.GRPCMetadata(id, token) }

//go:wasmexport proxy_on_grpc_receive_trailing_metadata
func onGRPCReceiveTrailingMetadata(id, token, _ uint32) { vm.GRPCTrailers(id, token) }

//go:wasmexport proxy_on_grpc_receive
func onGRPCReceive(id, token, size uint32) { vm.GRPCReceive(id, token, size) }

//go:wasmexport proxy_on_grpc_close
func onGRPCClose(id, token, status uint32) { vm.GRPCClose(id, token, status) }

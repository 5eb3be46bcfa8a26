package abi

// What the proxy offers. No pointer given here is kept by it.

//go:wasmimport env proxy_log
func proxyLog(level uint32, line string) Status

//go:wasmimport env proxy_get_property
//go:noescape
func proxyGetProperty(path string, at, size *uint32) Status

//go:wasmimport env proxy_set_property
func proxySetProperty(name, value string) Status

//go:wasmimport env proxy_get_header_map_value
//go:noescape
func proxyGetHeaderMapValue(m Map, name string, at, size *uint32) Status

//go:wasmimport env proxy_replace_header_map_value
func proxyReplaceHeaderMapValue(m Map, name, value string) Status

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeaderMapValue(m Map, name, value string) Status

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeaderMapValue(m Map, name string) Status

//go:wasmimport env proxy_get_header_map_pairs
//go:noescape
func proxyGetHeaderMapPairs(m Map, at, size *uint32) Status

//go:wasmimport env proxy_get_buffer_bytes
//go:noescape
func proxyGetBufferBytes(b Buffer, from, n uint32, at, size *uint32) Status

//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(b Buffer, from, n uint32, data string) Status

//go:wasmimport env proxy_send_local_response
func proxySendLocalResponse(status uint32, details, body, headers string, grpcStatus int32) Status

//go:wasmimport env proxy_continue_stream
func proxyContinueStream(f Flow) Status

//go:wasmimport env proxy_close_stream
func proxyCloseStream(f Flow) Status

//go:wasmimport env proxy_set_effective_context
func proxySetEffectiveContext(id uint32) Status

//go:wasmimport env proxy_http_call
//go:noescape
func proxyHTTPCall(cluster, headers, body, trailers string, milliseconds uint32, token *uint32) Status

//go:wasmimport env proxy_grpc_call
//go:noescape
func proxyGRPCCall(service, name, method, metadata, message string, milliseconds uint32, token *uint32) Status

//go:wasmimport env proxy_grpc_cancel
func proxyGRPCCancel(token uint32) Status

//go:wasmimport env proxy_get_status
//go:noescape
func proxyGetStatus(code, at, size *uint32) Status

//go:wasmimport env proxy_set_tick_period_milliseconds
func proxySetTickPeriodMilliseconds(period uint32) Status

//go:wasmimport env proxy_get_shared_data
//go:noescape
func proxyGetSharedData(key string, at, size, cas *uint32) Status

//go:wasmimport env proxy_set_shared_data
func proxySetSharedData(key, value string, cas uint32) Status

//go:wasmimport env proxy_register_shared_queue
//go:noescape
func proxyRegisterSharedQueue(name string, id *uint32) Status

//go:wasmimport env proxy_resolve_shared_queue
//go:noescape
func proxyResolveSharedQueue(vmID, name string, id *uint32) Status

//go:wasmimport env proxy_enqueue_shared_queue
func proxyEnqueueSharedQueue(id uint32, item string) Status

//go:wasmimport env proxy_dequeue_shared_queue
//go:noescape
func proxyDequeueSharedQueue(id uint32, at, size *uint32) Status

//go:wasmimport env proxy_define_metric
//go:noescape
func proxyDefineMetric(kind Metric, name string, id *uint32) Status

//go:wasmimport env proxy_increment_metric
func proxyIncrementMetric(id uint32, by int64) Status

//go:wasmimport env proxy_record_metric
func proxyRecordMetric(id uint32, value uint64) Status

//go:wasmimport env proxy_call_foreign_function
//go:noescape
func proxyCallForeignFunction(name, argument string, at, size *uint32) Status

//go:build !wasm

package abi

// Outside Wasm there is no proxy: these exist only so that tools can read this
// package.

const absent Status = 12

func proxyLog(uint32, string) Status { return absent }

func proxyGetProperty(string, *uint32, *uint32) Status { return absent }

func proxySetProperty(string, string) Status { return absent }

func proxyGetHeaderMapValue(Map, string, *uint32, *uint32) Status { return absent }

func proxyReplaceHeaderMapValue(Map, string, string) Status { return absent }

func proxyAddHeaderMapValue(Map, string, string) Status { return absent }

func proxyRemoveHeaderMapValue(Map, string) Status { return absent }

func proxyGetHeaderMapPairs(Map, *uint32, *uint32) Status { return absent }

func proxyGetBufferBytes(Buffer, uint32, uint32, *uint32, *uint32) Status { return absent }

func proxySetBufferBytes(Buffer, uint32, uint32, string) Status { return absent }

func proxySendLocalResponse(uint32, string, string, string, int32) Status { return absent }

func proxyContinueStream(Flow) Status { return absent }

func proxyCloseStream(Flow) Status { return absent }

func proxySetEffectiveContext(uint32) Status { return absent }

func proxyHTTPCall(string, string, string, string, uint32, *uint32) Status { return absent }

func proxyGRPCCall(string, string, string, string, string, uint32, *uint32) Status { return absent }

func proxyGRPCCancel(uint32) Status { return absent }

func proxyGetStatus(*uint32, *uint32, *uint32) Status { return absent }

func proxySetTickPeriodMilliseconds(uint32) Status { return absent }

func proxyGetSharedData(string, *uint32, *uint32, *uint32) Status { return absent }

func proxySetSharedData(string, string, uint32) Status { return absent }

func proxyRegisterSharedQueue(string, *uint32) Status { return absent }

func proxyResolveSharedQueue(string, string, *uint32) Status { return absent }

func proxyEnqueueSharedQueue(uint32, string) Status { return absent }

func proxyDequeueSharedQueue(uint32, *uint32, *uint32) Status { return absent }

func proxyDefineMetric(Metric, string, *uint32) Status { return absent }

func proxyIncrementMetric(uint32, int64) Status { return absent }

func proxyRecordMetric(uint32, uint64) Status { return absent }

func proxyCallForeignFunction(string, string, *uint32, *uint32) Status { return absent }

// Package meter tells a benchmark what a guest allocated.
package meter

import "runtime"

//go:wasmexport meter_allocations
func allocations() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Mallocs)
}

//go:wasmexport meter_bytes
func bytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

package filtertest

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// read copies text out of the guest's memory; a wrong address traps.
func read(m api.Module, at, size uint32) string {
	b, inside := m.Memory().Read(at, size)
	if !inside {
		panic("the module named an address outside its memory")
	}
	return string(b)
}

// write puts a number of 32 bits into the guest's memory.
func write(m api.Module, at, number uint32) {
	if !m.Memory().WriteUint32Le(at, number) {
		panic("the module named an address outside its memory")
	}
}

// give hands bytes to the guest as proxies do: in memory that the guest
// allocates, its address and size written to two places.
func give(ctx context.Context, m api.Module, b []byte, address, size uint32) status {
	at := uint32(0)
	if len(b) > 0 {
		out, err := m.ExportedFunction("proxy_on_memory_allocate").Call(ctx, uint64(len(b)))
		if err != nil {
			panic(err)
		}
		at = uint32(out[0])
		if !m.Memory().Write(at, b) {
			panic("the module allocated outside its memory")
		}
	}
	write(m, address, at)
	write(m, size, uint32(len(b)))
	return ok
}

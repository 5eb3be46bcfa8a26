package filtertest

import (
	"context"
	"encoding/binary"

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

// encodePairs writes headers as proxy-wasm has them: their number, all sizes,
// then names and values, each with a 0 byte behind it.
func encodePairs(pairs [][2]string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[1])))
	}
	for _, p := range pairs {
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return b
}

// decodePairs reads what encodePairs writes; ok is false if it is cut short.
func decodePairs(b string) (pairs [][2]string, ok bool) {
	number := func() int {
		if len(b) < 4 {
			return -1
		}
		n := int(binary.LittleEndian.Uint32([]byte(b[:4])))
		b = b[4:]
		return n
	}
	text := func(size int) (s string) {
		if ok = ok && size >= 0 && size < len(b); ok {
			s, b = b[:size], b[size+1:]
		}
		return s
	}
	n := number()
	if n < 0 || n > len(b)/8 {
		return nil, false
	}
	sizes := make([]int, 2*n)
	for i := range sizes {
		sizes[i] = number()
	}
	ok = true
	for i := 0; i < n; i++ {
		pairs = append(pairs, [2]string{text(sizes[2*i]), text(sizes[2*i+1])})
	}
	return pairs, ok
}

// Package headermap reads and writes headers as proxy-wasm hands them over, for the
// hosts that run modules outside of a proxy.
package headermap

import "encoding/binary"

// Encode writes their number, all sizes, then names and values, each with a 0
// byte behind it.
func Encode(pairs [][2]string) []byte {
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

// Decode reads what Encode writes; nothing at all is none, as it is to Envoy.
func Decode(text string) (pairs [][2]string, good bool) {
	b := []byte(text)
	if len(b) < 4 {
		return nil, len(b) == 0
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if uint64(len(b)) < 4+8*n {
		return nil, false
	}
	sizes, rest := b[4:4+8*n], b[4+8*n:]
	for len(sizes) > 0 {
		var p [2]string
		for i := range p {
			size := binary.LittleEndian.Uint32(sizes[4*i:])
			if uint64(size) >= uint64(len(rest)) {
				return nil, false
			}
			p[i], rest = string(rest[:size]), rest[size+1:]
		}
		pairs, sizes = append(pairs, p), sizes[8:]
	}
	return pairs, true
}

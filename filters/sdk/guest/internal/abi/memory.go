package abi

import (
	"encoding/binary"
	"unsafe"
)

// given is the memory that the proxy asked for last. It keeps the bytes alive
// between the proxy's asking and our taking: a collection may run in between,
// and the proxy's own copy of the address is no reference.
var given []byte

// lent is memory to give instead of new, for what is read before the next loan;
// nil: none is lent.
var lent []byte

// returned is where the proxy writes results. It is a global since the
// address of a local that leaves for the proxy would be allocated.
var returned struct {
	at, size, number uint32
}

// scratch holds what is put together for one call.
var scratch []byte

// take gives what the proxy wrote into given memory.
func take() []byte {
	b := given
	given = nil
	if returned.size == 0 {
		return nil
	}
	return b[:returned.size:returned.size]
}

// text looks at bytes as a string; they must not change any more.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// join writes a path as the proxy reads it, into scratch.
func join(path []string) string {
	scratch = scratch[:0]
	for i, p := range path {
		if i > 0 {
			scratch = append(scratch, 0)
		}
		scratch = append(scratch, p...)
	}
	return text(scratch)
}

// appendPairs writes headers as the proxy reads them: their number, all sizes, then
// names and values, each with a 0 byte behind it. None at all is nothing.
func appendPairs(b []byte, lists ...[][2]string) []byte {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	if n == 0 {
		return b
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for _, list := range lists {
		for i := range list {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(list[i][0])))
			b = binary.LittleEndian.AppendUint32(b, uint32(len(list[i][1])))
		}
	}
	for _, list := range lists {
		for i := range list {
			b = append(append(b, list[i][0]...), 0)
			b = append(append(b, list[i][1]...), 0)
		}
	}
	return b
}

// splitPairs reads what the proxy wrote of headers; the strings look into b.
func splitPairs(b []byte) [][2]string {
	if len(b) < 4 {
		return nil
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n > len(b)/8 {
		return nil
	}
	list := make([][2]string, n)
	at := 4 + 8*n
	for i := range list {
		for j := range 2 {
			size := int(binary.LittleEndian.Uint32(b[4+8*i+4*j:]))
			if size > len(b)-at-1 {
				return list[:i]
			}
			list[i][j] = text(b[at : at+size])
			at += size + 1
		}
	}
	return list
}

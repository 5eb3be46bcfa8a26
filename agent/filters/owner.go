package filters

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// data is what a module's memory begins with: by it a memory is known, whoever
// wrote the module.
type data struct {
	at    uint64
	bytes []byte
}

// pieceSize is what is compared at once, and mostRead what is looked at of a
// memory.
const (
	pieceSize = 64
	mostRead  = 16 << 20
)

// dataOf is the data of a module.
func dataOf(code []byte) (out []data) {
	content := section(code, 11)
	count, content, ok := number(content)
	if !ok {
		return nil
	}
	for ; count > 0; count-- {
		at, bytes, rest, ok := segment(content)
		if !ok {
			break
		}
		content = rest
		out = append(out, data{at, bytes})
	}
	return out
}

// likeness tells how many bytes of a module's data are in a memory, by pieces.
// Two versions of one filter have much in common: the one of more is meant.
func likeness(memory []byte, of []data) (same, all int) {
	for _, d := range of {
		at := d.at
		for piece := range slices.Chunk(d.bytes, pieceSize) {
			if all += len(piece); at+pieceSize < uint64(len(memory)) && bytes.Equal(memory[at:at+uint64(len(piece))], piece) {
				same += len(piece)
			}
			at += uint64(len(piece))
		}
	}
	return same, all
}

// section finds the content of a section of a Wasm module.
func section(code []byte, id byte) []byte {
	if len(code) < 8 || string(code[:4]) != "\x00asm" {
		return nil
	}
	for code = code[8:]; len(code) > 1; {
		size, rest, ok := number(code[1:])
		if !ok || size > uint64(len(rest)) {
			return nil
		}
		if code[0] == id {
			return rest[:size]
		}
		code = rest[size:]
	}
	return nil
}

// segment reads an active data segment of memory 0 at a constant place.
func segment(data []byte) (at uint64, bytes, rest []byte, ok bool) {
	const constant, end = 0x41, 0x0b // i32.const
	kind, data, ok := number(data)
	if !ok || kind != 0 || len(data) < 3 || data[0] != constant {
		return 0, nil, nil, false
	}
	place, n := signed(data[1:])
	if n <= 0 || place < 0 || 1+n >= len(data) || data[1+n] != end {
		return 0, nil, nil, false
	}
	size, data, ok := number(data[2+n:])
	if !ok || size > uint64(len(data)) {
		return 0, nil, nil, false
	}
	return uint64(place), data[:size], data[size:], true
}

// number reads an unsigned LEB128.
func number(data []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 {
		return 0, nil, false
	}
	return n, data[size:], true
}

// signed reads a signed LEB128.
func signed(data []byte) (out int64, size int) {
	var shift uint
	for i, b := range data {
		if shift > 56 {
			return 0, 0
		}
		out |= int64(b&0x7f) << shift
		shift += 7
		if b&0x80 == 0 {
			if b&0x40 != 0 {
				out |= -1 << shift
			}
			return out, i + 1
		}
	}
	return 0, 0
}

// readMemory reads the beginning of a linear memory of a process.
func readMemory(pid int, memory span) ([]byte, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, fmt.Errorf("looking at envoy's memory: %w", err)
	}
	defer f.Close()
	out := make([]byte, min(memory.size(), mostRead))
	n, err := f.ReadAt(out, int64(memory.from))
	if n == 0 {
		return nil, fmt.Errorf("looking at envoy's memory: %w", err)
	}
	return out[:n], nil
}

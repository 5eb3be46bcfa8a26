// Package assemble writes Wasm modules byte by byte: small ones for tests, and
// among them such as no compiler would make. It checks nothing.
package assemble

import "encoding/binary"

// Module is what is written, section by section, in the order of the binary
// format. Raw is put behind all of it as it is.
type Module struct {
	Imports  []Import
	Tables   []Limits // of functions
	Memories []Limits
	Globals  []Global
	Exports  []Export // beside those that the functions name
	Start    *uint32
	Elements []Element
	Funcs    []Func
	Data     []Data
	Custom   map[string][]byte
	Raw      []byte
}

// Import is a function of the host, of a type as Signature reads it.
type Import struct{ Module, Name, Type string }

// Limits are a table's or a memory's; Max of 0 is none.
type Limits struct {
	Min, Max uint32
	Import   [2]string // module and name, if it is imported
}

// Global is a variable that begins with a number of 32 bits.
type Global struct {
	Init   int32
	Export string
}

// Export names something by its kind (0 function, 1 table, 2 memory, 3 global)
// and its index.
type Export struct {
	Name  string
	Kind  byte
	Index uint32
}

// Func is a function of the module. Body has neither its locals nor its end.
type Func struct {
	Export string // "": it has none
	Type   string
	Locals uint32 // of 32 bits, behind the parameters
	Body   []byte
	Whole  []byte // if given, the whole code entry, in the place of Body
}

// Element fills the table from an offset with functions, by index.
type Element struct {
	Offset int32
	Funcs  []uint32
}

// Data fills the memory from an offset.
type Data struct {
	Offset int32
	Bytes  []byte
}

// Header begins every module: "\0asm" and version 1.
var Header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// U32 is a number as Wasm writes those without a sign.
func U32(n uint32) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// I32 is a number as Wasm writes those with a sign.
func I32(n int32) []byte { return I64(int64(n)) }

// I64 is a number of 64 bits as Wasm writes those with a sign.
func I64(n int64) (b []byte) {
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n == 0 && c&0x40 == 0 || n == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Name is a text with its length before it.
func Name(s string) []byte { return append(U32(uint32(len(s))), s...) }

// Section is a section of a number.
func Section(id byte, content []byte) []byte {
	return append(append([]byte{id}, U32(uint32(len(content)))...), content...)
}

// Vector writes how many parts there are, then the parts.
func Vector(parts ...[]byte) []byte {
	b := U32(uint32(len(parts)))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Signature writes a function's type: "iI:i" has an i32 and an i64, and gives
// an i32; f and F are the floating ones.
func Signature(s string) []byte {
	letters := map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c}
	var in, out []byte
	to := &in
	for _, c := range s {
		if c == ':' {
			to = &out
		} else {
			*to = append(*to, letters[c])
		}
	}
	b := append([]byte{0x60}, U32(uint32(len(in)))...)
	b = append(append(b, in...), U32(uint32(len(out)))...)
	return append(b, out...)
}

package module

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// headerSize is that of a module's magic number and version.
const headerSize = 8

var header = []byte("\x00asm\x01\x00\x00\x00")

var errNoModule = errors.New("this is no Wasm module")

// section is one of a module's.
type section struct {
	whole   []byte
	name    string // of a custom section
	content []byte // of a custom section, behind its name
}

// sections visits a module's sections in order. Nothing is copied.
func sections(code []byte, visit func(section) error) error {
	rest, ok := bytes.CutPrefix(code, header)
	if !ok {
		return errNoModule
	}
	for len(rest) > 0 {
		id := rest[0]
		body, after, ok := sized(rest[1:])
		if !ok {
			return errors.New("a section is longer than the module")
		}
		s := section{whole: rest[:len(rest)-len(after)]}
		if id == 0 {
			name, content, ok := sized(body)
			if !ok {
				return errors.New("a custom section has no name")
			}
			s.name, s.content = string(name), content
		}
		if err := visit(s); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

// sized splits off bytes that their length stands before, of at most 32 bits.
func sized(b []byte) (body, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || n > 5 || size > math.MaxUint32 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

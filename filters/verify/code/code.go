// Package code reads the sections of a Wasm module without running anything,
// in time and memory that its bytes bound, and writes it anew so that a run of
// it can be ended at any time. What would cost its reader more is refused.
package code

import (
	"bytes"
	"fmt"
)

// Module is what a module says of itself.
type Module struct {
	Imports   []Import
	Exports   []Export
	Functions int // of its own
	Memory    Memory
	Table     uint64 // the tables' elements at the start, of all together
	Data      int64  // bytes that segments put into the memory
	Started   bool   // it has a start section
	Customs   map[string][]byte

	types       []signature
	funcs       []uint32 // type of each function, the imported first
	sections    []section
	guardedCode []byte
	locals      int // of all functions
	blocks      int
	targets     int
}

// Import is something that the module wants of its host.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         string // of a function: "iI:i" takes an i32 and an i64, gives an i32
}

// Export is something that the module gives.
type Export struct {
	Name string
	Kind Kind
	Type string // of a function
}

// Memory is the module's own memory, in pages of 64 KiB.
type Memory struct {
	Own      bool
	Min, Max uint64 // Max is 65536 if it names none
}

// Kind is what is imported or exported.
type Kind byte

// The kinds, as the binary format numbers them.
const (
	Function Kind = iota
	Table
	MemoryKind
	Global
	Tag
)

// String is the kind's name.
func (k Kind) String() string {
	if int(k) < 5 {
		return [...]string{"function", "table", "memory", "global", "tag"}[k]
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// Page is the unit of memory.
const Page = 64 << 10

// signature is a function's type.
type signature struct{ params, results []byte }

func (s signature) String() string {
	text := ""
	for _, t := range s.params {
		text += letter(t)
	}
	text += ":"
	for _, t := range s.results {
		text += letter(t)
	}
	return text
}

func letter(t byte) string {
	switch t {
	case 0x7f:
		return "i"
	case 0x7e:
		return "I"
	case 0x7d:
		return "f"
	case 0x7c:
		return "F"
	case 0x7b:
		return "v"
	}
	return "r"
}

// section is one of the module's sections, as it stands.
type section struct {
	id   byte
	body []byte
}

// Refusal says why a module is not read.
type Refusal struct{ Message, Fix string }

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

func refuse(fix, format string, args ...any) *Refusal {
	return &Refusal{Message: fmt.Sprintf(format, args...), Fix: fix}
}

// damaged is a module that no compiler writes.
func damaged(format string, args ...any) *Refusal {
	return refuse("build it again, and compare its size and digest with the builder's: it may have been cut off or changed on its way", format, args...)
}

var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// Read reads a module. The error is a *Refusal.
func Read(b []byte) (m *Module, err error) {
	if !bytes.HasPrefix(b, header) {
		return nil, notWasm(b)
	}
	m = &Module{Customs: map[string][]byte{}}
	r := &reader{b: b, at: len(header)}
	defer func() {
		if v := recover(); v != nil {
			refusal, ours := v.(*Refusal)
			if !ours {
				panic(v)
			}
			m, err = nil, refusal
		}
	}()
	for last := 0; r.left() > 0; {
		id := r.byte()
		body := r.sub(r.size("a section's size"))
		s := section{id, body.b}
		if id == 0 {
			name := body.name()
			if m.Customs[name] = body.rest(); len(m.Customs) > maxCustoms {
				r.fail("it has more than %d sections of its own", maxCustoms)
			}
			continue
		}
		order := orderOf(id)
		if order <= last {
			r.fail("section %d stands twice, or in the wrong place", id)
		}
		last = order
		m.section(id, body)
		if body.left() > 0 {
			r.fail("section %d has %d bytes too many", id, body.left())
		}
		m.sections = append(m.sections, s)
	}
	m.finish(r)
	return m, nil
}

// notWasm says what a file is that is no module.
func notWasm(b []byte) *Refusal {
	switch {
	case len(b) == 0:
		return damaged("it is empty")
	case bytes.HasPrefix(b, header[:4]) && len(b) >= 8 && b[6] == 1:
		return refuse("build a core module: in Go with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared, in Rust for wasm32-wasip1 or wasm32-unknown-unknown", "it is a Wasm component, not a core module")
	case bytes.HasPrefix(b, header[:4]):
		return damaged("it is not a Wasm module of version 1: it begins with %x", b[:min(8, len(b))])
	}
	return refuse("give the .wasm file itself, not an archive or an image of it", "it is not a Wasm module: it begins with %q", b[:min(8, len(b))])
}

// orderOf is where a section must stand; the numbers are not in order.
func orderOf(id byte) int {
	order := []byte{1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11}
	if at := bytes.IndexByte(order, id); at >= 0 {
		return at + 1
	}
	return 0
}

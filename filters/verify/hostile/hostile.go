// Package hostile makes Wasm modules that would harm a proxy, or whoever reads
// them, for tests. All of them can be told before they are given to a proxy.
package hostile

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/filters/verify/assemble"
)

// Module is a hostile module, and what is to be said of it.
type Module struct {
	Name  string
	Code  func() []byte
	Check string // of filters/verify
	Says  string // part of the message
	Large bool   // so that it is slow to make
}

// endless is a loop.
var endless = []byte{assemble.Loop, assemble.Empty, assemble.Br, 0, assemble.End}

// hungry takes page after page, whether it gets them or not.
var hungry = []byte{assemble.Loop, assemble.Empty, assemble.Const, 0x80, 0x04, assemble.MemoryGrow, 0, assemble.Drop, assemble.Br, 0, assemble.End}

// with is the smallest filter, changed.
func with(change func(*assemble.Module)) func() []byte {
	return func() []byte {
		m := assemble.Filter()
		change(&m)
		return m.Bytes()
	}
}

// does puts code before what one of the filter's functions does.
func does(function int, code []byte) func() []byte {
	return with(func(m *assemble.Module) {
		f := &m.Funcs[function]
		f.Body = slices.Concat(code, f.Body)
	})
}

// imports is the smallest filter that wants one more function of its host.
func imports(module, name, signature string) func() []byte {
	return with(func(m *assemble.Module) {
		m.Imports = []assemble.Import{{Module: module, Name: name, Type: signature}}
	})
}

// Modules are all of them.
func Modules() []Module {
	return slices.Concat(atStart(), inCallbacks(), interfaces(), sizes(), forms())
}

func atStart() []Module {
	return []Module{
		{"loop at start", does(assemble.Initialize, endless), "start", "_initialize does not come back", false},
		{"loop when the VM starts", does(assemble.VMStart, endless), "start", "proxy_on_vm_start does not come back", false},
		{"loop when it is configured", does(assemble.Configure, endless), "start", "proxy_on_configure does not come back", false},
		{"loop in the start section", startSection(endless), "start", "start does not come back", false},
		{"loop in main", with(func(m *assemble.Module) {
			m.Funcs = append(m.Funcs, assemble.Func{Export: "main", Type: "ii:i", Body: append(endless, assemble.Const, 0)})
		}), "start", "main does not come back", false},
		{"loop without a loop", branching, "start", "_initialize does not come back", false},
		{"a thousand fillings of the memory", filling, "start", "_initialize does not come back", false},
		{"unbounded memory at start", does(assemble.Initialize, hungry), "memory", "more than", false},
		{"unbounded memory in the start section", startSection(hungry), "memory", "more than", false},
		{"all memory at once", with(func(m *assemble.Module) { m.Memories[0].Min = 65536 }), "memory", "at its start", false},
		{"a trap at start", does(assemble.Initialize, []byte{assemble.Unreachable}), "start", "unreachable", false},
		{"endless recursion at start", recursing, "start", "stack overflow", false},
		{"exit at start", exiting, "start", "calls proc_exit while it starts", false},
		{"a table that grows", growingTable, "start", "does not come back", false},
	}
}

func startSection(code []byte) func() []byte {
	return with(func(m *assemble.Module) {
		n := uint32(len(m.Funcs))
		m.Funcs = append(m.Funcs, assemble.Func{Type: ":", Body: code})
		m.Start = &n
	})
}

// branching calls itself twice, sixty deep: no loop, no end.
func branching() []byte {
	m := assemble.Filter()
	n := uint32(len(m.Funcs))
	again := slices.Concat([]byte{0x20, 0, assemble.Const, 1, 0x6b, assemble.Call}, assemble.U32(n))
	m.Funcs = append(m.Funcs, assemble.Func{Type: "i:", Body: slices.Concat([]byte{0x20, 0, 0x04, assemble.Empty}, again, again, []byte{assemble.End})})
	m.Funcs[assemble.Initialize].Body = slices.Concat([]byte{assemble.Const, 60, assemble.Call}, assemble.U32(n))
	return m.Bytes()
}

// filling fills 60 MiB at each of very many instructions, one after the other.
func filling() []byte {
	m := assemble.Filter()
	m.Memories[0].Min = 960
	one := slices.Concat([]byte{assemble.Const, 0, assemble.Const, 0, assemble.Const}, assemble.I32(960<<16), []byte{0xfc, 11, 0})
	m.Funcs[assemble.Initialize].Body = bytes.Repeat(one, 50_000)
	return m.Bytes()
}

func recursing() []byte {
	m := assemble.Filter()
	m.Funcs[assemble.Initialize].Body = []byte{assemble.Call, assemble.Initialize}
	return m.Bytes()
}

func exiting() []byte {
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "wasi_snapshot_preview1", Name: "proc_exit", Type: "i:"}}
	m.Funcs[assemble.Initialize].Body = []byte{assemble.Const, 3, assemble.Call, 0}
	return m.Bytes()
}

// growingTable lets a table without a maximum grow, again and again.
func growingTable() []byte {
	m := assemble.Filter()
	m.Tables = []assemble.Limits{{Min: 1}}
	m.Funcs[assemble.Initialize].Body = slices.Concat(
		[]byte{assemble.Loop, assemble.Empty, 0xd0, 0x70, assemble.Const}, assemble.I32(1<<19), []byte{0xfc, 15, 0, assemble.Drop, assemble.Br, 0, assemble.End})
	return m.Bytes()
}

func inCallbacks() []Module {
	return []Module{
		{"a loop at the first request", does(assemble.RequestHeaders, endless), "requests", "proxy_on_request_headers does not come back", false},
		{"a trap at the first request", does(assemble.RequestHeaders, []byte{assemble.Unreachable}), "requests", "unreachable", false},
		{"memory that grows by request", does(assemble.RequestHeaders, []byte{assemble.Const, 1, assemble.MemoryGrow, 0, assemble.Drop}), "memory", "wants more than", false},
		{"memory that grows by context", does(assemble.Created, []byte{assemble.Const, 1, assemble.MemoryGrow, 0, assemble.Drop}), "memory", "wants more than", false},
		{"memory that grows by a little", growing, "growth", "bytes a request", false},
		{"a loop that allocates", with(func(m *assemble.Module) {
			asks(m)
			m.Funcs[assemble.Allocate].Body = append(endless, assemble.Const, 0)
		}), "requests", "does not come back", false},
		{"allocation that calls back", allocating, "requests", "while it allocates", false},
		{"a gRPC call of nobody", nobody, "start", "at which Envoy ends", false},
		{"an endless log", logging, "start", "does not come back", false},
		{"endless shared data", sharing, "start", "does not come back", false},
	}
}

// growing takes a page at each 32nd request.
func growing() []byte {
	m := assemble.Filter()
	m.Globals = []assemble.Global{{}}
	m.Funcs[assemble.RequestHeaders].Body = []byte{
		0x23, 0, assemble.Const, 1, 0x6a, 0x24, 0, // global++
		0x23, 0, assemble.Const, 31, 0x71, 0x45, 0x04, assemble.Empty, // if global&31 == 0
		assemble.Const, 1, assemble.MemoryGrow, 0, assemble.Drop, assemble.End, assemble.Const, 0,
	}
	return m.Bytes()
}

// asks is a filter that asks for the request's path, so that it must allocate.
func asks(m *assemble.Module) {
	m.Imports = []assemble.Import{{Module: "env", Name: "proxy_get_header_map_pairs", Type: "iii:i"}}
	m.Funcs[assemble.RequestHeaders].Body = []byte{assemble.Const, 0, assemble.Const, 0, assemble.Const, 8, assemble.Call, 0, assemble.Drop, assemble.Const, 0}
}

// allocating asks its host for bytes while it allocates bytes for its host.
func allocating() []byte {
	m := assemble.Filter()
	asks(&m)
	m.Funcs[assemble.Allocate].Body = m.Funcs[assemble.RequestHeaders].Body
	return m.Bytes()
}

// nobody calls a service by an empty name.
func nobody() []byte {
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "env", Name: "proxy_grpc_call", Type: "iiiiiiiiiiii:i"}}
	m.Funcs[assemble.VMStart].Body = slices.Concat(bytes.Repeat([]byte{assemble.Const, 0}, 12), []byte{assemble.Call, 0, assemble.Drop, assemble.Const, 1})
	return m.Bytes()
}

func logging() []byte {
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "env", Name: "proxy_log", Type: "iii:i"}}
	m.Funcs[assemble.Initialize].Body = slices.Concat([]byte{assemble.Loop, assemble.Empty, assemble.Const, 2, assemble.Const, 0, assemble.Const}, assemble.I32(60_000),
		[]byte{assemble.Call, 0, assemble.Drop, assemble.Br, 0, assemble.End})
	return m.Bytes()
}

// sharing sets ever more keys: the key is a counter in the memory.
func sharing() []byte {
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "env", Name: "proxy_set_shared_data", Type: "iiiii:i"}}
	m.Funcs[assemble.VMStart].Body = slices.Concat(
		[]byte{assemble.Loop, assemble.Empty,
			assemble.Const, 0, assemble.Const, 0, 0x28, 2, 0, assemble.Const, 1, 0x6a, 0x36, 2, 0, // memory[0]++
			assemble.Const, 0, assemble.Const, 4, assemble.Const, 0, assemble.Const}, assemble.I32(60_000),
		[]byte{assemble.Const, 0, assemble.Call, 0, assemble.Drop, assemble.Br, 0, assemble.End, assemble.Const, 1})
	return m.Bytes()
}

func interfaces() []Module {
	return []Module{
		{"ABI 0.1.0", with(func(m *assemble.Module) { m.Funcs[assemble.Marker].Export = "proxy_abi_version_0_1_0" }), "abi", "speaks ABI 0.1.0", false},
		{"an ABI to come", with(func(m *assemble.Module) { m.Funcs[assemble.Marker].Export = "proxy_abi_version_0_3_0" }), "abi", "speaks ABI 0.3.0", false},
		{"no ABI", with(func(m *assemble.Module) { m.Funcs[assemble.Marker].Export = "" }), "abi", "no proxy-wasm filter", false},
		{"two ABIs", with(func(m *assemble.Module) {
			m.Funcs = append(m.Funcs, assemble.Func{Export: "proxy_abi_version_0_2_0", Type: ":"})
		}), "abi", "more than one", false},
		{"an import of the host's files", imports("env", "open", "ii:i"), "imports", "env.open, which Envoy does not give", false},
		{"an import of threads", imports("wasi", "thread-spawn", "i:i"), "imports", "wasi.thread-spawn", false},
		{"an import of another WASI", imports("wasi_snapshot_preview2", "fd_write", "iiii:i"), "imports", "wasi_snapshot_preview2.fd_write", false},
		{"an import of a browser", imports("gojs", "runtime.wasmExit", "i:"), "imports", "gojs.runtime.wasmExit", false},
		{"an import of another ABI", imports("env", "proxy_clear_route_cache", ":i"), "imports", "proxy_clear_route_cache", false},
		{"an import of another type", imports("env", "proxy_log", "ii:i"), "imports", "Envoy's is iii:i", false},
		{"an imported memory", with(func(m *assemble.Module) { m.Memories[0].Import = [2]string{"env", "memory"} }), "imports", "a memory, env.memory", false},
		{"an imported table", with(func(m *assemble.Module) {
			m.Tables = []assemble.Limits{{Min: 1, Import: [2]string{"env", "table"}}}
		}), "imports", "a table, env.table", false},
		{"a callback of another type", with(func(m *assemble.Module) { m.Funcs[assemble.RequestHeaders].Type = "ii:i" }), "exports", "proxy_on_request_headers", false},
		{"no memory", with(func(m *assemble.Module) { m.Exports = nil }), "exports", "exports no memory", false},
		{"no allocation", with(func(m *assemble.Module) { m.Funcs[assemble.Allocate].Export = "" }), "exports", "no function that allocates", false},
		{"no callback", with(func(m *assemble.Module) { m.Funcs[assemble.RequestHeaders].Export = "" }), "exports", "no callback of requests", false},
	}
}

func sizes() []Module {
	return []Module{
		{"200 MB", with(func(m *assemble.Module) { m.Custom = map[string][]byte{"much": make([]byte, 200<<20)} }), "size", "209715", true},
		{"millions of functions", many, "format", "at most 100000", true},
		{"millions of functions that are not there", raw(3, assemble.U32(1<<31)), "format", "only", false},
		{"millions of types that are not there", raw(1, assemble.U32(1<<32-1)), "format", "only", false},
		{"a huge table", with(func(m *assemble.Module) { m.Tables = []assemble.Limits{{Min: 1 << 31}} }), "format", "tables begin with", false},
		{"many huge tables", with(func(m *assemble.Module) { m.Tables = slices.Repeat([]assemble.Limits{{Min: 1 << 20}}, 16) }), "format", "tables begin with", false},
		{"data beyond the memory", with(func(m *assemble.Module) {
			m.Data = []assemble.Data{{Offset: 65535, Bytes: []byte("xx")}}
		}), "start", "out of bounds", false},
		{"data that unpacks to much", unpacking, "start", "_initialize does not come back", false},
		{"millions of locals", whole(slices.Concat(assemble.U32(1), assemble.U32(1<<31), []byte{0x7f, assemble.End})), "format", "locals", false},
		{"millions of locals in two groups", whole(slices.Concat(assemble.U32(2), assemble.U32(1<<32-1), []byte{0x7f}, assemble.U32(1<<32-1), []byte{0x7f, assemble.End})), "format", "locals", false},
		{"locals in every function", with(func(m *assemble.Module) {
			m.Funcs = append(m.Funcs, slices.Repeat([]assemble.Func{{Type: ":", Locals: 9000}}, 1000)...)
		}), "format", "locals, together", true},
		{"millions of blocks", does(assemble.Initialize, bytes.Repeat([]byte{assemble.Loop, assemble.Empty, assemble.End}, 1_100_000)), "format", "blocks", true},
		{"millions of targets", does(assemble.Initialize, bytes.Repeat(jump(65_000), 32)), "format", "targets", true},
		{"many values at once", does(assemble.Initialize, append(bytes.Repeat([]byte{assemble.Const, 0}, 20_000), bytes.Repeat([]byte{assemble.Drop}, 20_000)...)), "format", "values at once", false},
		{"many results", with(func(m *assemble.Module) {
			m.Funcs = append(m.Funcs, assemble.Func{Type: ":" + string(bytes.Repeat([]byte("i"), 1000)), Body: bytes.Repeat([]byte{assemble.Const, 0}, 1000)})
		}), "format", "results", false},
	}
}

// jump is one to nowhere else, by a table.
func jump(targets uint32) []byte {
	return slices.Concat([]byte{0x02, assemble.Empty, assemble.Const, 0, 0x0e}, assemble.U32(targets), make([]byte, targets+1), []byte{assemble.End})
}

func many() []byte {
	m := assemble.Filter()
	m.Funcs = append(m.Funcs, slices.Repeat([]assemble.Func{{Type: ":"}}, 2_000_000)...)
	return m.Bytes()
}

// unpacking copies a segment of data over the memory again and again.
func unpacking() []byte {
	m := assemble.Filter()
	m.Memories[0].Min = 1024
	m.Data = []assemble.Data{{Bytes: make([]byte, 1<<20)}}
	one := slices.Concat([]byte{assemble.Const}, assemble.I32(1<<20), []byte{assemble.Const, 0, assemble.Const}, assemble.I32(60<<20), []byte{0xfc, 10, 0, 0})
	m.Funcs[assemble.Initialize].Body = bytes.Repeat(one, 50_000)
	return m.Bytes()
}

// raw is a module of one section.
func raw(id byte, content []byte) func() []byte {
	return func() []byte { return append(slices.Clone(assemble.Header), assemble.Section(id, content)...) }
}

func whole(entry []byte) func() []byte {
	return with(func(m *assemble.Module) { m.Funcs[assemble.Initialize].Whole = entry })
}

func forms() []Module {
	return []Module{
		{"nothing", func() []byte { return nil }, "format", "empty", false},
		{"a text", func() []byte { return []byte("#!/bin/sh\n") }, "format", "not a Wasm module", false},
		{"a component", func() []byte { return []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0} }, "format", "component", false},
		{"cut off", func() []byte { b := assemble.Filter().Bytes(); return b[:len(b)-5] }, "format", "only", false},
		{"a section twice", with(func(m *assemble.Module) { m.Raw = assemble.Section(1, assemble.U32(0)) }), "format", "stands twice", false},
		{"an unknown section", with(func(m *assemble.Module) { m.Raw = assemble.Section(77, nil) }), "format", "stands twice, or in the wrong place", false},
		{"deeply nested", does(assemble.Initialize, append(bytes.Repeat([]byte{0x02, assemble.Empty}, 200_000), bytes.Repeat([]byte{assemble.End}, 200_000)...)), "format", "nested", false},
		{"a number without an end", raw(1, bytes.Repeat([]byte{0x80}, 1000)), "format", "longer than", false},
		{"a function without an end", whole([]byte{0, 0x01, 0x01}), "format", "ends in the middle", false},
		{"code that is not valid", does(assemble.Initialize, []byte{assemble.Drop}), "format", "not valid", false},
		{"threads", with(func(m *assemble.Module) { m.Raw = nil; m.Funcs[assemble.Initialize].Body = []byte{0xfe, 3, 0} }), "format", "0xfe", false},
		{"a shared memory", shared, "format", "threads share", false},
		{"a function of a type that is not there", raw(3, []byte{1, 7}), "format", "type 7", false},
		{"many sections of its own", with(func(m *assemble.Module) {
			m.Custom = map[string][]byte{}
			for i := range 5000 {
				m.Custom[fmt.Sprint(i)] = nil
			}
		}), "format", "sections of its own", false},
	}
}

func shared() []byte {
	return append(slices.Clone(assemble.Header), assemble.Section(5, []byte{1, 3, 1, 1})...)
}

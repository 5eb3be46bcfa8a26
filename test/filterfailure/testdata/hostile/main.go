// Command hostile is a Wasm filter that does what it should until a request
// says otherwise: no check before it is published can see that. It speaks
// proxy-wasm by itself, as a stranger's filter does.
package main

import "unsafe"

func main() {}

// name tells the builds of it apart.
var name = "nobody"

//go:wasmimport env proxy_log
func proxyLog(level int32, text unsafe.Pointer, size int32) int32

//go:wasmimport env proxy_get_header_map_value
func proxyGet(kind int32, name unsafe.Pointer, size int32, value, valueSize unsafe.Pointer) int32

//go:wasmimport env proxy_add_header_map_value
func proxyAdd(kind int32, name unsafe.Pointer, size int32, value unsafe.Pointer, valueSize int32) int32

//go:wasmimport env proxy_http_call
func proxyCall(upstream unsafe.Pointer, size int32, headers unsafe.Pointer, headersSize int32, body unsafe.Pointer, bodySize int32,
	trailers unsafe.Pointer, trailersSize int32, milliseconds int32, id unsafe.Pointer) int32

//go:wasmimport env proxy_set_effective_context
func proxyEffective(id int32) int32

//go:wasmimport env proxy_continue_stream
func proxyContinue(kind int32) int32

// given is what the proxy writes into, until it is read.
var given = map[unsafe.Pointer][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size int32) unsafe.Pointer {
	b := make([]byte, size)
	p := unsafe.Pointer(unsafe.SliceData(b))
	given[p] = b
	return p
}

//go:wasmexport proxy_abi_version_0_2_1
func abi() {}

//go:wasmexport proxy_on_context_create
func create(id, parent int32) {}

//go:wasmexport proxy_on_vm_start
func start(id, size int32) int32 { return 1 }

//go:wasmexport proxy_on_configure
func configure(id, size int32) int32 { return 1 }

func text(s string) (unsafe.Pointer, int32) {
	return unsafe.Pointer(unsafe.StringData(s)), int32(len(s))
}

func say(s string) {
	p, n := text(s)
	proxyLog(3, p, n)
}

func header(name string) string {
	var value unsafe.Pointer
	var size int32
	p, n := text(name)
	if proxyGet(0, p, n, unsafe.Pointer(&value), unsafe.Pointer(&size)) != 0 || value == nil {
		return ""
	}
	b := given[value]
	delete(given, value)
	return string(b[:size])
}

// calls are who made those that are under way.
var calls = map[int32]int32{}

// asks are what the requests under way ask for.
var asks = map[int32]string{}

var (
	kept  [][]byte
	asked int
	sink  int
)

// evil is what a build does for the requests that name it.
func evil(id int32) (pause bool) {
	switch header("x-" + name) {
	case "loop":
		say("counting for ever")
		for {
			sink++
		}
	case "loop-by-calls": // the thread is in the proxy's code most of the time
		for {
			sink += len(header("x-" + name))
		}
	case "grow":
		b := make([]byte, 4<<20)
		for i := range b {
			b[i] = byte(i)
		}
		kept = append(kept, b)
	case "trap-at-third":
		if asked++; asked == 3 {
			panic("the third request")
		}
	case "never", "never-twice": // paused, and nothing resumes it
		return true
	case "call": // of one that never answers, for an hour
		return call(id, 3600_000)
	case "slow": // not hostile: it goes on after two seconds
		return call(id, 2000)
	}
	return false
}

func call(context, milliseconds int32) bool {
	cluster, size := text("outbound|9090||silent.example")
	headers := pairs(":method", "GET", ":path", "/", ":authority", "silent")
	var id int32
	made := proxyCall(cluster, size, unsafe.Pointer(unsafe.SliceData(headers)), int32(len(headers)), nil, 0, nil, 0, milliseconds, unsafe.Pointer(&id)) == 0
	calls[id] = context
	return made
}

// pairs writes headers as proxy-wasm does: how many, their sizes, then each
// name and value with a zero behind.
func pairs(texts ...string) (out []byte) {
	number := func(n int) { out = append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)) }
	number(len(texts) / 2)
	for _, s := range texts {
		number(len(s))
	}
	for _, s := range texts {
		out = append(append(out, s...), 0)
	}
	return out
}

//go:wasmexport proxy_on_request_headers
func request(id, count, end int32) int32 {
	asks[id] = header("x-" + name)
	if evil(id) {
		return 1
	}
	return 0
}

//go:wasmexport proxy_on_request_body
func requestBody(id, size, end int32) int32 {
	if asks[id] == "never-body" || asks[id] == "collect" && end == 0 {
		return 1
	}
	return 0
}

//go:wasmexport proxy_on_response_body
func responseBody(id, size, end int32) int32 {
	if asks[id] == "never-answer-body" || asks[id] == "collect" && end == 0 {
		return 1
	}
	return 0
}

//go:wasmexport proxy_on_response_headers
func response(id, count, end int32) int32 {
	if kind := asks[id]; kind == "never-answer" || kind == "never-twice" {
		return 1
	}
	p, n := text("x-seen")
	v, m := text(name)
	proxyAdd(2, p, n, v, m)
	return 0
}

//go:wasmexport proxy_on_http_call_response
func answered(id, call, headers, body, trailers int32) {
	proxyEffective(calls[call]) // it is told of the VM's, not of the request
	proxyContinue(0)
}

//go:wasmexport proxy_on_done
func done(id int32) int32 { return 1 }

//go:wasmexport proxy_on_delete
func remove(id int32) { delete(asks, id) }

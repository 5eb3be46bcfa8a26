package verify

import "strings"

// Envoy lets a module call little of its own while it starts, and next to
// nothing while it allocates: what else it calls then is a trap.

// atStart tells whether a function may be called from _initialize, _start and
// main, before the module has its first context.
func atStart(name string) bool {
	switch name {
	case "proxy_log", "emscripten_notify_memory_growth":
		return true
	case "fd_close", "fd_read", "fd_seek", "path_open", "proc_exit", "sched_yield", "pthread_equal":
		return false
	}
	return !strings.HasPrefix(name, "proxy_")
}

// inAllocation tells the same of proxy_on_memory_allocate and malloc.
func inAllocation(name string) bool {
	switch name {
	case "proxy_log", "fd_write", "clock_time_get", "poll_oneoff":
		return true
	}
	return false
}

// restrict traps a call at the wrong time.
func (h *host) restrict(name string) {
	switch {
	case h.inside && !inAllocation(name):
		panic(trapped("it calls " + name + " while it allocates, which Envoy forbids"))
	case h.starting && !atStart(name):
		panic(trapped("it calls " + name + " while it starts, which Envoy forbids"))
	}
}

// unnamed tells whether the service of a gRPC call is a GrpcService that says
// neither envoy_grpc nor google_grpc: at such a one Envoy 1.40 ends, with all
// that it carries. What is no such message is the name of a cluster.
func unnamed(service []byte) bool {
	for len(service) > 0 {
		field, rest, good := varint(service)
		if !good || field>>3 == 0 {
			return false
		}
		switch field & 7 {
		case 0:
			_, rest, good = varint(rest)
		case 1:
			rest, good = after(rest, 8)
		case 2:
			var size uint64
			if size, rest, good = varint(rest); good {
				rest, good = after(rest, size)
			}
			if good && (field>>3 == 1 || field>>3 == 2) {
				return false
			}
		case 5:
			rest, good = after(rest, 4)
		default:
			return false
		}
		if !good {
			return false
		}
		service = rest
	}
	return true
}

func varint(b []byte) (n uint64, rest []byte, good bool) {
	for i := 0; i < len(b) && i < 10; i++ {
		n |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

func after(b []byte, n uint64) ([]byte, bool) {
	if n > uint64(len(b)) {
		return nil, false
	}
	return b[n:], true
}

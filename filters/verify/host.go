package verify

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// What the host keeps for a module, at most. Beyond, a call answers that it
// failed, as Envoy's would at limits of its own.
const (
	maxText    = 1 << 20  // of one argument
	maxKept    = 16 << 20 // of all that lasts: shared data, queues, the stream
	maxThings  = 10_000   // metrics, queues, headers of a map
	maxLines   = 20
	maxLine    = 300
	maxPending = 50
)

// host is the proxy's side of one VM. It stands in for all of Envoy and keeps
// little: it is filters/filtertest that tells what a filter did.
type host struct {
	guest     api.Module
	allocates api.Function
	starting  bool // before the first context
	inside    bool // the guest allocates for us

	rootID string
	config []byte
	env    []string
	lines  []string
	partly []byte // printed, without an end of line

	kept     int // bytes, counted when they come and never given back, but for the stream's
	sharing  map[string]sharedValue
	queues   []queue
	metrics  []int64
	metricID map[string]uint32
	ticks    bool

	stream stream
	calls  uint32 // made in all
}

type sharedValue struct {
	data string
	cas  uint32
}

type queue struct {
	name  string
	items []string
}

// stream is what belongs to the request or connection at hand.
type stream struct {
	headers    map[uint32][][2]string
	buffers    map[uint32][]byte
	properties map[string]string
	replied    bool
	pending    []pending
	kept       int
}

// pending is a call that waits for its answer.
type pending struct {
	id   uint32
	grpc bool
}

// call is one call of the guest's.
type call struct {
	ctx context.Context
	mem api.Memory
	a   []uint64
}

// A trapped call ends the guest; the text says why.
type trapped string

// Error implements error.
func (t trapped) Error() string { return string(t) }

func answer(n uint32) func(*host, *call) uint32 {
	return func(*host, *call) uint32 { return n }
}

func (h *host) goOn(*call) uint32 { return ok }

// provide gives the guest Envoy's functions.
func (h *host) provide(ctx context.Context, r wazero.Runtime) error {
	var all error
	for module, tables := range modules {
		b := r.NewHostModuleBuilder(module)
		for _, table := range tables {
			for name, c := range table {
				b.NewFunctionBuilder().WithGoModuleFunction(h.function(name, c), types(c.in), types(results(name))).Export(name)
			}
		}
		_, err := b.Instantiate(ctx)
		all = errors.Join(all, err)
	}
	return all
}

func (h *host) function(name string, c hostCall) api.GoModuleFunc {
	gives := results(name) != ""
	return func(ctx context.Context, m api.Module, stack []uint64) {
		h.restrict(name)
		mem := m.Memory()
		if mem == nil {
			panic(trapped("it calls " + name + " and has no memory"))
		}
		n := c.do(h, &call{ctx: ctx, mem: mem, a: stack[:len(c.in)]})
		if gives {
			stack[0] = uint64(n)
		}
	}
}

func types(letters string) []api.ValueType {
	var out []api.ValueType
	for _, c := range letters {
		if c == 'I' {
			out = append(out, api.ValueTypeI64)
		} else {
			out = append(out, api.ValueTypeI32)
		}
	}
	return out
}

// u32 is an argument.
func (c *call) u32(i int) uint32 { return uint32(c.a[i]) }

// text is the text that two arguments tell of. It is a copy.
func (c *call) text(i int) (string, bool) {
	if c.u32(i+1) > maxText {
		return "", false
	}
	b, inside := c.mem.Read(c.u32(i), c.u32(i+1))
	return string(b), inside
}

// put writes a number where an argument says.
func (c *call) put(i int, n uint32) bool { return c.mem.WriteUint32Le(c.u32(i), n) }

func (c *call) put64(i int, n uint64) bool { return c.mem.WriteUint64Le(c.u32(i), n) }

// give hands bytes over in memory that the guest allocates, as Envoy does;
// two arguments say where their place and size belong.
func (h *host) give(c *call, b []byte, i int) uint32 {
	at := uint32(0)
	if len(b) > 0 {
		h.inside = true // so that it cannot come here again, until there is no stack left
		out, err := h.allocates.Call(c.ctx, uint64(len(b)))
		h.inside = false
		if err != nil {
			panic(err)
		}
		at = uint32(out[0])
		if at == 0 || !c.mem.Write(at, b) {
			return badMemory
		}
	}
	if !c.put(i, at) || !c.put(i+1, uint32(len(b))) {
		return badMemory
	}
	return ok
}

// keep tells whether there is room for more.
func (h *host) keep(n int) bool {
	h.kept += n
	return h.kept <= maxKept
}

// begin forgets the last stream.
func (h *host) begin() {
	h.kept -= h.stream.kept
	h.stream = stream{headers: map[uint32][][2]string{}, buffers: map[uint32][]byte{}, properties: map[string]string{}}
}

// keepStream is keep, until the stream ends.
func (h *host) keepStream(n int) bool {
	h.stream.kept += n
	return h.keep(n)
}

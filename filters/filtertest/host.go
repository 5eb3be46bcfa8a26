package filtertest

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/krater-mesh/krater/filters/sdk"
)

// status is a host call's answer, in proxy-wasm's numbers.
type status = uint32

const (
	ok              status = 0
	notFound        status = 1
	badArgument     status = 2
	empty           status = 7
	casMismatch     status = 8
	internalFailure status = 10
	unimplemented   status = 12
)

// Numbers of header maps and of buffers in proxy-wasm.
const (
	mapRequest          = 0
	mapRequestTrailers  = 1
	mapResponse         = 2
	mapResponseTrailers = 3
	mapGRPCMetadata     = 4
	mapGRPCTrailers     = 5
	mapCall             = 6
	mapCallTrailers     = 7

	bufferRequest    = 0
	bufferResponse   = 1
	bufferDownstream = 2
	bufferUpstream   = 3
	bufferCall       = 4
	bufferGRPC       = 5
	bufferVM         = 6
	bufferPlugin     = 7
)

// host is the proxy's side: the contexts, and what lasts between them.
type host struct {
	module             *Module
	output             bytes.Buffer // what the guest prints
	contexts           map[uint32]*hostContext
	current, effective uint32
	log                []Line
	put                []func() error // off, until the callback has returned

	out     []*Call
	tokens  uint32
	answer  grpcStatus
	shared  map[string]sharedValue
	metrics []metric
	queues  []*queue
}

// hostContext is a root, a stream or a connection, as the host knows it.
type hostContext struct {
	parent uint32
	// Of a root: its name, configuration, ticks.
	rootID string
	config []byte
	period time.Duration

	maps       map[uint32]*sdk.HeaderList // those that there are now
	buffers    map[uint32][]byte
	properties map[string]string // by path, with 0 bytes
	written    map[string]string
	stream     *Stream // nil if it is none
	conn       *Conn
}

func newContext(parent uint32) *hostContext {
	return &hostContext{
		parent: parent, maps: map[uint32]*sdk.HeaderList{}, buffers: map[uint32][]byte{},
		properties: map[string]string{}, written: map[string]string{},
	}
}

func newHost(m *Module) *host {
	return &host{module: m, contexts: map[uint32]*hostContext{}, shared: map[string]sharedValue{}}
}

// context is the one that a call from the guest goes to.
func (h *host) context() *hostContext {
	if c := h.contexts[h.effective]; c != nil {
		return c
	}
	if c := h.contexts[h.current]; c != nil {
		return c
	}
	return newContext(0)
}

// root is that context's root, and its id.
func (h *host) root() (*hostContext, uint32) {
	c := h.context()
	if c.parent != 0 {
		return h.contexts[c.parent], c.parent
	}
	if h.contexts[h.effective] == c {
		return c, h.effective
	}
	return c, h.current
}

// begin forgets what was said before.
func (h *host) begin() {
	h.log = nil
	h.output.Reset()
}

// flush makes log lines of what the guest printed.
func (h *host) flush() {
	for line := range strings.Lines(h.output.String()) {
		h.log = append(h.log, Line{sdk.Info, strings.TrimSuffix(line, "\n")})
	}
	h.output.Reset()
}

// said is the log so far, to end an error with.
func (h *host) said() string {
	h.flush()
	text := ""
	for _, line := range h.log {
		text += "\n\t" + line.Text
	}
	if text == "" {
		return ""
	}
	return "; the module said:" + text
}

// settle does what callbacks put off, until nothing is left.
func (m *Module) settle() error {
	for len(m.host.put) > 0 {
		do := m.host.put[0]
		m.host.put = m.host.put[1:]
		if err := do(); err != nil {
			m.host.put = nil
			return err
		}
	}
	return nil
}

// later puts off what a callback asks for until it has returned, as Envoy does.
func (h *host) later(do func() error) { h.put = append(h.put, do) }

// provide gives the guest the functions that Envoy gives it.
func (h *host) provide(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder("env")
	for _, table := range []map[string]any{
		h.headerCalls(), h.contextCalls(), h.bufferCalls(), h.sharedCalls(), h.queueCalls(), h.metricCalls(), h.outCalls(), absentCalls(),
	} {
		for name, f := range table {
			b.NewFunctionBuilder().WithFunc(f).Export(name)
		}
	}
	_, err := b.Instantiate(ctx)
	return err
}

// absentCalls are those that Envoy has and this host has not: a module that
// imports them loads, and is told so when it calls one.
func absentCalls() map[string]any {
	return map[string]any{
		"proxy_grpc_stream": func(_, _, _, _, _, _, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_send":   func(_, _, _, _ uint32) status { return unimplemented },
		"proxy_grpc_close":  func(_ uint32) status { return unimplemented },
	}
}

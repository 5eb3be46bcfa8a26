package filtertest

import (
	"bytes"
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/sdk"
)

// status is a host call's answer, in proxy-wasm's numbers.
type status = uint32

const (
	ok            status = 0
	notFound      status = 1
	badArgument   status = 2
	casMismatch   status = 8
	unimplemented status = 12
)

// Numbers of header maps and of buffers in proxy-wasm.
const (
	mapRequest     = 0
	mapResponse    = 2
	bufferRequest  = 0
	bufferResponse = 1
	bufferVM       = 6
	bufferPlugin   = 7
)

// host is the proxy's side: the request at hand, and what lasts between
// requests (shared data, metrics).
type host struct {
	guest        api.Module
	rootID       string
	pluginConfig []byte
	output       bytes.Buffer // what the guest prints

	headers    map[uint32]*sdk.HeaderList
	hidden     *sdk.HeaderList // the request's, while it is over
	body       map[uint32][]byte
	properties map[string]string
	written    map[string]string
	reply      *sdk.Reply
	log        []Line

	shared  map[string]sharedValue
	metrics []metric
}

func newHost() *host { return &host{shared: map[string]sharedValue{}} }

// begin forgets the last request.
func (h *host) begin() {
	h.headers = map[uint32]*sdk.HeaderList{}
	h.body = map[uint32][]byte{}
	h.properties = map[string]string{}
	h.written = map[string]string{}
	h.reply = nil
	h.log = nil
	h.output.Reset()
}

// script puts a request into the host.
func (h *host) script(r Request) {
	for name, value := range r.Properties {
		h.properties[strings.ReplaceAll(name, ".", "\x00")] = value
	}
	h.headers[mapRequest] = sdk.NewHeaderList(append([][2]string{
		{":method", or(r.Method, "GET")},
		{":path", or(r.Path, "/")},
		{":authority", or(r.Authority, "example.test")},
		{":scheme", "http"},
	}, r.Headers...)...)
	h.body[bufferRequest] = []byte(r.Body)
}

// hideRequest takes the request's headers away while the filter sees the
// answer, as Envoy does; showRequest gives them back for the end of the stream.
func (h *host) hideRequest() {
	h.hidden, h.headers[mapRequest] = h.headers[mapRequest], nil
}

func (h *host) showRequest() { h.headers[mapRequest] = h.hidden }

// answer is what goes downstream from here on; a status of 0 is 200.
func (h *host) answer(status int, headers [][2]string, body string) {
	if status == 0 {
		status = 200
	}
	first := [2]string{":status", strconv.Itoa(status)}
	h.headers[mapResponse] = sdk.NewHeaderList(append([][2]string{first}, headers...)...)
	h.body[bufferResponse] = []byte(body)
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

func (h *host) result(paused bool) Result {
	h.flush()
	return Result{
		Request:      h.headers[mapRequest],
		Response:     h.headers[mapResponse],
		Body:         string(h.body[bufferRequest]),
		ResponseBody: string(h.body[bufferResponse]),
		Properties:   maps.Clone(h.written),
		Reply:        h.reply,
		Paused:       paused,
		Log:          h.log,
	}
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

// provide gives the guest the functions that Envoy gives it.
func (h *host) provide(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder("env")
	for _, table := range []map[string]any{
		h.headerCalls(), h.streamCalls(), h.sharedCalls(), h.metricCalls(), absentCalls(),
	} {
		for name, f := range table {
			b.NewFunctionBuilder().WithFunc(f).Export(name)
		}
	}
	_, err := b.Instantiate(ctx)
	return err
}

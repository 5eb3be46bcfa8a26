package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// answer is a call's, while its callback runs: read later it is empty, and
// never shows another call's.
type answer struct {
	live bool
	size int // of the body
}

type (
	answerHeaders  answer
	answerTrailers answer
	answerBody     answer
)

var (
	_ sdk.Headers = (*answerHeaders)(nil)
	_ sdk.Headers = (*answerTrailers)(nil)
	_ sdk.Body    = (*answerBody)(nil)
)

// HTTPResponse is a call's answer. It belongs to the binding; its function
// runs as if its stream had been called.
func HTTPResponse(id, token, headers, bodySize uint32) {
	defer trapped()
	c := arrived(httpCalls, key(id, token))
	if c == nil {
		return
	}
	outer, outerActive := enter(id)
	a := &answer{live: true, size: int(bodySize)}
	status := 0
	if headers > 0 {
		text, _ := abi.Header(abi.CallHeaders, ":status")
		status = number(text)
	}
	if c.owner == nil || c.owner.activate() {
		c.http(sdk.HTTPAnswer{Status: status, Headers: (*answerHeaders)(a), Body: (*answerBody)(a), Trailers: (*answerTrailers)(a)})
	}
	*a = answer{}
	leave(outer, outerActive)
}

func number(text string) (n int) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0
		}
		n = 10*n + int(text[i]-'0')
	}
	return n
}

// GRPCMetadata is metadata that came before a call's message.
func GRPCMetadata(id, token uint32) {
	if c := grpcCalls[key(id, token)]; c != nil {
		c.metadata = abi.Headers(abi.GRPCMetadata)
	}
}

// GRPCTrailers is metadata that came behind it.
func GRPCTrailers(id, token uint32) {
	if c := grpcCalls[key(id, token)]; c != nil {
		c.trailers = abi.Headers(abi.GRPCTrailers)
	}
}

// GRPCReceive is a call's message: the call is over, and went well.
func GRPCReceive(id, token, size uint32) {
	defer trapped()
	outer, outerActive := enter(id)
	message := abi.Bytes(abi.GRPCMessage, 0, int(size))
	finish(id, token, sdk.GRPCAnswer{Message: message})
	leave(outer, outerActive)
}

// GRPCClose is a call's failure.
func GRPCClose(id, token, status uint32) {
	defer trapped()
	outer, outerActive := enter(id)
	text := abi.CallStatus()
	finish(id, token, sdk.GRPCAnswer{Status: int(status), Text: text})
	leave(outer, outerActive)
}

func finish(id, token uint32, a sdk.GRPCAnswer) {
	c := arrived(grpcCalls, key(id, token))
	if c == nil || c.owner != nil && !c.owner.activate() {
		return
	}
	a.Metadata, a.Trailers = c.metadata, c.trailers
	c.grpc(a)
}

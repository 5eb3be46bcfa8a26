// Command header is the module that is measured: it sets one header of each
// answer.
package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() { guest.Register(sdk.Root{New: newHeader}) }

func main() {} // the proxy runs only init

type header struct{ sdk.Base }

func newHeader(sdk.Host, []byte) (sdk.Filter, error) { return &header{}, nil }

// OnResponse implements sdk.Filter.
func (*header) OnResponse(s sdk.Stream) sdk.Verdict {
	s.Response().Set("x-header", "wasm")
	return sdk.Continue
}

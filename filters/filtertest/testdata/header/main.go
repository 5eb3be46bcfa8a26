// Command header copies a request's header into another, and sets one of the
// answer, on our SDK, as bare-header does on the upstream one.
package main

import (
	_ "github.com/krater-mesh/krater/filters/filtertest/testdata/meter"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() {
	guest.Register(sdk.Root{New: func(sdk.Host, []byte) (sdk.Filter, error) { return &filter{}, nil }})
}

func main() {}

type filter struct{ sdk.Base }

func (*filter) OnRequest(s sdk.Stream) sdk.Verdict {
	if user, ok := s.Request().Get("end-user"); ok {
		s.Request().Set("x-user", user)
	}
	return sdk.Continue
}

func (*filter) OnResponse(s sdk.Stream) sdk.Verdict {
	s.Response().Set("x-greeting", "hello")
	return sdk.Continue
}

//go:build !wasm

package guest

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Outside Wasm these exist only so that tools can read this package.

func setProperty(name, value string) error {
	return proxywasm.SetProperty([]string{name}, []byte(value))
}

func reply(r sdk.Reply) error {
	return proxywasm.SendHttpResponse(uint32(r.Status), r.Headers, []byte(r.Body), -1)
}

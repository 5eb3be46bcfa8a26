// Command bare-header copies a request's header into another, and sets one of
// the answer, on the upstream SDK alone: ours is measured beside it.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	_ "github.com/krater-mesh/krater/filters/filtertest/testdata/meter"
)

func init() {
	proxywasm.SetHttpContext(func(uint32) types.HttpContext { return &stream{} })
}

func main() {}

type stream struct{ types.DefaultHttpContext }

func (*stream) OnHttpRequestHeaders(int, bool) types.Action {
	user, err := proxywasm.GetHttpRequestHeader("end-user")
	if err == nil {
		err = proxywasm.ReplaceHttpRequestHeader("x-user", user)
	}
	if err != nil {
		proxywasm.LogError(err.Error())
	}
	return types.ActionContinue
}

func (*stream) OnHttpResponseHeaders(int, bool) types.Action {
	if err := proxywasm.ReplaceHttpResponseHeader("x-greeting", "hello"); err != nil {
		proxywasm.LogError(err.Error())
	}
	return types.ActionContinue
}

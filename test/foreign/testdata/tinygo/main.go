// A filter for TinyGo, on the SDK that its users have: each answer gets the
// header x-tinygo with the configured text. An empty configuration is refused.
package main

import (
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm"
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/types"
)

func init() { proxywasm.SetVMContext(&vm{}) }

func main() {}

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct {
	types.DefaultPluginContext
	text string
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	config, err := proxywasm.GetPluginConfiguration()
	if err != nil || len(config) == 0 {
		proxywasm.LogError("the configuration is the header's text, and it is empty")
		return types.OnPluginStartStatusFailed
	}
	p.text = string(config)
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &request{text: p.text} }

type request struct {
	types.DefaultHttpContext
	text, path string
}

func (r *request) OnHttpRequestHeaders(int, bool) types.Action {
	r.path, _ = proxywasm.GetHttpRequestHeader(":path")
	return types.ActionContinue
}

func (r *request) OnHttpResponseHeaders(int, bool) types.Action {
	if err := proxywasm.AddHttpResponseHeader("x-tinygo", r.text+" "+r.path); err != nil {
		proxywasm.LogErrorf("adding the header: %v", err)
	}
	return types.ActionContinue
}

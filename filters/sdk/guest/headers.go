package guest

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"github.com/krater-mesh/krater/filters/sdk"
)

type (
	requestHeaders  stream
	responseHeaders stream
)

var (
	_ sdk.Headers = (*requestHeaders)(nil)
	_ sdk.Headers = (*responseHeaders)(nil)
)

func (h *requestHeaders) Get(name string) (string, bool) {
	v, err := proxywasm.GetHttpRequestHeader(name)
	return v, err == nil
}

func (h *requestHeaders) Set(name, value string) {
	(*stream)(h).check("setting request header", name, proxywasm.ReplaceHttpRequestHeader(name, value))
}

func (h *requestHeaders) Add(name, value string) {
	(*stream)(h).check("adding request header", name, proxywasm.AddHttpRequestHeader(name, value))
}

func (h *requestHeaders) Remove(name string) {
	(*stream)(h).check("removing request header", name, proxywasm.RemoveHttpRequestHeader(name))
}

func (h *requestHeaders) All() [][2]string {
	all, _ := proxywasm.GetHttpRequestHeaders()
	return all
}

func (h *responseHeaders) Get(name string) (string, bool) {
	v, err := proxywasm.GetHttpResponseHeader(name)
	return v, err == nil
}

func (h *responseHeaders) Set(name, value string) {
	(*stream)(h).check("setting response header", name, proxywasm.ReplaceHttpResponseHeader(name, value))
}

func (h *responseHeaders) Add(name, value string) {
	(*stream)(h).check("adding response header", name, proxywasm.AddHttpResponseHeader(name, value))
}

func (h *responseHeaders) Remove(name string) {
	(*stream)(h).check("removing response header", name, proxywasm.RemoveHttpResponseHeader(name))
}

func (h *responseHeaders) All() [][2]string {
	all, _ := proxywasm.GetHttpResponseHeaders()
	return all
}

package crds

import (
	"regexp"

	extensions "istio.io/api/extensions/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

// maxLua is how much code a Lua filter may have, as in Istio.
const maxLua = 64 << 10

// convertTrafficExtension reads Istio's newer form of WasmPlugin, whose filter
// may be Lua, too.
func convertTrafficExtension(c *conversion) Content {
	in := &extensions.TrafficExtension{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.FilterBinding{Object: c.object.Ref, Created: c.object.created(), Phase: phaseNamed(in.GetPhase().String()), Priority: priority(in.GetPriority())}
	c.attach(out, in.GetSelector(), in.GetTargetRefs())
	for i, m := range in.GetMatch() {
		c.trafficSelector(m, index("spec.match", i), out)
	}
	switch {
	case in.GetWasm() != nil:
		c.wasm(in.GetWasm(), "spec.wasm", out)
	case in.GetLua() != nil:
		c.lua(in.GetLua().GetInlineCode(), "spec.lua.inlineCode", out)
	default:
		c.missing("spec", "wasm or lua is needed")
	}
	return Content{Filter: out}
}

// lua reads a script. One that raises an error lets the request go on: that is
// what Envoy does with it.
func (c *conversion) lua(code, at string, out *model.FilterBinding) {
	out.Type, out.Lua, out.Failure = model.FilterLua, code, model.FilterFailOpen
	switch {
	case code == "":
		c.missing(at, "the script is empty")
	case len(code) > maxLua:
		c.bad(at, "want at most 64 KB, got %d bytes: use wasm for more", len(code))
	case !luaEntry.MatchString(code):
		c.add(model.Warning, model.CodeUnused, at, "define envoy_on_request(handle) or envoy_on_response(handle)",
			"nothing in the script is called: it has neither envoy_on_request nor envoy_on_response")
	}
}

// luaEntry are the functions that Envoy calls.
var luaEntry = regexp.MustCompile(`\benvoy_on_(request|response)\b`)

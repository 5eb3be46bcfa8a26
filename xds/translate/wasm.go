package translate

import (
	"path/filepath"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// builtinVM is the one VM of Krater's own filters: all of them have the same
// vm_config, byte for byte, and differ in root id, so that Envoy shares it.
const builtinVM = "builtin"

// phase fills the slot of a phase with the filters that belong there.
func phase(ph model.Phase) func(*proxy, chain) filters {
	return func(p *proxy, c chain) filters {
		var out filters
		for _, f := range p.view.filters {
			if f.Phase == ph && p.seesTraffic(*f, c) {
				out = append(out, p.wasm("wasm|"+f.Object.Key(), wasmPlugin{
					root: f.RootID, module: f.Module, builtin: strings.HasPrefix(f.Module.URL, model.BuiltinModule),
					config: f.Config, failure: f.Failure, env: f.Env, from: f.Object,
				}))
			}
		}
		return out
	}
}

// seesTraffic tells whether a filter is for a chain's traffic. All of a
// gateway's is.
func (p *proxy) seesTraffic(f model.FilterBinding, c chain) bool {
	mode := model.ClientAndServer
	switch c.direction {
	case inbound:
		mode = model.Server
	case outbound:
		mode = model.Client
	}
	if f.Sees(mode, c.port) {
		return true
	}
	if c.direction == outbound && c.port == 0 && slices.ContainsFunc(f.Match, func(m model.TrafficMatch) bool { return m.Mode != model.Server }) {
		p.notSupported(f.Object, "spec.match",
			"what a workload sends is not split by port here, so the filter is not applied to it", "leave ports out, or use mode: SERVER")
	}
	return false
}

// wasmPlugin is one Wasm filter.
type wasmPlugin struct {
	root    string
	module  model.Module
	builtin bool
	config  string
	failure model.FilterFailure
	env     map[string]string
	from    model.Ref
}

// wasm configures a filter. A module of someone else's has a VM of its own: a
// trap ends all that share one. Variables are part of what makes a VM.
func (p *proxy) wasm(name string, w wasmPlugin) *corev3.TypedExtensionConfig {
	vm := builtinVM
	if !w.builtin {
		vm = w.module.Digest
		if len(w.env) > 0 {
			vm += "/" + model.Hash(w.env)
		}
	} else if len(w.env) > 0 {
		p.notSupported(w.from, "spec.env", "Krater's own filters share a VM and have no variables of their own", "leave them out")
		w.env = nil
	}
	hex := strings.TrimPrefix(w.module.Digest, "sha256:")
	config := &wasmv3.VmConfig{
		VmId:    vm,
		Runtime: "envoy.wasm.runtime.v8",
		Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
			Specifier: &corev3.DataSource_Filename{Filename: filepath.Join(p.opt.ModuleDir, hex+".wasm")},
		}}},
	}
	if len(w.env) > 0 {
		config.EnvironmentVariables = &wasmv3.EnvironmentVariables{KeyValues: w.env}
	}
	return extension(name, &httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{
		Name:          strings.TrimPrefix(name, "wasm|"),
		RootId:        w.root,
		Vm:            &wasmv3.PluginConfig_VmConfig{VmConfig: config},
		Configuration: pack(wrapperspb.String(w.config)),
		FailurePolicy: failurePolicy(w.failure),
	}})
}

func failurePolicy(f model.FilterFailure) wasmv3.FailurePolicy {
	switch f {
	case model.FilterFailOpen:
		return wasmv3.FailurePolicy_FAIL_OPEN
	case model.FilterFailReload:
		return wasmv3.FailurePolicy_FAIL_RELOAD
	}
	return wasmv3.FailurePolicy_FAIL_CLOSED
}

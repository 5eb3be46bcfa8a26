package translate

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// builtinVM is the one VM of Krater's own filters: all of them have the same
// vm_config, byte for byte, and differ in root id, so that Envoy shares it.
const builtinVM = "builtin"

// wasmPlugin is one Wasm filter.
type wasmPlugin struct {
	name    string // model.WasmName; "": that of the Envoy filter
	root    string
	module  model.Module
	builtin bool
	config  string
	failure model.FilterFailure
	env     map[string]string
	hostEnv []string
	secrets bool  // it is told some
	bodies  bool  // a request that waits at its headers still brings its body
	memory  int64 // that its VM may take; 0: as much as any
}

// keyVariable is where a proxy's filters find the key that opens secrets.
const keyVariable = "KRATER_FILTER_KEY"

// vm is where the filter runs. A module of someone else's has a VM of its own:
// a trap ends all that share one. Variables are part of what makes a VM.
func (p *proxy) vm(w wasmPlugin) *wasmv3.VmConfig {
	id := model.VMID(builtinVM, "", 0)
	hostEnv := []string{keyVariable}
	if !w.builtin {
		if hostEnv = slices.Clone(w.hostEnv); w.secrets {
			hostEnv = append(hostEnv, keyVariable)
		}
		variables := ""
		if len(w.env)+len(hostEnv) > 0 {
			variables = model.Hash([]any{w.env, hostEnv})
		}
		id = model.VMID(w.module.Digest, variables, w.memory)
	}
	hex := strings.TrimPrefix(w.module.Digest, "sha256:")
	out := &wasmv3.VmConfig{
		VmId:    id,
		Runtime: "envoy.wasm.runtime.v8",
		Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
			Specifier: &corev3.DataSource_Filename{Filename: filepath.Join(p.opt.ModuleDir, hex+".wasm")},
		}}},
	}
	if len(w.env)+len(hostEnv) > 0 {
		out.EnvironmentVariables = &wasmv3.EnvironmentVariables{KeyValues: w.env, HostEnvKeys: hostEnv}
	}
	return out
}

// plugin is the filter in its VM, for requests or connections.
func (p *proxy) plugin(w wasmPlugin) *wasmv3.PluginConfig {
	out := &wasmv3.PluginConfig{
		Name:          w.name,
		RootId:        w.root,
		Vm:            &wasmv3.PluginConfig_VmConfig{VmConfig: p.vm(w)},
		Configuration: pack(wrapperspb.String(w.config)),
		FailurePolicy: failurePolicy(w.failure),
	}
	if w.bodies {
		out.AllowOnHeadersStopIteration = wrapperspb.Bool(true)
	}
	if w.failure == model.FilterFailReload {
		out.ReloadConfig = &wasmv3.ReloadConfig{Backoff: &corev3.BackoffStrategy{
			BaseInterval: durationpb.New(time.Second), MaxInterval: durationpb.New(30 * time.Second)}}
	}
	return out
}

// wasm configures a filter of requests.
func (p *proxy) wasm(name string, w wasmPlugin) *corev3.TypedExtensionConfig {
	if w.name == "" {
		w.name = strings.TrimPrefix(name, "wasm|")
	}
	return extension(name, &httpwasmv3.Wasm{Config: p.plugin(w)})
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

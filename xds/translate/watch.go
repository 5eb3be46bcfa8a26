package translate

import (
	"cmp"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"

	watch "github.com/krater-mesh/krater/filters/watch/config"
	"github.com/krater-mesh/krater/model"
)

// watched puts the watch around a filter of somebody else's: what that holds
// for longer than it may ends. Requests that do not enter it are not watched.
func watched(f *model.FilterBinding, route int, filter *corev3.TypedExtensionConfig) filters {
	name := pluginOf(f, route).name
	before, behind := model.WatchRoots(name, time.Duration(cmp.Or(f.Limits.Pause, model.Duration(model.DefaultFilterPause))))
	return filters{watchAt("watch|before|", f, name, before), filter, watchAt("watch|behind|", f, name, behind)}
}

// watchAt is one instance of the watch. It is small enough to be sent along.
func watchAt(place string, f *model.FilterBinding, name, root string) *corev3.TypedExtensionConfig {
	return extension(place+f.Object.Key(), &httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{
		Name:   name,
		RootId: root,
		Vm: &wasmv3.PluginConfig_VmConfig{VmConfig: &wasmv3.VmConfig{
			VmId:    model.WatchVM,
			Runtime: "envoy.wasm.runtime.v8",
			Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineBytes{InlineBytes: watch.Module},
			}}},
		}},
		FailurePolicy: wasmv3.FailurePolicy_FAIL_OPEN,
	}})
}

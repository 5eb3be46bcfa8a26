package filters

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	networkwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/agent/wasm"
	"github.com/krater-mesh/krater/model"
)

// plugin is one Wasm filter of a resource.
type plugin struct {
	name    string // model.WasmName
	root    string
	vm      string // its id as the control plane says it
	digest  string // 64 hex digits; "": its module is no file of ours
	policy  wasmv3.FailurePolicy
	network bool              // of connections, not of requests
	config  string            // a hash of what it is told
	secrets []model.SecretRef // that it is told
}

// objects are those that it runs for.
func (p plugin) objects() []string { return model.WasmObjects(p.name) }

// identity tells it from one with another module or configuration.
func (p plugin) identity() string { return p.name + " " + p.digest + " " + p.config }

// open tells whether traffic passes while it does not run.
func (p plugin) open() bool { return p.policy == wasmv3.FailurePolicy_FAIL_OPEN }

// reloads tells whether Envoy itself starts it again.
func (p plugin) reloads() bool { return p.policy == wasmv3.FailurePolicy_FAIL_RELOAD }

// logPrefix begins each line of the filter in Envoy's log.
func (p plugin) logPrefix(vm string) string {
	words := []string{p.name, p.root, vm}
	return "wasm log " + strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// mayHold tells quickly that a resource holds no Wasm filter.
func mayHold(r *discoveryv3.Resource) bool {
	return bytes.Contains(r.GetResource().GetValue(), []byte(".filters.http.wasm.")) ||
		bytes.Contains(r.GetResource().GetValue(), []byte(".filters.network.wasm."))
}

// plugins are the Wasm filters of a resource, in their order.
func plugins(r *discoveryv3.Resource) (out []plugin, err error) {
	_, err = each(r, func(p plugin, _ *wasmv3.PluginConfig) *anypb.Any {
		out = append(out, p)
		return nil
	})
	return out, err
}

// each calls a function for the Wasm filters of a resource, at whatever depth,
// and puts what it gives in the filter's place. It may change the configuration
// that it is given. The resource itself is not changed.
func each(r *discoveryv3.Resource, stand func(plugin, *wasmv3.PluginConfig) *anypb.Any) (*discoveryv3.Resource, error) {
	if !mayHold(r) {
		return r, nil
	}
	out := proto.CloneOf(r)
	if err := wasm.Each(out, func(holder *anypb.Any) error { return replace(holder, stand) }); err != nil {
		return nil, fmt.Errorf("reading the Wasm filters of %s: %w", r.GetName(), err)
	}
	return out, nil
}

// replace treats one Any, if it holds a Wasm filter.
func replace(holder *anypb.Any, stand func(plugin, *wasmv3.PluginConfig) *anypb.Any) error {
	var filter interface {
		proto.Message
		GetConfig() *wasmv3.PluginConfig
	}
	switch {
	case holder.MessageIs((*httpwasmv3.Wasm)(nil)):
		filter = &httpwasmv3.Wasm{}
	case holder.MessageIs((*networkwasmv3.Wasm)(nil)):
		filter = &networkwasmv3.Wasm{}
	default:
		return nil
	}
	if err := holder.UnmarshalTo(filter); err != nil {
		return err
	}
	if filter.GetConfig().GetVmConfig().GetVmId() == model.WatchVM {
		return nil // it is Krater's own, and comes along
	}
	_, network := filter.(*networkwasmv3.Wasm)
	before := proto.CloneOf(filter.GetConfig())
	instead := stand(pluginOf(filter.GetConfig(), network), filter.GetConfig())
	if instead == nil && !proto.Equal(before, filter.GetConfig()) {
		var err error
		if instead, err = anypb.New(filter); err != nil {
			return err
		}
	}
	if instead != nil {
		holder.TypeUrl, holder.Value = instead.GetTypeUrl(), instead.GetValue()
	}
	return nil
}

func pluginOf(c *wasmv3.PluginConfig, network bool) plugin {
	vm := c.GetVmConfig()
	p := plugin{name: c.GetName(), root: c.GetRootId(), vm: vm.GetVmId(), policy: c.GetFailurePolicy(), network: network}
	if file, ok := vm.GetCode().GetLocal().GetSpecifier().(*corev3.DataSource_Filename); ok {
		p.digest = strings.TrimSuffix(filepath.Base(file.Filename), ".wasm")
	}
	told := sha256.New()
	for _, m := range []proto.Message{c.GetConfiguration(), vm.GetEnvironmentVariables(), vm.GetConfiguration()} {
		text, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m) // what was just read can be written
		told.Write(append(text, 0))
	}
	p.config = hex.EncodeToString(told.Sum(nil)[:8])
	p.secrets = secretsOf(c)
	return p
}

// secretsOf are the keys of Secrets that a filter's configuration names.
func secretsOf(c *wasmv3.PluginConfig) (out []model.SecretRef) {
	text := &wrapperspb.StringValue{}
	if c.GetConfiguration() == nil || c.GetConfiguration().UnmarshalTo(text) != nil {
		return nil
	}
	_, _ = model.MapSecretRefs(text.GetValue(), func(_ string, ref any) any {
		if r, ok := model.SecretRefOf(ref, ""); ok {
			out = append(out, r)
		}
		return nil
	})
	return out
}

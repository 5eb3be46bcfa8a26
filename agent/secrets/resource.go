package secrets

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/agent/wasm"
	"github.com/krater-mesh/krater/model"
)

// Refs are the keys of Secrets that filters of a slot name, sorted.
func Refs(slot *corev3.TypedExtensionConfig) ([]model.SecretRef, error) {
	if !mayName(slot.GetTypedConfig()) {
		return nil, nil
	}
	found := map[model.SecretRef]bool{}
	err := configurations(proto.CloneOf(slot), func(config string) string {
		_, _ = model.MapSecretRefs(config, func(_ string, ref any) any {
			if name, ok := model.SecretRefOf(ref, ""); ok {
				found[name] = true
			}
			return nil
		})
		return config
	})
	return slices.SortedFunc(maps.Keys(found), func(a, b model.SecretRef) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	}), err
}

// mayName looks at the bytes: most resources name none, and are not decoded.
func mayName(a *anypb.Any) bool {
	return bytes.Contains(a.GetValue(), []byte("secretRef"))
}

// configurations replaces the text that each Wasm filter of a resource is told.
func configurations(in proto.Message, replace func(string) string) error {
	return wasm.Each(in, func(plugin *wasmv3.PluginConfig) error {
		text := &wrapperspb.StringValue{}
		if plugin.GetConfiguration() == nil || plugin.GetConfiguration().UnmarshalTo(text) != nil {
			return nil
		}
		after := replace(text.GetValue())
		if after == text.GetValue() {
			return nil
		}
		packed, err := anypb.New(wrapperspb.String(after))
		if err != nil {
			return err
		}
		plugin.Configuration = packed
		return nil
	})
}

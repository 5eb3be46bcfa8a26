package secrets

import (
	"bytes"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	chainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/filters/sdk/secret"
	"github.com/krater-mesh/krater/model"
)

func pack(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// resource is a filter behind a match, in a slot: as deep as it gets.
func resource(t *testing.T, configs ...string) *discoveryv3.Resource {
	t.Helper()
	return &discoveryv3.Resource{Name: "slot", Version: "1", Resource: pack(t, slot(t, configs...))}
}

func slot(t *testing.T, configs ...string) *corev3.TypedExtensionConfig {
	t.Helper()
	chain := &chainv3.FilterChain{}
	for _, c := range configs {
		wasm := &httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{Configuration: pack(t, wrapperspb.String(c))}}
		chain.Filters = append(chain.Filters, &corev3.TypedExtensionConfig{Name: "f", TypedConfig: pack(t, &matchingv3.ExtensionWithMatcher{
			ExtensionConfig: &corev3.TypedExtensionConfig{Name: "wasm", TypedConfig: pack(t, wasm)},
		})})
	}
	return &corev3.TypedExtensionConfig{Name: "slot", TypedConfig: pack(t, &chainv3.FilterChainConfig{DefaultFilterChain: chain})}
}

const (
	one = `{"token":{"secretRef":{"key":"k","name":"n","namespace":"m"}}}`
	two = `{"list":[{"secretRef":{"key":"other","name":"n","namespace":"m"}}]}`
)

// sealing is a sealer, and what it has to seal.
type sealing struct {
	*Sealer
	values map[string][]byte
}

func sealer(t *testing.T, values map[string][]byte) sealing {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return sealing{s, values}
}

func localized(t *testing.T, s sealing, r *discoveryv3.Resource) string {
	t.Helper()
	before := proto.CloneOf(r)
	out, err := s.Seal(r, model.FilterSecrets{Values: s.values})
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(before, r) {
		t.Error("what the control plane sent was changed")
	}
	if out.GetVersion() != r.GetVersion() || out.GetName() != r.GetName() {
		t.Error("it is another resource now")
	}
	return string(out.GetResource().GetValue())
}

func TestValuesAreSealed(t *testing.T) {
	values := map[string][]byte{"m/n/k": []byte("hunter2")}
	s, r := sealer(t, values), resource(t, one, two)
	first := localized(t, s, r)
	if strings.Contains(first, "hunter2") || !strings.Contains(first, `{"token":{"sealed":"`) || !strings.Contains(first, `"secretRef":{"key":"other"`) {
		t.Errorf("%q", first)
	}
	if again := localized(t, s, r); again != first {
		t.Error("the same value is sealed otherwise the second time")
	}
	if other := localized(t, sealer(t, values), r); other == first {
		t.Error("two sealers have one key")
	}
	values["m/n/k"] = []byte("hunter3")
	if now := localized(t, s, r); now == first {
		t.Error("another value is sealed as the one before")
	}
	plain := resource(t, `{"a":1}`)
	if out, err := s.Seal(plain, model.FilterSecrets{Values: values}); err != nil || out != plain {
		t.Errorf("what names no secret is another resource: %v", err)
	}
	if text := s.Variable(); !strings.HasPrefix(text, "KRATER_FILTER_KEY=") || len(text) != len("KRATER_FILTER_KEY=")+44 {
		t.Errorf("the variable has %d characters", len(text))
	}
}

// What the agent seals, the SDK opens.
func TestFiltersOpenWhatIsSealed(t *testing.T) {
	s := sealer(t, map[string][]byte{"m/n/k": []byte("hunter2 \"é\"")})
	_, key, _ := strings.Cut(s.Variable(), "=")
	t.Setenv(secret.KeyVariable, key)
	out := localized(t, s, resource(t, one))
	_, sealed, _ := strings.Cut(out, `{"sealed":"`)
	sealed, _, _ = strings.Cut(sealed, `"`)
	if text, err := secret.Open(sealed); err != nil || text != "hunter2 \"é\"" {
		t.Errorf("opened %q, %v", text, err)
	}
}

func TestRefs(t *testing.T) {
	refs, err := Refs(slot(t, one, `not JSON: "secretRef"`, two, one))
	if err != nil || len(refs) != 2 || refs[0].String() != "m/n/k" || refs[1].String() != "m/n/other" {
		t.Errorf("%v, %v", refs, err)
	}
}

// Whatever a filter is told, the value is in no byte of the resource.
func FuzzSeal(f *testing.F) {
	f.Add(one)
	f.Add(two)
	f.Add(`{"secretRef":{"secretRef":{}}}`)
	f.Fuzz(func(t *testing.T, config string) {
		if strings.Contains(config, "hunter2hunter2") || strings.ToValidUTF8(config, "") != config {
			return
		}
		s := sealer(t, map[string][]byte{"m/n/k": []byte("hunter2hunter2"), "m/n/other": nil})
		if out := localized(t, s, resource(t, config)); bytes.Contains([]byte(out), []byte("hunter2hunter2")) {
			t.Errorf("%q", out)
		}
	})
}

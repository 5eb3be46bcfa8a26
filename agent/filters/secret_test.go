package filters

import (
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// A filter whose secret has no value stands aside, by its failure policy: Envoy
// would refuse it, and with it all that stands in the same slot.
func TestAFilterWithoutItsSecretStandsAside(t *testing.T) {
	there := map[string]bool{}
	k := New(Options{Has: func(string) bool { return true }, Secret: func(r model.SecretRef) bool { return there[r.String()] }, Dir: t.TempDir()})
	resource := func(policy wasmv3.FailurePolicy) *discoveryv3.Resource {
		return &discoveryv3.Resource{Name: "slot", Resource: pack(&corev3.TypedExtensionConfig{Name: "f", TypedConfig: pack(&httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{
			Name: "Filter default/f", FailurePolicy: policy,
			Configuration: pack(wrapperspb.String(`{"a":[{"secretRef":{"key":"k","name":"n","namespace":"m"}}]}`)),
			Vm: &wasmv3.PluginConfig_VmConfig{VmConfig: &wasmv3.VmConfig{Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
				Specifier: &corev3.DataSource_Filename{Filename: "/modules/" + strings.Repeat("a", 64) + ".wasm"}}}}}},
		}})})}
	}
	stands := func(policy wasmv3.FailurePolicy, what string) {
		t.Helper()
		out, err := k.Stand(resource(policy))
		if err != nil || !strings.Contains(string(out.GetResource().GetValue()), what) {
			t.Errorf("%v stands as %q, %v", policy, out.GetResource().GetValue(), err)
		}
	}
	stands(wasmv3.FailurePolicy_FAIL_CLOSED, "http.fault")
	stands(wasmv3.FailurePolicy_FAIL_CLOSED, "filter_secret_missing")
	stands(wasmv3.FailurePolicy_FAIL_RELOAD, "http.fault")
	stands(wasmv3.FailurePolicy_FAIL_OPEN, "http.header_mutation")
	k.Sent(resource(wasmv3.FailurePolicy_FAIL_CLOSED))
	if r := k.Report(time.Now()); len(r) != 1 || r[0].State != model.FilterNoSecret || !strings.Contains(r[0].Reason, "m/n/k") {
		t.Errorf("it reports %+v", r)
	}
	there["m/n/k"] = true
	stands(wasmv3.FailurePolicy_FAIL_CLOSED, "http.wasm")
	stands(wasmv3.FailurePolicy_FAIL_OPEN, "http.wasm")
}

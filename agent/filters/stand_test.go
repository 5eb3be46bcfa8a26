package filters

import (
	"bytes"
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// slotOf is a resource with Wasm filters, named by their digests.
func slotOf(told string, filters map[string]wasmv3.FailurePolicy, order ...string) *discoveryv3.Resource {
	chain := &filterchainv3.FilterChain{}
	for _, digest := range order {
		wasm := &httpwasmv3.Wasm{Config: &wasmv3.PluginConfig{
			Name: "Filter default/" + digest, FailurePolicy: filters[digest], Configuration: pack(&corev3.Address{}),
			Vm: &wasmv3.PluginConfig_VmConfig{VmConfig: &wasmv3.VmConfig{VmId: digest, EnvironmentVariables: &wasmv3.EnvironmentVariables{KeyValues: map[string]string{"told": told}},
				Code: &corev3.AsyncDataSource{Specifier: &corev3.AsyncDataSource_Local{Local: &corev3.DataSource{
					Specifier: &corev3.DataSource_Filename{Filename: "/far/away/" + digest + ".wasm"}}}}}}}}
		chain.Filters = append(chain.Filters, &corev3.TypedExtensionConfig{Name: digest, TypedConfig: pack(wasm)})
	}
	slot := &corev3.TypedExtensionConfig{Name: "slot", TypedConfig: pack(&filterchainv3.FilterChainConfig{DefaultFilterChain: chain})}
	return &discoveryv3.Resource{Name: "slot", Resource: pack(slot)}
}

// stands tells how the filters of a slot stand: their VM's id, or what stands
// for them.
func stands(t *testing.T, k *Keeper, r *discoveryv3.Resource) (out []string) {
	t.Helper()
	before := proto.CloneOf(r)
	local, err := k.Stand(r)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(r, before) {
		t.Error("the resource itself is changed")
	}
	slot, chain := &corev3.TypedExtensionConfig{}, &filterchainv3.FilterChainConfig{}
	if local.GetResource().UnmarshalTo(slot) != nil || slot.GetTypedConfig().UnmarshalTo(chain) != nil {
		t.Fatal("it is no slot any more")
	}
	for _, f := range chain.GetDefaultFilterChain().GetFilters() {
		wasm := &httpwasmv3.Wasm{}
		switch {
		case f.GetTypedConfig().MessageIs(&mutationv3.HeaderMutation{}):
			out = append(out, "nothing")
		case f.GetTypedConfig().MessageIs(&faultv3.HTTPFault{}):
			out = append(out, "503")
		case f.GetTypedConfig().UnmarshalTo(wasm) == nil:
			out = append(out, wasm.GetConfig().GetVmConfig().GetVmId())
		}
	}
	return out
}

func TestFailurePoliciesDecideWhileAFilterDoesNotRun(t *testing.T) {
	policies := map[string]wasmv3.FailurePolicy{"open": wasmv3.FailurePolicy_FAIL_OPEN, "closed": wasmv3.FailurePolicy_FAIL_CLOSED, "reload": wasmv3.FailurePolicy_FAIL_RELOAD}
	slot := slotOf("first", policies, "open", "closed", "reload")
	here := map[string]bool{"open": true, "closed": true, "reload": true}
	dir := t.TempDir()
	start := func() *Keeper {
		k := New(Options{Has: func(d string) bool { return here[d] }, Dir: dir, Output: &bytes.Buffer{}})
		k.Began(0)
		k.Sent(slot)
		return k
	}
	k := start()
	is := func(what string, want ...string) {
		t.Helper()
		if got := stands(t, k, slot); !slices.Equal(got, want) {
			t.Errorf("%s: they stand as %q, want %q", what, got, want)
		}
	}
	is("all run", "open", "closed", "reload")
	here["open"], here["reload"] = false, false
	is("two modules are not here", "nothing", "closed", "503")
	here["open"], here["reload"] = true, true

	changed := k.Changed()
	k.wrote["9"] = wrote{name: "Filter default/closed", fatal: true}
	now := time.Now()
	k.trapped(line{'E', "wasm", "9", "Function: x failed: y"}, now)
	k.settle(now.Add(time.Second))
	is("one is started again", "open", "closed/generation=1", "reload")
	select {
	case <-changed:
	default:
		t.Error("nobody is told")
	}

	k.run.regions = []region{{span{0x1000, 0x2000}, []string{"closed"}}}
	k.run.crash = crash{stuck: true, frames: []uint64{0x1800}}
	if !k.Ended() {
		t.Error("Envoy is not started at once")
	}
	k.Began(0)
	k.Sent(slot)
	is("Envoy starts without any", "nothing", "503", "503")
	k.run.back = nil
	is("the innocent are back", "open", "503", "reload")
	if r := k.Report(now); r[0].State != model.FilterTakenOut || r[1].State != model.FilterRunning {
		t.Errorf("reported %+v", r)
	}
	k = start() // another agent
	is("the agent starts again", "open", "503", "reload")
	slot = slotOf("second", policies, "open", "closed", "reload")
	k = start()
	is("it is told something else", "open", "closed", "reload")
}

// TestTheConfigurationBeforeStays: both are loaded while a new one is rolled
// out, and only the new one is taken out.
func TestTheConfigurationBeforeStays(t *testing.T) {
	policies := map[string]wasmv3.FailurePolicy{"m": wasmv3.FailurePolicy_FAIL_CLOSED}
	before, after := slotOf("first", policies, "m"), slotOf("second", policies, "m")
	k := New(Options{Has: func(string) bool { return true }, Dir: t.TempDir(), Output: &bytes.Buffer{}})
	k.Began(0)
	k.Sent(before)
	time.Sleep(time.Millisecond) // the clock goes on
	held := proto.CloneOf(before)
	held.Name = "preload/http"
	k.Sent(after)
	k.Sent(held)
	k.run.regions = []region{{span{0x1000, 0x2000}, []string{"m"}}}
	k.run.crash = crash{stuck: true, frames: []uint64{0x1800}}
	k.Ended()
	k.Began(0)
	k.run.back = nil
	if got := stands(t, k, after); !slices.Equal(got, []string{"503"}) {
		t.Errorf("the new one stands as %q", got)
	}
	if got := stands(t, k, before); !slices.Equal(got, []string{"m"}) {
		t.Errorf("the one before stands as %q", got)
	}
}

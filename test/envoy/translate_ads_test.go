package envoy_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestTranslateGoldenOverADS loads every golden case into one running Envoy,
// one after the other, as a proxy sees edits: nothing is refused.
func TestTranslateGoldenOverADS(t *testing.T) {
	options := harness.Builtin(t)
	cases := translateCases(t)
	minimal := cases["minimal"]
	first, _ := translate.Translate(minimal.Snapshot, minimal.Endpoints, minimal.proxy(t), options)
	plane, _ := translatePlane(t, first)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		useModule(c.Snapshot, options.Builtin)
		resources, _ := translate.Translate(c.Snapshot, c.Endpoints, c.proxy(t), options)
		mark := plane.mark()
		plane.publish(name, resources.Set())
		refused, _ := plane.since(mark, serve.EventNacked)
		for _, e := range refused {
			t.Errorf("%s: %v refused: %s", name, e.Names, e.Detail)
		}
	}
}

// TestTranslateEditsNeverTouchAListener adds, edits and removes what goes into
// slots under traffic: the answers change, no listener does.
func TestTranslateEditsNeverTouchAListener(t *testing.T) {
	w := newWorld(t)
	plane, envoy := translatePlane(t, w.resources())
	publish := func(edit string) {
		t.Helper()
		plane.publish(edit, w.resources().Set())
	}
	publish("first")
	inbound := "http://" + w.address(2) + ":9080/"
	want := func(edit string, status int) {
		t.Helper()
		if a := do(t, client(newTransport()), "GET "+inbound); a.StatusCode != status {
			t.Errorf("after %s: %d, want %d", edit, a.StatusCode, status)
		}
	}
	want("first", 200)
	before := serveStat(t, envoy, "listener_manager.listener_modified")
	policy := &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "default", Name: "p"},
		Action: model.Deny, Rules: []model.AuthorizationRule{{}}}
	w.snap.Authorization = []*model.AuthorizationPolicy{policy}
	publish("policy added")
	want("policy added", 403)
	policy.Rules = []model.AuthorizationRule{{To: []model.Operation{{Methods: []model.StringMatch{{Kind: model.Exact, Value: "POST"}}}}}}
	w.snap.Authorization = []*model.AuthorizationPolicy{policy}
	publish("policy edited")
	want("policy edited", 200)
	w.snap.Limits = []*model.Limit{{Object: model.Ref{Kind: "RateLimit", Namespace: "default", Name: "l"}, Name: "one", Requests: 1, Burst: 1, Per: model.Duration(3600e9), Scope: model.ScopeProxy}}
	publish("limit added")
	want("limit added", 200)
	want("limit added", 429)
	w.snap.Authorization = nil
	publish("policy removed")
	want("policy removed: the bucket is not refilled", 429)
	w.snap.Limits = nil
	publish("limit removed")
	want("limit removed", 200)
	if after := serveStat(t, envoy, "listener_manager.listener_modified"); after != before {
		t.Errorf("listener_modified went from %s to %s", before, after)
	}
	if n := serveStat(t, envoy, "listener_manager.total_filter_chains_draining"); n != "0" {
		t.Errorf("%s filter chains drain", n)
	}
}

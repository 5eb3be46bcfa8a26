package translate_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// digest is that of some module.
var digest = "sha256:" + strings.Repeat("a", 64)

const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"

// changed gives the type URL and name of each resource that differs.
func changed(t *testing.T, before, after translate.Resources) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	was, is := before.Set(), after.Set()
	for typeURL := range is {
		for name, m := range is[typeURL] {
			if old, ok := was[typeURL][name]; !ok || !proto.Equal(old, m) {
				out[typeURL+" "+name] = true
			}
		}
		for name := range was[typeURL] {
			if _, ok := is[typeURL][name]; !ok {
				out[typeURL+" "+name] = true
			}
		}
	}
	return out
}

// TestEditsStayInTheirSlot proves the fixed slots: adding, editing or removing
// a policy, filter, limit or telemetry rule changes its own slots, and nothing else.
func TestEditsStayInTheirSlot(t *testing.T) {
	const (
		extension = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig "
		slot      = extension + "inbound|127.80.0.2|9080/"
	)
	ref := model.Ref{Kind: "K", Namespace: "default", Name: "n"}
	for _, e := range []struct {
		name      string
		add, edit func(*model.Snapshot)
		slots     []string
	}{
		{"AuthorizationPolicy",
			func(s *model.Snapshot) {
				s.Authorization = []*model.AuthorizationPolicy{{Object: ref, Action: model.Deny, Rules: []model.AuthorizationRule{{}}}}
			},
			func(s *model.Snapshot) { s.Authorization[0].Action = model.Allow },
			[]string{"authorization", "inbound|127.80.0.2|9080|other/authorization-deny", "inbound|127.80.0.2|9080|other/authorization-allow", "inbound|127.80.0.2|9080|other/tcp"}},
		{"RegoPolicy",
			func(s *model.Snapshot) {
				s.Rego = []*model.RegoPolicy{{Object: ref, Modules: []model.RegoModule{{Name: "a", Source: "b"}}}}
			},
			func(s *model.Snapshot) { s.Rego[0].Modules[0].Source = "c" }, []string{"authorization", "inbound|127.80.0.2|9080|other/authorization-deny", "inbound|127.80.0.2|9080|other/tcp"}},
		{"RateLimit",
			func(s *model.Snapshot) {
				s.Limits = []*model.Limit{{Object: ref, Name: "l", Requests: 1, Per: 1e9, Scope: model.ScopeProxy}}
			},
			func(s *model.Snapshot) { s.Limits[0].Requests = 2 }, []string{"limit-local"}},
		{"Filter",
			func(s *model.Snapshot) {
				s.Filters = []*model.FilterBinding{{Object: ref, Module: model.Module{URL: "builtin:headers", Digest: digest}, RootID: "headers", Phase: model.PhaseDefault, Match: []model.TrafficMatch{{Mode: model.Server}}}}
			},
			func(s *model.Snapshot) { s.Filters[0].Config = "{}" }, []string{"wasm-default"}},
		{"Filter's phase",
			func(s *model.Snapshot) {
				s.Filters = []*model.FilterBinding{{Object: ref, Module: model.Module{URL: "builtin:headers", Digest: digest}, RootID: "headers", Phase: model.PhaseAuthn, Match: []model.TrafficMatch{{Mode: model.Server}}}}
			},
			func(s *model.Snapshot) { s.Filters[0].Phase = model.PhaseStats }, []string{"wasm-authn", "wasm-stats"}},
		{"TelemetryRule",
			func(s *model.Snapshot) {
				s.Telemetry = []*model.TelemetryRule{{Object: ref, Metrics: []model.Metric{{Name: "m", Kind: model.Counter}}}}
			},
			func(s *model.Snapshot) { s.Telemetry[0].Metrics[0].Name = "n" }, []string{"http", "http-mtls", "outbound/http", "outbound-internal/http"}},
		{"Mesh's sampling",
			func(s *model.Snapshot) { s.Mesh.Sampling = 7 },
			func(s *model.Snapshot) { s.Mesh.Sampling = 8 }, []string{"http", "http-mtls", "outbound/http", "outbound-internal/http"}},
	} {
		t.Run(e.name, func(t *testing.T) {
			c, w := readCase(t, "testdata/sidecar-http.in.yaml")
			now := func() translate.Resources {
				r, problems := translate.Translate(c.Snapshot, c.Endpoints, w, options)
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				return r
			}
			without := now()
			e.add(c.Snapshot)
			added := now()
			e.edit(c.Snapshot)
			edited := now()
			for what, diff := range map[string]map[string]bool{
				"adding": changed(t, without, added), "editing": changed(t, added, edited), "removing": changed(t, edited, without),
			} {
				if len(diff) == 0 {
					t.Errorf("%s changed nothing", what)
				}
				for _, s := range e.slots {
					delete(diff, slot+s)
					delete(diff, extension+s)
				}
				for resource := range diff {
					t.Errorf("%s also changed %s", what, resource)
				}
			}
			if n := len(without.Set()[listenerType]); n != 4 {
				t.Errorf("%d listeners, want 4", n)
			}
		})
	}
}

// TestEverySlotIsAlwaysThere counts the slots of each HTTP listener, one of
// which is for its connection manager. Where calls are served it is two, by
// whether the caller showed a certificate, and what is passed on has four.
// Where calls are sent there is one for what they say of the caller. Filters of
// connections have two for each direction and port.
func TestEverySlotIsAlwaysThere(t *testing.T) {
	c, w := readCase(t, "testdata/sidecar-http.in.yaml")
	r, _ := translate.Translate(c.Snapshot, c.Endpoints, w, options)
	if got, want := len(r.Extensions), 3*19+1+4+2+4+1; got != want {
		t.Errorf("%d slots, want %d", got, want)
	}
}

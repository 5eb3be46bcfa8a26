package envoy_test

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestExplainAgreesWithTranslation compares what both decide without an
// Envoy: which host an authority is, which routes are tried, which policies
// are in force.
func TestExplainAgreesWithTranslation(t *testing.T) {
	s, eps := &model.Snapshot{}, model.Endpoints{}
	readYAML(t, "bookinfo.yaml", s)
	readYAML(t, "endpoints.yaml", &eps)
	eps.Sort()
	for _, w := range s.Workloads {
		if got, want := explain.PolicySet(s, w), translate.PolicySet(s, w); got != want {
			t.Errorf("policy set of %s: %q, translated %q", w.ID(), got, want)
		}
	}
	hosts := []string{"reviews", "reviews:9080", "Reviews:9080", "reviews:80", "reviews.default", "reviews.default.svc:9080",
		"reviews.default.svc.cluster.local", "reviews.other", "ratings", "books.example.com", "books.example.com:80",
		"books.example.com:5432", "unknown", "unknown:80", "ratings.default.svc.cluster.local:9081"}
	for _, from := range s.Workloads {
		for _, host := range hosts {
			agree(t, s, eps, from, host)
		}
	}
}

func agree(t *testing.T, s *model.Snapshot, eps model.Endpoints, from model.Workload, host string) {
	t.Helper()
	x, err := explain.Explain(s, eps, nil, explain.Request{From: from.ID(), Host: host, Path: "/reviews/0"})
	if err != nil {
		t.Fatal(err)
	}
	got := *x.First.Route
	var want []translate.RouteChoice
	if from.Gateway {
		want = translate.GatewayRoutesFor(s, from, host, 80)
	} else if h, port, ok := translate.ResolveAuthority(s, from, host); ok {
		want = translate.RoutesFor(s, from, h, port)
	}
	tcp := host == "books.example.com:5432" && !from.Gateway // translated to block_all, too
	known := got.Name != explain.RouteBlockAll
	if known != (len(want) > 0 && !tcp) {
		t.Errorf("%s from %s: route %q (%s), translated %d routes", host, from.ID(), got.Name, got.Reason, len(want))
		return
	}
	if !known {
		return
	}
	for i, skipped := range got.Skipped {
		if i >= len(want) || want[i].Name != skipped.Route {
			t.Errorf("%s from %s: %d routes before %q, translated %+v", host, from.ID(), len(got.Skipped), got.Name, want)
			return
		}
	}
	if n := len(got.Skipped); got.Name != "" && (n >= len(want) || want[n].Name != got.Name) {
		t.Errorf("%s from %s: route %q is number %d, translated %+v", host, from.ID(), got.Name, n, want)
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(harness.Root(), "explain", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(b, into); err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
}

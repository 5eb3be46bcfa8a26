package mesh

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

func view() *View {
	v := &View{}
	v.Set(
		[]model.Workload{
			{Namespace: "default", Name: "reviews-v1", Address: "127.80.0.5", Labels: map[string]string{"app": "reviews"}},
			{Namespace: "default", Name: "ratings-v1", Address: "127.80.0.6", Labels: map[string]string{"app": "ratings"}},
			{Namespace: "default", Name: "twin", Address: "127.80.0.5"},
			{Namespace: "default", Name: "named", Address: "db.example.com"},
		},
		[]model.TelemetryRule{{
			Object:   model.Ref{Kind: "TelemetryRule", Namespace: "default", Name: "requests"},
			Metrics:  []model.Metric{{Name: "krater_requests_total", Kind: model.Counter}},
			Backends: []string{"file", "istio-system/prometheus"},
		}},
		[]model.AttributeSet{{
			Selector:   model.Selector{Labels: map[string]string{"app": "ratings"}},
			Attributes: []model.Attribute{{Name: "user", Redact: true}, {Name: "lang"}},
		}},
	)
	return v
}

func TestAtFindsWorkloadsByAddress(t *testing.T) {
	for address, want := range map[string]string{
		"127.80.0.5": "reviews-v1", "127.80.0.6": "ratings-v1", "::ffff:127.80.0.6": "ratings-v1",
		"127.0.0.1": "", "": "", "db.example.com": "", "127.80.0.5:9080": "",
	} {
		w, ok := view().At(address)
		if w.Name != want || ok != (want != "") {
			t.Errorf("At(%q) = %q, %v; want %q", address, w.Name, ok, want)
		}
	}
}

func TestSendsOnlyToTheRulesBackends(t *testing.T) {
	for backend, want := range map[string]bool{
		"default/file": true, "istio-system/prometheus": true, "istio-system/file": false, "default/prometheus": false,
	} {
		if got := view().Sends("default/requests", backend); got != want {
			t.Errorf("Sends to %s = %v; want %v", backend, got, want)
		}
	}
	if view().Sends("default/absent", "default/file") {
		t.Error("a rule that does not exist sends")
	}
}

func TestRedactedFollowsTheSelector(t *testing.T) {
	for _, c := range []struct {
		attribute, proxy string
		want             bool
	}{
		{"user", "default/ratings-v1", true},
		{"user", "default/reviews-v1", false},
		{"lang", "default/ratings-v1", false},
		{"user", "", true}, // who sent it is not known: drop
	} {
		if got := view().Redacted(c.attribute, c.proxy); got != c.want {
			t.Errorf("Redacted(%q, %q) = %v; want %v", c.attribute, c.proxy, got, c.want)
		}
	}
}

func TestZeroViewKnowsNothing(t *testing.T) {
	v := &View{}
	if _, ok := v.At("127.80.0.5"); ok {
		t.Error("found a workload")
	}
	if _, ok := v.Metric("a/b", "c"); ok || v.Sends("a/b", "c") || v.Redacted("x", "") {
		t.Error("knows something")
	}
}

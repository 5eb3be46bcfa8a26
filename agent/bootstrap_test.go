package agent

import (
	"strings"
	"testing"
)

func TestBootstrapNamesItsParts(t *testing.T) {
	b, err := Bootstrap(
		Proxy{ID: "default/reviews-v1", Name: "reviews-v1", Address: "127.80.0.4"},
		Upstreams{ControlPlane: "unix:/run/xds.sock", Policyd: "127.0.0.1:9191", OTLP: "unix:/run/otlp.sock", ALS: "unix:/run/als.sock"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ValidateAll(); err != nil {
		t.Errorf("the bootstrap breaks its own rules: %v", err)
	}
	text, err := MarshalBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"default/reviews-v1"`, `"/run/xds.sock"`, "krater-policyd", "krater-otlp", "krater-als", "DELTA_GRPC", "internal_listener"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the bootstrap lacks %s", want)
		}
	}
}

func TestBootstrapRefusesABadTarget(t *testing.T) {
	_, err := Bootstrap(Proxy{ID: "a/b", Name: "b", Address: "127.0.0.1"}, Upstreams{ControlPlane: "nowhere"})
	if err == nil || !strings.Contains(err.Error(), "neither unix:PATH nor host:port") {
		t.Fatalf("got %v", err)
	}
}

// Calls leave from the workload's own address where it is on this machine.
func TestBootstrapBindsToALoopbackAddressOnly(t *testing.T) {
	for address, bound := range map[string]bool{"127.80.0.4": true, "10.1.2.3": false, "::1": true} {
		b, err := Bootstrap(Proxy{ID: "a/b", Name: "b", Address: address}, Upstreams{ControlPlane: "unix:/run/xds.sock"})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.GetClusterManager().GetUpstreamBindConfig().GetSourceAddress().GetAddress(); (got == address) != bound {
			t.Errorf("%s: calls leave from %q", address, got)
		}
		for _, c := range b.GetStaticResources().GetClusters() {
			if c.GetUpstreamBindConfig() == nil {
				t.Errorf("%s: the control plane would be called from there", address)
			}
		}
	}
}

// A proxy that stands somewhere knows which of its service's others stand where.
func TestBootstrapHasTheLocalClusterWhereThereIsALocality(t *testing.T) {
	for locality, want := range map[string]string{"": "", "eu/a": LocalCluster} {
		b, err := Bootstrap(Proxy{ID: "a/b", Name: "b", Address: "127.0.0.1", Locality: locality}, Upstreams{ControlPlane: "unix:/run/xds.sock"})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.GetClusterManager().GetLocalClusterName(); got != want {
			t.Errorf("locality %q: local cluster %q", locality, got)
		}
		if got := b.GetNode().GetLocality(); (got.GetZone() == "a") != (locality != "") {
			t.Errorf("locality %q: node's %v", locality, got)
		}
	}
}

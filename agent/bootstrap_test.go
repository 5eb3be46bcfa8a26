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

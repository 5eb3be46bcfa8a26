package envoy_test

import (
	"testing"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/test/harness"
)

// The agent's bootstrap is one that the real Envoy takes.
func TestEnvoyTakesTheAgentsBootstrap(t *testing.T) {
	for name, up := range map[string]agent.Upstreams{
		"sockets": {ControlPlane: "unix:/tmp/xds.sock", Policyd: "unix:/tmp/p.sock", OTLP: "unix:/tmp/o.sock", ALS: "unix:/tmp/a.sock"},
		"alone":   {},
		"elsewhere": {ControlPlane: "unix:/tmp/ads.sock", SDS: "unix:/tmp/sds.sock", TrustDomain: "cluster.local",
			Policyd: "10.0.0.1:9191", OTLP: "10.0.0.2:4317", ALS: "10.0.0.2:4318"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := agent.Bootstrap(agent.Proxy{ID: "default/reviews-v1", Name: "reviews-v1", Address: "127.80.0.4"}, up)
			if err != nil {
				t.Fatal(err)
			}
			text, err := agent.MarshalBootstrap(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := harness.ValidateEnvoy(t, text); err != nil {
				t.Fatal(err)
			}
		})
	}
}

package translate_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestNamesThatNoProxyKnowsInsideAreRefused: Envoy would take them for nothing.
func TestNamesThatNoProxyKnowsInsideAreRefused(t *testing.T) {
	c, w := readCase(t, "testdata/sidecar-http.in.yaml")
	for match, bad := range map[string]bool{
		"source.namespace == 'a'": true, "source.labels['app'] == 'a'": true, "destination.version == 'v1'": true, "source.principal == ''": true,
		"source.workload.name == 'a'": true, "source.address == 'a'": false, "destination.port == 1": false,
		"connection.uri_san_peer_certificate.startsWith('spiffe://a/')": false, "connection.mtls": false,
	} {
		c.Snapshot.Telemetry = []*model.TelemetryRule{{Object: model.Ref{Kind: "TelemetryRule", Namespace: "default", Name: "r"}, Match: match,
			Metrics: []model.Metric{{Name: "m", Kind: model.Counter}}}}
		c.Snapshot.Seal()
		_, problems := translate.Translate(c.Snapshot, c.Endpoints, w, options)
		found := false
		for _, p := range problems {
			found = found || p.Code == model.CodeBadExpression && strings.Contains(p.Message, "inside of an expression")
		}
		if found != bad {
			t.Errorf("%s: refused %v, want %v: %v", match, found, bad, problems)
		}
	}
}

package crds_test

import (
	"testing"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// TestOldNamesHaveLines: a field that is written by its old name is found by
// its own, with what is in it.
func TestOldNamesHaveLines(t *testing.T) {
	o := parseText(t, `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a
  traffic_policy:
    connection_pool:
      tcp:
        max_connections: -1
`)
	_, problems := crds.Convert(o, crds.Options{})
	for _, p := range problems {
		if p.Field == "spec.trafficPolicy.connectionPool.tcp.maxConnections" && p.Severity == model.Error {
			if p.Origin.Line != 9 {
				t.Errorf("line %d: %s", p.Origin.Line, p)
			}
			return
		}
	}
	t.Errorf("the error is missing: %v", problems)
}

package translate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestOneMoreOfAnAccountIsNoOtherCluster: clusters know identities, not
// endpoints. One more endpoint of an account sends endpoints only; one of
// another account must be let in by the clusters, too.
func TestOneMoreOfAnAccountIsNoOtherCluster(t *testing.T) {
	for account, clusters := range map[string]bool{"db": false, "new": true} {
		c, w := readCase(t, "testdata/mtls-caller.in.yaml")
		before, _ := translate.Translate(c.Snapshot, c.Endpoints, w, options)
		eps := c.Endpoints.Find(model.ServiceKey{Host: "db.shop.svc.cluster.local", Namespace: "shop"})
		eps.Endpoints = append(slices.Clone(eps.Endpoints), model.Endpoint{Address: "127.80.0.9", Workload: "shop/db-9", ServiceAccount: account,
			Labels: map[string]string{"app": "db", "version": "v1"}, MTLS: true, Health: model.Healthy, Weight: 1})
		after, _ := translate.Translate(c.Snapshot, c.Endpoints, w, options)
		diff := changed(t, before, after)
		if len(diff) == 0 {
			t.Errorf("%s: nothing changed", account)
		}
		sent := false
		for resource := range diff {
			sent = sent || strings.Contains(resource, ".Cluster ")
			if !strings.Contains(resource, ".Cluster ") && !strings.Contains(resource, ".ClusterLoadAssignment ") {
				t.Errorf("%s: it also changed %s", account, resource)
			}
		}
		if sent != clusters {
			t.Errorf("one more endpoint of the account %s: clusters sent %t, want %t", account, sent, clusters)
		}
	}
}

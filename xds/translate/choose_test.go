package translate_test

import (
	"fmt"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

func TestResolveAuthority(t *testing.T) {
	c, w := readCase(t, "testdata/hosts.in.yaml")
	for authority, want := range map[string]string{
		"reviews":                                "reviews.default.svc.cluster.local 9080 true",
		"REVIEWS:9080":                           "reviews.default.svc.cluster.local 9080 true",
		"reviews.default":                        "reviews.default.svc.cluster.local 9080 true",
		"reviews.default.svc.cluster.local:9080": "reviews.default.svc.cluster.local 9080 true",
		"reviews:9081":                           " 0 false",
		"a.example.com":                          "*.example.com 80 true",
		"a.example.com:80":                       "*.example.com 80 true",
		"a.example.com:81":                       " 0 false",
		"alone.test":                             "alone.test 80 true",
		"nobody":                                 " 0 false",
	} {
		host, port, ok := translate.ResolveAuthority(c.Snapshot, w, authority)
		if got := fmt.Sprint(host, " ", port, " ", ok); got != want {
			t.Errorf("%s: %s, want %s", authority, got, want)
		}
	}
}

func TestRoutesFor(t *testing.T) {
	names := func(list []translate.RouteChoice) (out []string) {
		for _, c := range list {
			out = append(out, c.Name)
		}
		return out
	}
	for _, c := range []struct{ file, host, want string }{
		{"match-proxy", "reviews.default.svc.cluster.local", "[default/reviews/mine]"},
		{"sidecar-http", "reviews.default.svc.cluster.local", "[default]"},
		{"sidecar-http", "nobody", "[]"},
		{"visibility", "reviews.default.svc.cluster.local", "[default]"}, // the table is exported elsewhere
		{"hosts", "reviews.default.svc.cluster.local", "[default/any/a]"},
		{"hosts", "a.example.com", "[default/wild/w]"},
	} {
		in, w := readCase(t, "testdata/"+c.file+".in.yaml")
		if got := fmt.Sprint(names(translate.RoutesFor(in.Snapshot, w, c.host, 9080))); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.file, c.host, got, c.want)
		}
	}
}

// A route that takes everything must not hide the routes of another table.
func TestGatewayRoutesOfSeveralTables(t *testing.T) {
	c, w := readCase(t, "testdata/gateway-merge.in.yaml")
	var got []string
	for _, r := range translate.GatewayRoutesFor(c.Snapshot, w, "WWW.example.com", 80) {
		got = append(got, r.Name)
	}
	// What follows it in its own table is never reached.
	if want := "[default/two/second default/one/first]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if got := translate.GatewayRoutesFor(c.Snapshot, w, "other.org", 80); len(got) > 0 {
		t.Errorf("a host that no server has: %v", got)
	}
}

func TestPolicySet(t *testing.T) {
	c, w := readCase(t, "testdata/rego.in.yaml")
	before := translate.PolicySet(c.Snapshot, w)
	c.Snapshot.Limits = append(c.Snapshot.Limits, &model.Limit{Name: "l"})
	if after := translate.PolicySet(c.Snapshot, w); after != before || before == "" {
		t.Errorf("a limit changed the policy set from %q to %q", before, after)
	}
	c.Snapshot.Rego[0].Failure = model.FailClosed
	if translate.PolicySet(c.Snapshot, w) == before {
		t.Error("an edit of a policy left its set's version")
	}
	c.Snapshot.Rego, c.Snapshot.Authorization = nil, nil
	if got := translate.PolicySet(c.Snapshot, w); got != "" {
		t.Errorf("no policies have version %q", got)
	}
}

package explain

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestCallersCompareAsIstiosExpressions holds the evaluator, which searches, to
// the expressions that proxies get.
func TestCallersCompareAsIstiosExpressions(t *testing.T) {
	pieces := []string{"/", "/", "ns", "sa", "a", "b", "a-b", "/ns/", "/sa/", "td", "cluster.local", "td/ns/a/sa/b", "/ns/a/", "sa/b"}
	patterns := map[string]model.StringMatch{
		"a": {Kind: model.Exact, Value: "a"}, "a.*": {Kind: model.Prefix, Value: "a"}, ".*b": {Kind: model.Suffix, Value: "b"},
		".*": {Kind: model.Present}, "a.*b": {Kind: model.Regex, Value: "a.*b"},
	}
	r, hits := rand.New(rand.NewPCG(1, 2)), 0
	for range 20000 {
		var principal string
		for range 1 + r.IntN(8) {
			principal += pieces[r.IntN(len(pieces))]
		}
		uri := "spiffe://" + principal
		check := func(what, expression string, got bool) {
			want := regexp.MustCompile("^(?:" + expression + ")$").MatchString(uri)
			if want {
				hits++
			}
			if got != want {
				t.Errorf("%s %s: %v, want %v by %s", what, principal, got, want, expression)
			}
		}
		for e, m := range patterns {
			check("namespace", ".*/ns/"+e+"/.*", inNamespace(m, principal))
			check("trust domain", "spiffe://"+strings.ReplaceAll(e, ".*", "[^/]*")+"/.*", inTrustDomain(m, principal))
		}
		check("account", "spiffe://.+/ns/a/(.+/|)sa/b(/.+)?", hasAccount("a/b", principal))
	}
	if hits < 10000 {
		t.Errorf("only %d matches: what is drawn tests too little", hits)
	}
}

func TestACallerWithoutACertificate(t *testing.T) {
	exact := []model.StringMatch{{Kind: model.Exact, Value: "a"}}
	for name, c := range map[string]struct {
		source model.Source
		holds  bool
	}{
		"any principal":         {model.Source{Principals: []model.StringMatch{{Kind: model.Present}}}, false},
		"a namespace":           {model.Source{Namespaces: exact}, false},
		"not a namespace":       {model.Source{NotNamespaces: exact}, true},
		"no principal":          {model.Source{NotPrincipals: []model.StringMatch{{Kind: model.Present}}}, true},
		"an account":            {model.Source{ServiceAccounts: []string{"a/b"}}, false},
		"not a trust domain":    {model.Source{NotTrustDomains: exact}, true},
		"one that has, and not": {model.Source{NotNamespaces: exact, TrustDomains: exact}, false},
	} {
		if why := callerFails(c.source, ""); (why == "") != c.holds {
			t.Errorf("%s: %q", name, why)
		}
	}
}

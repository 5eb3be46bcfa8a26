package snapshot

import (
	"slices"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestPrincipalsOfTheMeshHaveAllItsNames(t *testing.T) {
	names := trustDomains{"new-td", "old-td", "other"}
	exact := func(v string) model.StringMatch { return model.StringMatch{Kind: model.Exact, Value: v} }
	prefix := func(v string) model.StringMatch { return model.StringMatch{Kind: model.Prefix, Value: v} }
	suffix := func(v string) model.StringMatch { return model.StringMatch{Kind: model.Suffix, Value: v} }
	for _, c := range []struct {
		in   model.StringMatch
		want []model.StringMatch
	}{
		{exact("old-td/ns/a/sa/b"), []model.StringMatch{exact("new-td/ns/a/sa/b"), exact("old-td/ns/a/sa/b"), exact("other/ns/a/sa/b")}},
		{exact("cluster.local/ns/a/sa/b"), []model.StringMatch{exact("new-td/ns/a/sa/b"), exact("old-td/ns/a/sa/b"), exact("other/ns/a/sa/b")}},
		{prefix("new-td/ns/a/sa/"), []model.StringMatch{prefix("new-td/ns/a/sa/"), prefix("old-td/ns/a/sa/"), prefix("other/ns/a/sa/")}},
		{suffix("-td/ns/a/sa/b"), []model.StringMatch{suffix("-td/ns/a/sa/b"), exact("other/ns/a/sa/b")}},
		// Anybody's, a stranger's, and what has no whole principal's form.
		{suffix("/ns/a/sa/b"), []model.StringMatch{suffix("/ns/a/sa/b")}},
		{exact("stranger/ns/a/sa/b"), []model.StringMatch{exact("stranger/ns/a/sa/b")}},
		{prefix("old-td/"), []model.StringMatch{prefix("old-td/")}},
		{model.StringMatch{Kind: model.Present}, []model.StringMatch{{Kind: model.Present}}},
	} {
		if got := names.principals([]model.StringMatch{c.in, c.in}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %+v, want %+v", c.in, got, c.want)
		}
	}
	got := names.names([]model.StringMatch{exact("old-td"), suffix("-td"), exact("cluster.local")})
	if want := []model.StringMatch{exact("new-td"), exact("old-td"), exact("other"), suffix("-td"), exact("cluster.local")}; !slices.Equal(got, want) {
		t.Errorf("trust domains: %+v, want %+v", got, want)
	}
}

// TestWrittenOutRulesLeaveTheirObjectAlone: entries outlive a snapshot.
func TestWrittenOutRulesLeaveTheirObjectAlone(t *testing.T) {
	exact := []model.StringMatch{{Kind: model.Exact, Value: "a/ns/b/sa/c"}}
	in := []model.AuthorizationRule{{From: []model.Source{{Principals: exact}}, When: []model.Condition{{Source: &model.Source{NotPrincipals: exact}}}}}
	out := trustDomains{"a", "b"}.rules(in)
	if len(in[0].From[0].Principals) != 1 || len(in[0].When[0].Source.NotPrincipals) != 1 {
		t.Errorf("the declared rule has changed: %+v", in)
	}
	if len(out[0].From[0].Principals) != 2 || len(out[0].When[0].Source.NotPrincipals) != 2 {
		t.Errorf("not written out: %+v", out)
	}
}

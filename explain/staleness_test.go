package explain

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// TestAStaleProxyAllowsNothing by itself, and denies as before.
func TestAStaleProxyAllowsNothing(t *testing.T) {
	policy := &model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "a", Name: "n"}, Query: "data.a.allow", MaxStaleness: model.Duration(10 * time.Second),
		Lowered: &model.Lowered{Rules: []model.LoweredRule{headerRule("n:1", "allow", model.VerdictAllow), headerRule("n:2", "deny", model.VerdictDeny)}}}
	for _, c := range []struct {
		silence time.Duration
		says    string
		place   model.Place
		within  time.Duration
	}{
		{0, "allow", model.Native, 10 * time.Second},
		{9 * time.Second, "allow", model.Native, 10 * time.Second},
		{10 * time.Second, "allow", model.Daemon, 0},
		{time.Hour, "allow", model.Daemon, 0},
		{time.Hour, "deny", model.Native, 0},
	} {
		p := passage{e: &explainer{snap: &model.Snapshot{Rego: []*model.RegoPolicy{policy}}, decider: deciding{}, silence: c.silence}, view: View{Headers: Headers{"x-says": {c.says}}}}
		p.rego()
		if r := p.hop.Chain[0].Rego; r.Place != c.place || r.Within.Std() != c.within {
			t.Errorf("%s after %s: by %s, within %s; want %s, %s", c.says, c.silence, r.Place, r.Within.Std(), c.place, c.within)
		}
	}
}

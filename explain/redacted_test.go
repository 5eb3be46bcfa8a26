package explain

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestRedactedValuesAreNotTold: not by the reason of a rule, nor the key of a
// bucket, nor the headers of the request that was explained.
func TestRedactedValuesAreNotTold(t *testing.T) {
	w := model.Workload{Namespace: "n", Name: "w", Gateway: true, Address: "127.0.0.1", Ports: []model.WorkloadPort{{Number: 80, AppPort: 8080, Protocol: model.HTTP}}}
	exact := func(v string) []model.StringMatch { return []model.StringMatch{{Kind: model.Exact, Value: v}} }
	secret := []string{"s3cret", "t0ken", "b0dy"}
	snap := &model.Snapshot{
		Mesh:      model.Mesh{Domain: "cluster.local", RootNamespace: "n"},
		Workloads: []model.Workload{w},
		Attributes: []*model.AttributeSet{{Attributes: []model.Attribute{
			{Name: "session", Cookie: "session", Redact: true}, {Name: "token", Header: "x-token", Redact: true}, {Name: "id", JSON: "/id", Redact: true},
			{Name: "sub", Claim: []string{"sub"}, Redact: true}}}},
		Authorization: []*model.AuthorizationPolicy{{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "n", Name: "p"}, Action: model.Deny, Rules: []model.AuthorizationRule{
			{When: []model.Condition{{Attribute: "session", Values: exact("other")}}},
			{When: []model.Condition{{Attribute: "token", Values: []model.StringMatch{{Kind: model.Present}}, NotValues: exact("t0ken")}}}}}},
		Limits: []*model.Limit{{Object: model.Ref{Kind: "RateLimit", Namespace: "n", Name: "l"}, Name: "l", Requests: 1, Key: []string{"attribute.session", "attribute.sub"},
			When: []model.Condition{{Attribute: "id", Values: exact("b0dy")}}, Scope: model.ScopeProxy}},
	}
	x, err := Explain(snap, nil, nil, Request{From: "n/w", Host: "a", Path: "/", Body: `{"id":"b0dy"}`, Attributes: map[string]string{"sub": "cl4im"},
		Headers: Headers{"Cookie": {"session=s3cret"}, "X-Token": {"t0ken"}, "content-type": {"application/json"}, "x-other": {"shown"}}})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Text(&text, x); err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{text.String(), string(doc)} {
		for _, s := range append(secret, "cl4im") {
			// What a policy names is no secret of a request.
			if n := strings.Count(out, s); n > strings.Count(out, `exact "`+s+`"`)+strings.Count(out, `exact \"`+s+`\"`) {
				t.Errorf("%s is told:\n%s", s, out)
			}
		}
		if !strings.Contains(out, "shown") || !strings.Contains(out, redacted) {
			t.Errorf("too much is kept back:\n%s", out)
		}
	}
}

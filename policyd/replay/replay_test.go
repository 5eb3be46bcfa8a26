package replay

import (
	"context"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func edited(source string, reads ...string) model.RegoPolicy {
	p := model.RegoPolicy{
		Object: model.Ref{Kind: "RegoPolicy", Namespace: "a", Name: "b"}, Query: "data.p.allow", Failure: model.FailClosed, Timeout: model.Duration(5e9),
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\n" + source}}, Lowered: &model.Lowered{},
	}
	for _, r := range reads {
		p.Lowered.Reads = append(p.Lowered.Reads, model.Read{Ref: r})
	}
	return p
}

const (
	user   = `input.attributes.request.http.headers["x-user"]`
	method = "input.attributes.request.http.method"
)

// recordedAs is a decision about anna, or nobody, in which user and method were
// looked for.
func recordedAs(allowed bool, headers map[string]any) model.DecisionEvent {
	e := model.DecisionEvent{Input: map[string]any{"attributes": map[string]any{"request": map[string]any{"http": map[string]any{"method": "GET", "headers": headers}}}}}
	e.Custom.Krater = model.DecisionDetails{Decision: model.Decision{Policy: "RegoPolicy a/b", Allowed: allowed, Place: model.Native}, Reads: []string{user, method}}
	return e
}

func TestReplay(t *testing.T) {
	anna, nobody := map[string]any{"x-user": "anna"}, map[string]any{}
	masked := recordedAs(true, nobody)
	masked.Erased = []string{"/input/attributes/request/http/headers/x-user"}
	opas := model.DecisionEvent{DecisionID: "1", Path: "p/allow", Input: map[string]any{"any": "thing"}, Result: true}
	for name, c := range map[string]struct {
		policy model.RegoPolicy
		event  model.DecisionEvent
		want   Verdict
		why    string
	}{
		"the same":                        {policy: edited("allow := "+user+` == "anna"`, user), event: recordedAs(true, anna), want: Same},
		"denied now":                      {policy: edited("allow := "+user+` == "bert"`, user), event: recordedAs(true, anna), want: Changed},
		"absent is known":                 {policy: edited("default allow := false\n\nallow if "+user, user), event: recordedAs(false, nobody), want: Same},
		"undefined now":                   {policy: edited("allow if "+user, user), event: recordedAs(true, nobody), want: Changed, why: "undefined"},
		"a field that nobody looked for":  {policy: edited("allow := input.parsed_path[0]", "input.parsed_path[0]"), event: recordedAs(true, anna), want: Unknown, why: "input.parsed_path[0] was not recorded"},
		"a header that nobody looked for": {policy: edited("allow := true", `input.attributes.request.http.headers["x-other"]`), event: recordedAs(true, anna), want: Unknown, why: "x-other"},
		"all headers":                     {policy: edited("allow := true", "input.attributes.request.http.headers"), event: recordedAs(true, anna), want: Unknown, why: "headers was not recorded"},
		"a masked field":                  {policy: edited("allow := true", user), event: masked, want: Unknown, why: "was masked"},
		"OPA's own event":                 {policy: edited(`allow := input.any == "thing"`, "input.any"), event: opas, want: Same},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := Run(context.Background(), c.policy, []model.DecisionEvent{c.event, {DecisionID: "x", Path: "other"}})
			if err != nil {
				t.Fatal(err)
			}
			got := Same
			switch {
			case report.Changed == 1:
				got = Changed
			case report.Unknown == 1:
				got = Unknown
			}
			if got != c.want || report.Skipped != 1 || report.Same+report.Changed+report.Unknown != 1 {
				t.Fatalf("%s, wanted %s: %+v", got, c.want, report)
			}
			if c.why != "" && !strings.Contains(report.Outcomes[0].String(), c.why) {
				t.Errorf("it says %q, not %q", report.Outcomes[0], c.why)
			}
		})
	}
}

func TestWhatIsNotOfTheRequestIsUnknown(t *testing.T) {
	p := edited("allow := time.now_ns() > 0")
	p.Lowered.Volatile = []string{"time.now_ns"}
	report, err := Run(context.Background(), p, []model.DecisionEvent{recordedAs(true, nil)})
	if err != nil || report.Unknown != 1 || !strings.Contains(report.Outcomes[0].Why, "time.now_ns") {
		t.Errorf("%+v, %v", report, err)
	}
}

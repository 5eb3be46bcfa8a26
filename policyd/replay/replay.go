// Package replay holds recorded decisions against an edited policy: what it
// would answer now, or which field that it reads was not recorded. It never
// guesses: a field that nobody looked for is unknown, not absent.
package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Verdict is what became of one recorded decision.
type Verdict string

const (
	Same    Verdict = "same"
	Changed Verdict = "changed"
	Unknown Verdict = "unknown"
)

// Outcome is one recorded decision under the edited policy.
type Outcome struct {
	Verdict    Verdict `json:"verdict"`
	DecisionID string  `json:"decisionId"`
	RequestID  string  `json:"requestId,omitempty"`
	Caller     string  `json:"caller,omitempty"`
	Method     string  `json:"method,omitempty"`
	Path       string  `json:"path,omitempty"`
	Was        bool    `json:"was"`           // allowed
	Now        *bool   `json:"now,omitempty"` // nil: unknown
	Why        string  `json:"why,omitempty"` // the failure, or the field that was not recorded
}

// Report is what a replay came to.
type Report struct {
	Policy   string    `json:"policy"`
	Same     int       `json:"same"`
	Changed  int       `json:"changed"`
	Unknown  int       `json:"unknown"`
	Skipped  int       `json:"skipped,omitempty"` // of other policies, or no decisions at all
	Outcomes []Outcome `json:"outcomes"`          // but those that stayed the same
}

// Run answers each recorded decision of the policy anew. The policy carries
// what it reads, in Lowered.
func Run(ctx context.Context, p model.RegoPolicy, events []model.DecisionEvent) (Report, error) {
	compiled, problems := rego.Compile(p)
	if compiled == nil {
		return Report{}, &rego.CompileError{Problems: problems}
	}
	out := Report{Policy: p.Object.String(), Outcomes: []Outcome{}}
	for _, e := range events {
		if !of(p, e) {
			out.Skipped++
			continue
		}
		o := answer(ctx, compiled, p, e)
		switch o.Verdict {
		case Same:
			out.Same++
			continue
		case Changed:
			out.Changed++
		default:
			out.Unknown++
		}
		out.Outcomes = append(out.Outcomes, o)
	}
	return out, nil
}

// of tells whether an event is one of the policy's. OPA's own events name the
// query only.
func of(p model.RegoPolicy, e model.DecisionEvent) bool {
	if named := e.Custom.Krater.Policy; named != "" {
		return named == p.Object.String()
	}
	return e.Path != "" && e.Path == strings.ReplaceAll(strings.TrimPrefix(p.Query, "data."), ".", "/")
}

func answer(ctx context.Context, compiled *rego.Policy, p model.RegoPolicy, e model.DecisionEvent) Outcome {
	k := e.Custom.Krater
	out := Outcome{DecisionID: e.DecisionID, RequestID: k.RequestID, Caller: k.Caller, Method: k.Method, Path: k.URLPath, Was: allowed(e)}
	if out.Why = missing(p, e); out.Why != "" {
		out.Verdict = Unknown
		return out
	}
	input := e.Input
	if input == nil {
		input = map[string]any{}
	}
	now := compiled.EvaluateDocument(ctx, input)
	out.Now, out.Verdict = &now.Allowed, Same
	if now.Failure != nil {
		out.Why = now.Failure.String()
	}
	if now.Allowed != out.Was || !sameResult(e, now) {
		out.Verdict = Changed
		if now.Allowed == out.Was && out.Why == "" {
			out.Why = "another answer: status, headers or body"
		}
	}
	return out
}

// allowed is what an event says. OPA's own have the result only.
func allowed(e model.DecisionEvent) bool {
	if e.Custom.Krater.Policy != "" {
		return e.Custom.Krater.Allowed
	}
	switch r := e.Result.(type) {
	case bool:
		return r
	case map[string]any:
		yes, _ := r["allowed"].(bool)
		return yes
	}
	return false
}

// sameResult compares whole answers, where the recorded one is whole: a proxy's
// record says only whether it allowed.
func sameResult(e model.DecisionEvent, now rego.Answer) bool {
	if e.Custom.Krater.Place != model.Daemon || e.Result == nil || slices.ContainsFunc(append(e.Erased, e.Masked...), func(p string) bool { return strings.HasPrefix(p, "/result") }) {
		return true
	}
	was, err1 := json.Marshal(e.Result)
	is, err2 := json.Marshal(now.Result())
	return err1 == nil && err2 == nil && string(was) == string(is)
}

// missing names what the policy reads and the event does not tell; "": it
// tells all.
func missing(p model.RegoPolicy, e model.DecisionEvent) string {
	l := p.Lowered
	switch {
	case l == nil:
		return "what the policy reads is not known"
	case len(l.Volatile) > 0:
		return "the policy calls " + strings.Join(l.Volatile, ", ") + ", whose result was not recorded"
	}
	k := e.Custom.Krater
	whole := k.ReadsAll || k.Policy == "" // as OPA itself records
	if l.ReadsAll {
		if !whole || len(e.Erased)+len(e.Masked) > 0 {
			return "the policy reads the whole input, which was not recorded"
		}
		return ""
	}
	for _, r := range l.Reads {
		path := model.RefPath(r.Ref)
		if !whole && !recorded(path, k.Reads) {
			return r.Ref + " was not recorded"
		}
		for _, masked := range append(slices.Clone(e.Erased), e.Masked...) {
			if overlaps(path, maskPath(masked)) {
				return r.Ref + " was masked"
			}
		}
	}
	return ""
}

// recorded tells whether one of the references that were looked for holds a
// path.
func recorded(path []string, reads []string) bool {
	return slices.ContainsFunc(reads, func(ref string) bool {
		have := model.RefPath(ref)
		return len(have) > 0 && len(have) <= len(path) && slices.Equal(have, path[:len(have)])
	})
}

// maskPath is a mask's path below input.
func maskPath(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if parts[0] != "input" {
		return []string{"\x00"} // of the result
	}
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts[1:]
}

func overlaps(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// String is an outcome in a line.
func (o Outcome) String() string {
	word := map[bool]string{true: "allowed", false: "denied"}
	who := strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Caller, o.Method, o.Path))
	switch {
	case o.Verdict == Unknown:
		return fmt.Sprintf("? %s: was %s; %s", who, word[o.Was], o.Why)
	case o.Why != "":
		return fmt.Sprintf("≠ %s: was %s, is %s (%s)", who, word[o.Was], word[*o.Now], o.Why)
	}
	return fmt.Sprintf("≠ %s: was %s, is %s", who, word[o.Was], word[*o.Now])
}

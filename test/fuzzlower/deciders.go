package fuzzlower

import (
	"fmt"
	"strings"
	"time"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Lower is what a proxy decides of a policy.
func Lower(p model.RegoPolicy) *model.Lowered { return lower.Policy(p, nil) }

// facts are what a proxy knows of a request that it received.
type facts struct {
	r Request
	v explain.View
}

var _ explain.Facts = facts{}

// Fact implements explain.Facts.
func (f facts) Fact(in model.ProxyInput) (any, bool) {
	switch in.Kind {
	case model.InputHeader:
		s, ok := f.v.Header(in.Name)
		return s, ok
	case model.InputPath:
		path, _ := f.v.Target()
		return path, true
	case model.InputSourceAddress:
		return f.v.Peer, true
	case model.InputDestination:
		return f.r.address(), true
	case model.InputDestinationPort:
		return float64(f.r.port()), true
	case model.InputPrincipal:
		return f.r.Principal, f.r.Principal != ""
	case model.InputSNI:
		return strings.ToLower(f.r.SNI), f.r.SNI != ""
	case model.InputProtocol:
		return f.r.Protocol(), true
	case model.InputClaim:
		return explain.Claim(f.r.Claims, in.Path)
	case model.InputTime:
		return float64(time.Now().Unix()), true
	}
	return nil, false
}

// ByLowered is the verdict of the lowered rules by their reference evaluator,
// with the answer of a denial.
func ByLowered(l *model.Lowered, r Request, v explain.View) (model.Verdict, model.LoweredAnswer) {
	rule := explain.Decide(l, facts{r, v})
	if rule == nil {
		return model.VerdictAsk, model.LoweredAnswer{}
	}
	if rule.Answer > 0 {
		return rule.Verdict, l.Answers[rule.Answer-1]
	}
	return rule.Verdict, model.LoweredAnswer{Status: 403}
}

// Differs tells how a native verdict is not OPA's whole answer; "": it is.
func Differs(verdict model.Verdict, native model.LoweredAnswer, opa rego.Answer) string {
	switch {
	case verdict == model.VerdictAsk:
		return ""
	case (verdict == model.VerdictAllow) != opa.Allowed:
		return fmt.Sprintf("lowered says %s, OPA allows: %v, %v", verdict, opa.Allowed, opa.Failure)
	case opa.Allowed:
		if len(opa.Headers)+len(opa.ResponseHeaders)+len(opa.RemoveHeaders)+len(opa.SetQuery)+len(opa.RemoveQuery)+len(opa.Metadata) > 0 {
			return "lowered allows and says nothing more, OPA does"
		}
	case int(native.Status) != opa.Status || native.Body != opa.Body || len(opa.Metadata) > 0:
		return fmt.Sprintf("lowered denies with %d %q, OPA with %d %q", native.Status, native.Body, opa.Status, opa.Body)
	case fmt.Sprint(native.Headers) != fmt.Sprint(opa.Headers):
		return fmt.Sprintf("lowered denies with headers %v, OPA with %v", native.Headers, opa.Headers)
	}
	return ""
}

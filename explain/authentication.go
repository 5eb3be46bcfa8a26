package explain

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// TokenResult is what one rule of a RequestAuthentication says of the tokens
// where it looks. A token itself is never told.
type TokenResult struct {
	Rule   string `json:"rule"` // "RequestAuthentication namespace/name jwtRules[i]"
	Issuer string `json:"issuer,omitempty"`
	// Where the token stood; empty: there is none.
	Where string `json:"where,omitempty"`
	Valid bool   `json:"valid"`
	Why   string `json:"why,omitempty"` // in Envoy's words
	// Principal is "ISSUER/SUBJECT" of a valid token, Claims the names of what it
	// says.
	Principal string   `json:"principal,omitempty"`
	Claims    []string `json:"claims,omitempty"`
}

// jwtRule is a rule of the objects that are for a workload.
type jwtRule struct {
	model.JWTRule
	id string
}

// authentication verifies tokens: one where any rule looks has to hold by one
// of the rules that look there. A request without one passes.
func (p *passage) authentication() {
	if p.role == RoleClient {
		return
	}
	var rules []jwtRule
	refuseAll, substitute := false, ""
	for _, a := range p.e.snap.RequestAuthentications {
		if !a.Selects(p.w) {
			continue
		}
		if a.RefuseAll {
			refuseAll, substitute = true, a.Object.String()
		}
		for i, r := range a.Rules {
			rules = append(rules, jwtRule{r, fmt.Sprintf("%s jwtRules[%d]", a.Object, i)})
		}
	}
	if len(rules) == 0 && !refuseAll {
		return
	}
	next := p.view.clone()
	for _, r := range rules {
		for _, name := range r.Outputs() {
			delete(next.Headers, name)
		}
	}
	p.view = next
	if preflight(p.view) {
		return
	}
	for _, group := range groupsOf(rules) {
		if fault := p.anyOf(group); fault != "" {
			p.unauthorized(fault, "a token does not hold: "+fault)
			return
		}
	}
	if refuseAll {
		fault := p.provider(jwtRule{id: substitute})
		p.unauthorized(fault, substitute+" is bad, and has no last good version: every request is refused")
	}
}

// preflight is what asks for cross-origin rules: it passes.
func preflight(v View) bool {
	_, origin := v.Headers.Get("origin")
	method, asks := v.Headers.Get("access-control-request-method")
	return v.Method == "OPTIONS" && origin && asks && method != ""
}

func (p *passage) unauthorized(fault, reason string) {
	status := uint32(401)
	if fault == tokenNotForUs {
		status = 403
	}
	p.verdict = &Verdict{Status: status, Details: "jwt_authn_access_denied{" + strings.ReplaceAll(fault, " ", "_") + "}", Reason: reason}
}

// anyOf gives "" where a rule of a group holds, or there is no token. Of what
// is wrong, another issuer's token is the least.
func (p *passage) anyOf(group []jwtRule) string {
	fault := tokenMissing
	for _, r := range group {
		f := p.provider(r)
		switch {
		case f == tokenOK:
			return ""
		case f != tokenMissing && f != tokenUnknown, fault == tokenMissing:
			fault = f
		}
	}
	if fault == tokenMissing {
		return ""
	}
	return fault
}

// provider verifies all tokens where a rule looks.
func (p *passage) provider(r jwtRule) string {
	all := tokens(r.JWTRule, p.view)
	if len(all) == 0 {
		p.step(Step{Slot: "authentication", Token: &TokenResult{Rule: r.id, Issuer: r.Issuer, Why: tokenMissing}})
		return tokenMissing
	}
	slices.Reverse(all)
	for _, f := range all {
		p.e.tokens = append(p.e.tokens, f.text)
		t, fault := parseToken(f.text)
		switch {
		case fault != "":
		case r.Issuer != "" && t.issuer != r.Issuer:
			fault = tokenUnknown
		default:
			if fault = t.timely(p.e.now); fault == "" && !t.isFor(r.Audiences) {
				fault = tokenNotForUs
			}
			if fault == "" {
				fault = t.verify(r.Keys)
			}
		}
		result := TokenResult{Rule: r.id, Issuer: r.Issuer, Where: f.where, Valid: fault == "", Why: fault}
		if result.Valid {
			result.Claims = slices.Sorted(maps.Keys(t.claims))
			if t.issuer != "" && t.subject != "" {
				result.Principal = t.issuer + "/" + t.subject
			}
		}
		p.step(Step{Slot: "authentication", Token: &result})
		if fault != "" {
			return fault
		}
		p.accept(r, t, f)
	}
	return tokenOK
}

// accept makes of a request what a token that holds makes of it.
func (p *passage) accept(r jwtRule, t token, f found) {
	next := p.view.clone()
	if r.PayloadHeader != "" {
		next.Headers[r.PayloadHeader] = append(slices.Clone(next.Headers[r.PayloadHeader]), t.payload)
		p.e.tokens = append(p.e.tokens, t.payload)
	}
	for _, c := range r.ClaimHeaders {
		if text := claimText(t.claims, c.Claim); text != "" {
			next.Headers[c.Header] = append(slices.Clone(next.Headers[c.Header]), text)
		}
	}
	if !r.Forward {
		f.remove(&next)
	}
	next.Claims = split(t.claims, r.SplitClaims())
	p.view = next
}

// split makes lists of claims that are written with spaces.
func split(claims map[string]any, names []string) map[string]any {
	out := maps.Clone(claims)
	for _, name := range names {
		text, is := out[name].(string)
		if !is {
			continue
		}
		list := []any{}
		for word := range strings.SplitSeq(text, " ") {
			if word != "" {
				list = append(list, word)
			}
		}
		out[name] = list
	}
	return out
}

// claimText is a claim as a header has it; empty: it has none.
func claimText(claims map[string]any, name string) string {
	var at any = claims
	for _, part := range strings.Split(name, ".") {
		members, is := at.(map[string]any)
		if !is {
			return ""
		}
		if at, is = members[part]; !is {
			return ""
		}
	}
	switch v := at.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<63 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', 6, 64)
	case []any, map[string]any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	return ""
}

// groupsOf puts rules together that look at the same place, or write the same
// header.
func groupsOf(rules []jwtRule) [][]jwtRule {
	var out [][]jwtRule
	for _, r := range rules {
		joined := []jwtRule{}
		var rest [][]jwtRule
		for _, g := range out {
			if slices.ContainsFunc(g, func(o jwtRule) bool { return meet(o.JWTRule, r.JWTRule) }) {
				joined = append(joined, g...)
			} else {
				rest = append(rest, g)
			}
		}
		out = append(rest, append(joined, r))
	}
	return out
}

func meet(a, b model.JWTRule) bool {
	headers, params, cookies := a.Locations()
	h, p, c := b.Locations()
	named := func(t model.TokenHeader) func(model.TokenHeader) bool {
		return func(o model.TokenHeader) bool { return o.Name == t.Name }
	}
	return slices.ContainsFunc(headers, func(t model.TokenHeader) bool { return slices.ContainsFunc(h, named(t)) }) ||
		shares(params, p) || shares(cookies, c) || shares(a.Outputs(), b.Outputs())
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// withholdTokens takes tokens, and what is as good as one, out of an explanation.
func (e *explainer) withholdTokens(x *Explanation) {
	list := slices.DeleteFunc(slices.Clone(e.tokens), func(t string) bool { return t == "" })
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, t := range list {
		pairs = append(pairs, t, "(token)")
	}
	known := strings.NewReplacer(pairs...)
	hide := func(text string) string { return looksToken.ReplaceAllString(known.Replace(text), "(token)") }
	view := func(v *View) {
		v.Path, v.Headers = hide(v.Path), hidden(v.Headers, hide)
	}
	x.Request.Path, x.Request.Headers = hide(x.Request.Path), hidden(x.Request.Headers, hide)
	view(&x.First.Received)
	if r := x.First.Route; r != nil {
		for i := range r.Targets {
			view(&r.Targets[i].Request)
		}
	}
	for i := range x.Outcomes {
		if s := x.Outcomes[i].Server; s != nil {
			view(&s.Received)
		}
	}
}

// looksToken is a token where nobody looked for one.
var looksToken = regexp.MustCompile(`eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*`)

func hidden(h Headers, hide func(string) string) Headers {
	if h == nil {
		return nil
	}
	out := Headers{}
	for name, values := range h {
		for _, v := range values {
			out[name] = append(out[name], hide(v))
		}
	}
	return out
}

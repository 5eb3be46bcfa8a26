package crds

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// tokensSubstitute stands in for a bad RequestAuthentication: no token holds
// where it reads them, and its headers come from nobody. Where that cannot be
// read, no request passes.
func tokensSubstitute(o *Object) *model.RequestAuthentication {
	out := &model.RequestAuthentication{Object: o.Ref, Substitute: true,
		Selector: model.Selector{Namespace: o.Ref.Namespace, Labels: readableLabels(o)}}
	rules := o.Root.Field("spec").Field("jwtRules")
	if rules == nil || rules.Kind != List || len(rules.Items) == 0 {
		out.RefuseAll = true
		return out
	}
	for _, n := range rules.Items {
		rule, ok := readableRule(n)
		out.Rules = append(out.Rules, rule)
		out.RefuseAll = out.RefuseAll || !ok
	}
	return out
}

// ruleFields are those of a rule that say nothing of where its tokens stand,
// and of what is written.
var ruleFields = map[string]bool{"issuer": true, "audiences": true, "jwks": true, "jwksUri": true, "jwks_uri": true,
	"forwardOriginalToken": true, "timeout": true, "spaceDelimitedClaims": true}

// readableRule reads of a rule where tokens stand and what is written; false:
// it cannot be read.
func readableRule(n *Node) (out model.JWTRule, ok bool) {
	if n == nil || n.Kind != Mapping {
		return out, false
	}
	ok = true
	header := func(n *Node) string {
		name, is := text(n)
		name = strings.ToLower(name)
		ok = ok && is && headerName(name) && !strings.HasPrefix(name, ":")
		return name
	}
	for _, f := range n.Fields {
		items := []*Node(nil)
		if f.Value != nil && f.Value.Kind == List {
			items = f.Value.Items
		}
		switch f.Name {
		case "fromHeaders":
			for _, i := range items {
				prefix, is := text(i.Field("prefix"))
				ok = ok && (is || i.Field("prefix") == nil) && only(i, "name", "prefix")
				out.Headers = append(out.Headers, model.TokenHeader{Name: header(i.Field("name")), Prefix: prefix})
			}
		case "fromParams", "fromCookies":
			for _, i := range items {
				name, is := text(i)
				ok = ok && is && name != ""
				if f.Name == "fromParams" {
					out.Params = append(out.Params, name)
				} else {
					out.Cookies = append(out.Cookies, name)
				}
			}
		case "outputPayloadToHeader":
			out.PayloadHeader = header(f.Value)
		case "outputClaimToHeaders":
			for _, i := range items {
				out.ClaimHeaders = append(out.ClaimHeaders, model.ClaimHeader{Header: header(i.Field("header")), Claim: "sub"})
			}
		default:
			ok = ok && ruleFields[f.Name]
			continue
		}
		ok = ok && (items != nil || f.Name == "outputPayloadToHeader")
	}
	return out, ok
}

// text is a node's, if it is one.
func text(n *Node) (string, bool) {
	if n == nil {
		return "", false
	}
	s, is := n.Value.(string)
	return s, is
}

// only tells whether a node has no other fields.
func only(n *Node, names ...string) bool {
	for _, f := range n.Fields {
		if !slices.Contains(names, f.Name) {
			return false
		}
	}
	return true
}

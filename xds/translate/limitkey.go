package translate

import (
	"fmt"
	"regexp"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	exprv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/rate_limit_descriptors/expr/v3"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

const (
	entryMatch = "match"
	// absentKey is the value of a key that a request does not have: all such
	// requests share one bucket. Envoy itself would not limit them at all.
	absentKey = "-"
	anyClient = "remote_address"
)

// limitDescriptor says which requests a limit counts, and what their key is:
// first "match", which is "true", then the key's parts. All matches are one
// expression, so that a request that two of them take is counted once. ok is
// false where no request of this chain is counted.
func (p *proxy) limitDescriptor(l model.Limit, c chain) (rate *routev3.RateLimit, ok bool) {
	match, ok := p.limitMatch(l, c)
	if !ok {
		return nil, false
	}
	if when := celHeaderConditions(l.When); len(when) > 0 {
		match = "(" + strings.Join(append(when, match), ") && (") + ")"
	}
	rate = &routev3.RateLimit{Actions: []*routev3.RateLimit_Action{expression(entryMatch, match)}}
	for i, key := range l.Key {
		if key == "source.address" {
			rate.Actions = append(rate.Actions, &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_RemoteAddress_{
				RemoteAddress: &routev3.RateLimit_Action_RemoteAddress{},
			}})
			continue
		}
		text, ok := p.keyExpression(key)
		if !ok {
			p.problem(model.Error, model.CodeBadExpression, l.Object, fmt.Sprintf("spec.limits[%s].key[%d]", l.Name, i),
				"nothing is known as "+key+" when a request arrives; the limit is not in force",
				"use request.headers['x'], source.address, a request attribute or one that an AttributeSet declares for "+p.w.ID())
			return nil, false
		}
		rate.Actions = append(rate.Actions, expression(fmt.Sprintf("key%d", i), text))
	}
	return rate, true
}

// limitMatch is true for the requests that a limit counts.
func (p *proxy) limitMatch(l model.Limit, c chain) (cel string, ok bool) {
	if len(l.Matches) == 0 {
		return "true", true
	}
	var any []string
	for i, m := range l.Matches {
		if m.Port != 0 && m.Port != c.port {
			continue
		}
		if len(m.SourceLabels) > 0 || m.SourceNamespace != "" || len(m.Gateways) > 0 || len(m.Query) > 0 {
			p.notSupported(l.Object, fmt.Sprintf("spec.limits[%s].match[%d]", l.Name, i),
				"a limit does not see the caller's labels, gateways or single query parameters yet; this match counts nothing",
				"match on uri, method, headers, authority or port")
			continue
		}
		any = append(any, celMatch(m))
	}
	return strings.Join(any, " || "), len(any) > 0
}

var headerKey = regexp.MustCompile(`^request\.headers\[(?:'([^'\\]+)'|"([^"\\]+)")\]$`)

// certifiedKeys are what a caller's certificate proves; without one they are absent.
var certifiedKeys = map[string]string{
	"source.principal": statePrincipal, "source.namespace": stateNamespace, "source.service_account": stateAccount,
}

// keyExpression reads a key's value.
func (p *proxy) keyExpression(key string) (cel string, ok bool) {
	if m := headerKey.FindStringSubmatch(key); m != nil {
		return celOr("request.headers", strings.ToLower(m[1]+m[2]), absentKey), true
	}
	if a, ok := p.declaredAs(key); ok {
		return celOr("filter_state", attributeState(a), absentKey), true
	}
	if state, ok := certifiedKeys[key]; ok {
		return celOr("filter_state", state, absentKey), true
	}
	known, ok := attribute.Lookup(key)
	if !ok || known.Response || known.Type != attribute.String || !strings.HasPrefix(key, "request.") {
		return "", false
	}
	return key, true
}

func expression(key, cel string) *routev3.RateLimit_Action {
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_Extension{
		Extension: &corev3.TypedExtensionConfig{
			Name: "envoy.rate_limit_descriptors.expr",
			TypedConfig: pack(&exprv3.Descriptor{
				DescriptorKey: key, ExprSpecifier: &exprv3.Descriptor_Text{Text: cel},
			}),
		},
	}}
}

// descriptorEntries are what the actions give, in their order. An entry
// without a value is a bucket for each value that comes.
func descriptorEntries(rate *routev3.RateLimit) []*ratelimitv3.RateLimitDescriptor_Entry {
	out := []*ratelimitv3.RateLimitDescriptor_Entry{{Key: entryMatch, Value: "true"}}
	for i, a := range rate.Actions[1:] {
		key := fmt.Sprintf("key%d", i)
		if a.GetRemoteAddress() != nil {
			key = anyClient
		}
		out = append(out, &ratelimitv3.RateLimitDescriptor_Entry{Key: key})
	}
	return out
}

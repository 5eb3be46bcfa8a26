package crds

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// RateLimitSpec declares limits.
type RateLimitSpec struct {
	Selector Selector    `json:"selector"`
	Limits   []LimitSpec `json:"limits"`
}

// LimitSpec is one limit: requests per duration for each value of the key.
type LimitSpec struct {
	Name     string                         `json:"name"`
	Match    []*networking.HTTPMatchRequest `json:"match"` // as in a VirtualService; none: every request
	When     []*security.Condition          `json:"when"`  // as in an AuthorizationPolicy, on headers and attributes; all of them
	Key      []string                       `json:"key"`   // request.headers['x'], source.address, attribute.NAME
	Requests uint32                         `json:"requests"`
	Per      model.Duration                 `json:"per"`
	Burst    uint32                         `json:"burst"` // Requests where 0
	Scope    string                         `json:"scope"` // Proxy, Mesh
	Mode     string                         `json:"mode"`  // Enforce, Shadow
}

var rateLimitTranslated = []string{"selector", "limits[].name", "limits[].when", "limits[].key", "limits[].requests", "limits[].per",
	"limits[].burst", "limits[].scope", "limits[].mode",
	"limits[].match[].name", "limits[].match[].uri", "limits[].match[].scheme", "limits[].match[].method",
	"limits[].match[].authority", "limits[].match[].headers", "limits[].match[].withoutHeaders",
	"limits[].match[].queryParams", "limits[].match[].ignoreUriCase"}

// rateLimitRefused are conditions that hold at the caller: a limit counts at
// the server.
var rateLimitRefused = []string{"limits[].match[].port", "limits[].match[].sourceLabels",
	"limits[].match[].sourceNamespace", "limits[].match[].gateways"}

// Validate reports what is wrong; fields start at spec.
func (s *RateLimitSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if len(s.Limits) == 0 {
		r.missing("spec.limits", "there is no limit")
	}
	seen := map[string]bool{}
	for i, l := range s.Limits {
		at := index("spec.limits", i)
		switch {
		case l.Name == "":
			r.missing(at+".name", "a limit has a name")
		case seen[l.Name]:
			r.bad(at+".name", "the limit %s is declared twice", l.Name)
		}
		seen[l.Name] = true
		l.validate(r, at)
	}
	return r.problems
}

func (l *LimitSpec) validate(r *report, at string) {
	if l.Requests == 0 {
		r.missing(at+".requests", "how many requests? to refuse all, use an AuthorizationPolicy")
	}
	if l.Per < 50_000_000 { // Envoy's shortest fill interval
		r.bad(at+".per", "want a duration of 50ms or more")
	}
	if l.Scope != "" {
		r.oneOf(l.Scope, at+".scope", "Proxy", "Mesh")
	}
	if l.Mode != "" {
		r.oneOf(l.Mode, at+".mode", "Enforce", "Shadow")
	}
	if l.Scope == "Mesh" {
		r.refuse(at+".scope", "only limits of each Proxy are translated yet")
	}
	if l.Mode == "Shadow" {
		r.refuse(at+".mode", "Shadow is not translated yet")
	}
	for i, k := range l.Key {
		header, isHeader := headerKey(k)
		_, isDeclared := declaredName(k)
		switch {
		case isHeader && header == peerHeader, toldOnly(k):
			r.unverified(index(at+".key", i), k)
		case !isHeader && !isDeclared && !slices.Contains(limitKeys, k):
			r.add(model.Error, model.CodeNotSupported, index(at+".key", i), "", "only request.headers['NAME'], attribute.NAME, %s are translated yet", strings.Join(limitKeys, ", "))
		}
	}
	for i, m := range l.Match {
		for field, headers := range map[string]map[string]*networking.StringMatch{".headers": m.GetHeaders(), ".withoutHeaders": m.GetWithoutHeaders()} {
			for name := range headers {
				if strings.EqualFold(name, peerHeader) {
					r.unverified(join(index(at+".match", i)+field, name), name)
				}
			}
		}
	}
}

// limitKeys are what a limit may count by beside headers.
var limitKeys = []string{"source.address", "source.principal", "source.namespace", "source.service_account"}

// headerKey reads request.headers['x'].
func headerKey(key string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(key, "request.headers[")
	if !ok || len(rest) < 4 || (rest[0] != '\'' && rest[0] != '"') || rest[len(rest)-2] != rest[0] || rest[len(rest)-1] != ']' {
		return "", false
	}
	name = strings.ToLower(rest[1 : len(rest)-2])
	return name, headerName(name)
}

func convertRateLimit(c *conversion) Content {
	in := &RateLimitSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &Limits{}
	selector := c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels")
	for i, l := range in.Limits {
		limit := model.Limit{Object: c.object.Ref, Name: l.Name, Selector: selector,
			Matches:  c.httpMatches(l.Match, "a limit does not see them yet", index("spec.limits", i)+".match"),
			When:     c.limitConditions(l.When, index("spec.limits", i)+".when"),
			Requests: l.Requests, Per: l.Per, Burst: l.Burst, Scope: model.ScopeProxy, Mode: model.Enforce}
		for _, k := range l.Key {
			if name, ok := headerKey(k); ok {
				k = "request.headers['" + name + "']"
			}
			limit.Key = append(limit.Key, k)
		}
		if limit.Burst == 0 {
			limit.Burst = limit.Requests
		}
		out.Items = append(out.Items, limit)
	}
	return Content{Limits: out}
}

// limitConditions are on what the request carries.
func (c *conversion) limitConditions(in []*security.Condition, field string) []model.Condition {
	var out []model.Condition
	for i, w := range in {
		condition := c.condition(w, index(field, i))
		if condition.Source != nil {
			c.refuse(index(field, i)+".key", "a limit does not see the caller's identity in a condition yet; it can be part of the key")
		}
		out = append(out, condition)
	}
	return out
}

package translate

import (
	"regexp"

	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// permissions are a rule's operations: one of them holds; none: any does.
func permissions(operations []model.Operation) []*rbacconfigv3.Permission {
	if len(operations) == 0 {
		return []*rbacconfigv3.Permission{anyPermission()}
	}
	var out []*rbacconfigv3.Permission
	for _, o := range operations {
		out = append(out, permission(o))
	}
	return out
}

func anyPermission() *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_Any{Any: true}}
}

// permission is one operation: each of its lists holds.
func permission(o model.Operation) *rbacconfigv3.Permission {
	var all []*rbacconfigv3.Permission
	list := func(values []*rbacconfigv3.Permission, not bool) {
		if len(values) == 0 {
			return
		}
		one := &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_OrRules{OrRules: &rbacconfigv3.Permission_Set{Rules: values}}}
		if not {
			one = &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_NotRule{NotRule: one}}
		}
		all = append(all, one)
	}
	list(each(o.Methods, methodPermission), false)
	list(each(o.NotMethods, methodPermission), true)
	list(each(o.Paths, pathPermission), false)
	list(each(o.NotPaths, pathPermission), true)
	list(each(o.Hosts, hostPermission), false)
	list(each(o.NotHosts, hostPermission), true)
	list(each(o.Ports, portPermission), false)
	list(each(o.NotPorts, portPermission), true)
	if len(all) == 0 {
		return anyPermission()
	}
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_AndRules{AndRules: &rbacconfigv3.Permission_Set{Rules: all}}}
}

// each maps a list.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, a := range list {
		out = append(out, f(a))
	}
	return out
}

func methodPermission(m model.StringMatch) *rbacconfigv3.Permission {
	return headerPermission(":method", m)
}

func headerPermission(name string, m model.StringMatch) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_Header{
		Header: headerMatcher(model.HeaderMatch{Name: name, Match: m}),
	}}
}

// pathPermission compares the path without query and fragment.
func pathPermission(m model.StringMatch) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_UrlPath{UrlPath: &matcherv3.PathMatcher{
		Rule: &matcherv3.PathMatcher_Path{Path: stringMatcher(m)},
	}}}
}

var (
	endsInPort = regexp.MustCompile(`:(\d+|\*)$`)
	anyPort    = `(:\d+)?`
)

// hostPermission compares Host in any case. A pattern without a port holds
// with any port, since one that clients write is a matter of how they came.
func hostPermission(m model.StringMatch) *rbacconfigv3.Permission {
	m.IgnoreCase = true
	switch {
	case m.Kind == model.Exact && !endsInPort.MatchString(m.Value):
		m = model.StringMatch{Kind: model.Regex, IgnoreCase: true, Value: regexp.QuoteMeta(m.Value) + anyPort}
	case m.Kind == model.Suffix && !endsInPort.MatchString(m.Value):
		m = model.StringMatch{Kind: model.Regex, IgnoreCase: true, Value: ".*" + regexp.QuoteMeta(m.Value) + anyPort}
	case m.Kind == model.Regex:
		m.Value = "(?:" + m.Value + ")" + anyPort
	}
	return headerPermission(":authority", m)
}

// portPermission compares the port that the proxy was reached on.
func portPermission(port uint32) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_DestinationPort{DestinationPort: port}}
}

package translate

import (
	"regexp"

	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// permissions are a rule's operations: one of them holds, and with it each
// condition on what is called.
func permissions(operations []model.Operation, when []model.Condition) []*rbacconfigv3.Permission {
	var conditions []*rbacconfigv3.Permission
	for _, w := range when {
		switch {
		case w.Operation != nil:
			conditions = append(conditions, operationPermissions(*w.Operation)...)
		case w.Metadata != nil:
			conditions = append(conditions, metadataPermissions(w)...)
		}
	}
	if len(operations) == 0 {
		return []*rbacconfigv3.Permission{everyPermission(conditions)}
	}
	var out []*rbacconfigv3.Permission
	for _, o := range operations {
		out = append(out, everyPermission(append(operationPermissions(o), conditions...)))
	}
	return out
}

func anyPermission() *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_Any{Any: true}}
}

func everyPermission(all []*rbacconfigv3.Permission) *rbacconfigv3.Permission {
	if len(all) == 0 {
		return anyPermission()
	}
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_AndRules{AndRules: &rbacconfigv3.Permission_Set{Rules: all}}}
}

// operationPermissions are one operation's lists, each of which holds.
func operationPermissions(o model.Operation) []*rbacconfigv3.Permission {
	var all []*rbacconfigv3.Permission
	for _, l := range []struct{ yes, no []*rbacconfigv3.Permission }{
		{each(o.Methods, methodPermission), each(o.NotMethods, methodPermission)},
		{each(o.Paths, pathPermission), each(o.NotPaths, pathPermission)},
		{each(o.Hosts, hostPermission), each(o.NotHosts, hostPermission)},
		{each(o.Ports, portPermission), each(o.NotPorts, portPermission)},
		{each(o.Addresses, addressPermission), each(o.NotAddresses, addressPermission)},
		{each(o.ServerNames, serverNamePermission), each(o.NotServerNames, serverNamePermission)},
	} {
		all = append(all, listed(l.yes, l.no)...)
	}
	return all
}

// listed is "one of these" and "none of those"; an empty list says nothing.
func listed(yes, no []*rbacconfigv3.Permission) (out []*rbacconfigv3.Permission) {
	oneOf := func(values []*rbacconfigv3.Permission) *rbacconfigv3.Permission {
		return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_OrRules{OrRules: &rbacconfigv3.Permission_Set{Rules: values}}}
	}
	if len(yes) > 0 {
		out = append(out, oneOf(yes))
	}
	if len(no) > 0 {
		out = append(out, &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_NotRule{NotRule: oneOf(no)}})
	}
	return out
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

// pathPermission compares the path without query and fragment. A template is
// written as an expression: Envoy's own templates know no segment with letters
// such as "|", and a denial of theirs could be got around.
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
	return headerPermission(":authority", hostMatch(m))
}

func hostMatch(m model.StringMatch) model.StringMatch {
	m.IgnoreCase = true
	switch {
	case m.Kind == model.Exact && !endsInPort.MatchString(m.Value):
		m = model.StringMatch{Kind: model.Regex, IgnoreCase: true, Value: regexp.QuoteMeta(m.Value) + anyPort}
	case m.Kind == model.Suffix && !endsInPort.MatchString(m.Value):
		m = model.StringMatch{Kind: model.Regex, IgnoreCase: true, Value: ".*" + regexp.QuoteMeta(m.Value) + anyPort}
	case m.Kind == model.Regex:
		m.Value = "(?:" + m.Value + ")" + anyPort
	}
	return m
}

// portPermission compares the port that the proxy was reached on.
func portPermission(port uint32) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_DestinationPort{DestinationPort: port}}
}

// addressPermission compares the address that the proxy was reached on.
func addressPermission(block string) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_DestinationIp{DestinationIp: cidr(block)}}
}

// serverNamePermission compares what the client asked TLS for; nothing is there
// without TLS.
func serverNamePermission(m model.StringMatch) *rbacconfigv3.Permission {
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_RequestedServerName{RequestedServerName: stringMatcher(m)}}
}

// metadataPermissions compare what a filter left.
func metadataPermissions(c model.Condition) []*rbacconfigv3.Permission {
	of := func(value func(model.StringMatch) *matcherv3.ValueMatcher) func(model.StringMatch) *rbacconfigv3.Permission {
		return func(m model.StringMatch) *rbacconfigv3.Permission {
			return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_SourcedMetadata{SourcedMetadata: &rbacconfigv3.SourcedMetadata{
				MetadataMatcher: metadataMatcher(c.Metadata.Filter, []string{c.Metadata.Key}, value(m)),
			}}}
		}
	}
	text, element := of(textValue), of(elementValue)
	return listed(append(each(c.Values, text), each(c.Elements, element)...), append(each(c.NotValues, text), each(c.NotElements, element)...))
}

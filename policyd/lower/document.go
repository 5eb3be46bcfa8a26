package lower

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// node is one place in the input document (policyd/rego makes it): an object
// of members, a value of the request, a constant, or what a proxy lacks.
type node struct {
	members map[string]*node
	other   func(name string) *node // a member that is not among them
	leaf    *leaf
	known   ast.Value
	absent  bool   // it is never there
	why     string // the proxy has no such value
	special string // "parsed_path"
	param   string // the query parameter of this name
	list    *leaf  // a list of strings without commas, as one text
}

func members(m map[string]*node) *node { return &node{members: m} }
func lacking(why string) *node         { return &node{why: why} }

func value1(kind kind, in model.InputKind, name string) *node {
	return &node{leaf: &leaf{in: newInput(model.ProxyInput{Kind: in, Name: name}, ""), kind: kind}}
}

// text1 is a string that the document leaves out where it is empty.
func text1(in model.InputKind, name string) *node {
	n := value1(kindText, in, name)
	n.leaf.emptyAbsent = true
	return n
}

const (
	noBody     = "policyd sees the body; when a proxy decides, it has not come yet"
	notTheSame = "a proxy has no value that is certain to be the same"
)

// document is the input that a policy sees.
func document(p model.RegoPolicy, attributes []*model.AttributeSet) *node {
	root := map[string]*node{
		"attributes": members(map[string]*node{
			"source":          peer(model.InputSourceAddress, model.InputSourcePort, text1(model.InputPrincipal, "")),
			"destination":     peer(model.InputDestination, model.InputDestinationPort, lacking(notTheSame)),
			"request":         members(map[string]*node{"http": httpNode(p), "time": lacking("policyd and a proxy tell the time of a request apart")}),
			"metadataContext": members(map[string]*node{"filterMetadata": metadata()}),
			"tlsSession":      {members: map[string]*node{"sni": text1(model.InputSNI, "")}, why: notTheSame},
		}),
		"parsed_path":    {special: "parsed_path"},
		"parsed_query":   queryNode(),
		"parsed_body":    lacking(noBody),
		"truncated_body": lacking(noBody),
		"attribute":      {members: declared(attributes), why: notTheSame},
		"version": {known: ast.NewObject(
			[2]*ast.Term{ast.StringTerm("encoding"), ast.StringTerm("protojson")},
			[2]*ast.Term{ast.StringTerm("ext_authz"), ast.StringTerm("v3")})},
	}
	if p.MaxBody == 0 {
		root["parsed_body"] = &node{known: ast.NullValue}
		root["truncated_body"] = &node{known: ast.Boolean(false)}
	}
	return members(root)
}

func peer(address, port model.InputKind, principal *node) *node {
	return &node{members: map[string]*node{
		"address": {members: map[string]*node{"socketAddress": {members: map[string]*node{
			"address":   value1(kindAddress, address, ""),
			"portValue": value1(kindNumber, port, ""),
		}, why: notTheSame}}, why: notTheSame},
		"principal": principal,
	}, why: notTheSame}
}

func httpNode(p model.RegoPolicy) *node {
	m := map[string]*node{
		"method":   value1(kindText, model.InputHeader, ":method"),
		"path":     text1(model.InputHeader, ":path"),
		"host":     text1(model.InputHeader, ":authority"),
		"scheme":   text1(model.InputHeader, ":scheme"),
		"protocol": text1(model.InputProtocol, ""),
		"headers":  {other: header, members: map[string]*node{}},
	}
	if p.MaxBody == 0 {
		m["body"], m["rawBody"] = &node{absent: true}, &node{absent: true}
	} else {
		m["body"], m["rawBody"] = lacking(noBody), lacking(noBody)
	}
	return &node{members: m, why: notTheSame}
}

// header is one of the headers: names are in lower case, so others are never
// there; nor is host, which Envoy calls :authority.
func header(name string) *node {
	switch {
	case name == "host" || name != strings.ToLower(name):
		return &node{absent: true}
	case name == "x-envoy-auth-partial-body":
		return lacking("Envoy adds it to what it asks policyd")
	case strings.HasPrefix(name, ":") && name != ":method" && name != ":path" && name != ":authority" && name != ":scheme":
		return lacking(notTheSame)
	}
	return value1(kindText, model.InputHeader, name)
}

// metadata holds what jwt_authn verified.
func metadata() *node {
	return &node{members: map[string]*node{"envoy.filters.http.jwt_authn": {
		members: map[string]*node{"payload": {leaf: &leaf{in: newInput(model.ProxyInput{Kind: model.InputClaim}, "")}}}, why: notTheSame,
	}}, why: notTheSame}
}

// declared are the attributes of AttributeSets. A redacted one never leaves
// the proxy: policyd does not see it.
func declared(sets []*model.AttributeSet) map[string]*node {
	out := map[string]*node{}
	for _, set := range sets {
		for _, a := range set.Attributes {
			n := value1(kindText, model.InputAttribute, a.Name)
			switch a.Type {
			case model.AttributeInt:
				n.leaf.kind = kindNumber
			case model.AttributeBool:
				n.leaf.kind = kindBool
			case model.AttributeDouble:
				n = lacking("a proxy does not compare numbers with fractions")
			case model.AttributeList:
				n = &node{list: n.leaf}
			}
			if a.Redact {
				n = &node{absent: true}
			}
			if _, twice := out[a.Name]; twice {
				n = lacking("two AttributeSets declare it")
			}
			out[a.Name] = n
		}
	}
	return out
}

package rego

import (
	"errors"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/ast"
)

// Input is one request, ready to become the `input` of many policies. It may
// be used by one goroutine at a time.
type Input struct {
	request  *authv3.CheckRequest
	declared []Declared
	whole    bool
	common   *shared   // nil: not read yet
	last     ast.Value // the document made last
	lastFor  bodyRules // and for whom
}

// shared are the parts that are the same for every policy that reads as much.
type shared struct {
	need       *need
	attributes []item // of `input.attributes`, without `request`
	request    []item // of `input.attributes.request`, without `http`
	http       []item // of `input.attributes.request.http`, without the body
	path       *ast.Term
	query      *ast.Term
}

// NewInput takes a request as Envoy sends it, and the attributes that were
// drawn from it. Nothing is read until a policy
// asks.
func NewInput(r *authv3.CheckRequest, declared ...Declared) *Input {
	return &Input{request: r, declared: declared}
}

// Whole has the whole document made, whatever a policy reads of it: it is to
// be told.
func (in *Input) Whole() { in.whole = true }

// Size is about how many bytes the request holds.
func (in *Input) Size() int64 {
	h := in.request.GetAttributes().GetRequest().GetHttp()
	return smallRequest + int64(len(h.GetBody())+len(h.GetRawBody()))
}

// smallRequest is a request without a body, as it is kept.
const smallRequest = 8 << 10

var errNoHTTP = errors.New("there is no HTTP request")

// document is the `input` of a policy that sees the body by these rules:
// attributes as protojson writes the CheckRequest's, parsed_path,
// parsed_query, parsed_body, truncated_body, source_principal and version; and
// attribute, which holds the declared ones. What the policy does not need is
// left out, but never what a request may be refused for.
func (in *Input) document(rules *bodyRules, n *need) (ast.Value, error) {
	if in.whole {
		n = everything
	}
	if in.common == nil || in.common.need != n {
		common, err := readShared(in.request, n)
		if err != nil {
			return nil, err
		}
		in.common, in.last = common, nil
	}
	if in.last != nil && in.lastFor == *rules {
		return in.last, nil
	}
	body, err := rules.read(in.request.GetAttributes().GetRequest().GetHttp())
	if err != nil {
		return nil, err
	}
	in.lastFor, in.last = *rules, ast.NewObject(in.members(rules, body)...)
	return in.last, nil
}

// members are those of the document that are needed.
func (in *Input) members(rules *bodyRules, body body) []item {
	common, n := in.common, in.common.need
	var members []item
	if n.child("attribute") != nil {
		members = declaredItems(in.declared)
	}
	if a := n.child("attributes"); a != nil {
		attributes := common.attributes[:len(common.attributes):len(common.attributes)]
		if r := a.child("request"); r != nil {
			request := common.request[:len(common.request):len(common.request)]
			if r.child("http") != nil {
				request = append(request, item{keyHTTP, object(append(common.http[:len(common.http):len(common.http)], body.items...))})
			}
			attributes = append(attributes, item{keyRequest, object(request)})
		}
		members = append(members, item{keyAttributes, object(attributes)})
	}
	if common.path != nil {
		members = append(members, item{keyParsedPath, common.path})
	}
	if common.query != nil {
		members = append(members, item{keyParsedQuery, common.query})
	}
	if n.child("version") != nil {
		members = append(members, item{keyVersion, version})
	}
	members = n.text(members, keySourcePrincipal, in.request.GetAttributes().GetSource().GetPrincipal())
	if rules.unread {
		return members
	}
	if n.child("parsed_body") != nil {
		members = append(members, item{keyParsedBody, body.parsed})
	}
	if n.child("truncated_body") != nil {
		members = append(members, item{keyTruncatedBody, ast.InternedTerm(body.truncated)})
	}
	return members
}

func readShared(r *authv3.CheckRequest, n *need) (*shared, error) {
	http := r.GetAttributes().GetRequest().GetHttp()
	if http == nil {
		return nil, errNoHTTP
	}
	path, query, err := readPath(http.GetPath(), n)
	if err != nil {
		return nil, err
	}
	a := n.child("attributes")
	attributes, err := attributeItems(r.GetAttributes(), a)
	if err != nil {
		return nil, err
	}
	var request []item
	if t := r.GetAttributes().GetRequest().GetTime(); t != nil && (a.child("request").child("time") != nil || !t.IsValid()) {
		if request, err = timestamp(request, keyTime, t); err != nil {
			return nil, err
		}
	}
	return &shared{need: n, attributes: attributes, request: request, http: httpItems(http, a.child("request").child("http")), path: path, query: query}, nil
}

// version is what opa-envoy-plugin says of its input.
var version = object([]item{
	{ast.StringTerm("encoding"), ast.StringTerm("protojson")},
	{ast.StringTerm("ext_authz"), ast.StringTerm("v3")},
})

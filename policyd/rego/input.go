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
	common   *shared   // nil: not read yet
	last     ast.Value // the document made last
	lastFor  bodyRules // and for whom
}

// shared are the parts that are the same for every policy.
type shared struct {
	attributes []item // of `input.attributes`, without `request`
	request    []item // of `input.attributes.request`, without `http`
	http       []item // of `input.attributes.request.http`, without the body
	path       *ast.Term
	query      *ast.Term
	principal  string // of the caller
}

// NewInput takes a request as Envoy sends it, and the attributes that were
// drawn from it. Nothing is read until a policy
// asks.
func NewInput(r *authv3.CheckRequest, declared ...Declared) *Input {
	return &Input{request: r, declared: declared}
}

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
// attribute, which holds the declared ones.
func (in *Input) document(rules *bodyRules) (ast.Value, error) {
	if in.last != nil && in.lastFor == *rules {
		return in.last, nil
	}
	if in.common == nil {
		common, err := readShared(in.request)
		if err != nil {
			return nil, err
		}
		in.common = common
	}
	common := in.common
	body, err := rules.read(in.request.GetAttributes().GetRequest().GetHttp())
	if err != nil {
		return nil, err
	}
	http := append(common.http[:len(common.http):len(common.http)], body.items...)
	request := append(common.request[:len(common.request):len(common.request)], item{keyHTTP, object(http)})
	attributes := append(common.attributes[:len(common.attributes):len(common.attributes)], item{keyRequest, object(request)})
	members := append(declaredItems(in.declared),
		item{keyAttributes, object(attributes)},
		item{keyParsedPath, common.path},
		item{keyParsedQuery, common.query},
		item{keyVersion, version},
	)
	members = text(members, keySourcePrincipal, common.principal)
	if !rules.unread {
		members = append(members, item{keyParsedBody, body.parsed}, item{keyTruncatedBody, ast.InternedTerm(body.truncated)})
	}
	in.lastFor, in.last = *rules, ast.NewObject(members...)
	return in.last, nil
}

func readShared(r *authv3.CheckRequest) (*shared, error) {
	http := r.GetAttributes().GetRequest().GetHttp()
	if http == nil {
		return nil, errNoHTTP
	}
	path, query, err := readPath(http.GetPath())
	if err != nil {
		return nil, err
	}
	attributes, err := attributeItems(r.GetAttributes())
	if err != nil {
		return nil, err
	}
	var request []item
	if t := r.GetAttributes().GetRequest().GetTime(); t != nil {
		if request, err = message(request, keyTime, t); err != nil {
			return nil, err
		}
	}
	return &shared{attributes: attributes, request: request, http: httpItems(http), path: path, query: query,
		principal: r.GetAttributes().GetSource().GetPrincipal()}, nil
}

// version is what opa-envoy-plugin says of its input.
var version = object([]item{
	{ast.StringTerm("encoding"), ast.StringTerm("protojson")},
	{ast.StringTerm("ext_authz"), ast.StringTerm("v3")},
})

package fuzzlower

import (
	"strings"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Mesh is how the proxies of the tests read paths.
var Mesh = model.Mesh{Name: "fuzz", Domain: "cluster.local", TrustDomain: "cluster.local", RootNamespace: "istio-system", NormalizePath: true}

// view is the request as RFC 9112 and RFC 9113 read it, before any proxy.
func (r Request) view() explain.View {
	v := explain.View{Method: r.Method, Scheme: "http", Authority: r.Host, Path: r.Target, Peer: r.Peer, Port: r.port(), Headers: explain.Headers{},
		Principal: strings.TrimPrefix(r.Principal, "spiffe://"), Body: r.Body}
	if scheme, rest, absolute := strings.Cut(r.Target, "://"); absolute && !strings.HasPrefix(r.Target, "/") {
		v.Scheme = strings.ToLower(scheme)
		i := strings.IndexAny(rest, "/?#")
		if i < 0 {
			rest, i = rest+"/", len(rest)
		}
		v.Authority, v.Path = rest[:i], rest[i:]
	}
	for _, h := range r.Headers {
		name, value := strings.ToLower(h[0]), h[1]
		if !r.H2 { // where spaces around a value are no part of it
			value = strings.Trim(value, " \t")
		}
		v.Headers[name] = append(v.Headers[name], value)
	}
	if cookies := strings.Join(v.Headers["cookie"], "; "); r.H2 && cookies == "" { // HTTP/2 may cut a cookie into pieces: Envoy joins them
		delete(v.Headers, "cookie")
	} else if r.H2 {
		v.Headers["cookie"] = []string{cookies}
	}
	if _, told := v.Headers["x-forwarded-proto"]; r.Principal != "" && !told {
		v.Scheme, v.Headers["x-forwarded-proto"] = "https", []string{"https"}
	}
	return v
}

// Received is the request as a proxy's filters see it; !ok is one that Envoy
// refuses.
func (r Request) Received() (v explain.View, ok bool) {
	return explain.Receive(Mesh, explain.RoleServer, r.view())
}

// Told is what a proxy received, by its question to policyd, which knows better
// than Received: but for headers with bytes that are no text, which are not in
// it.
func (r Request) Told(v explain.View, check *authv3.CheckRequest) explain.View {
	q := check.GetAttributes().GetRequest().GetHttp()
	headers := explain.Headers{}
	for name, value := range q.GetHeaders() {
		if !strings.HasPrefix(name, ":") {
			headers[name] = []string{value}
		}
	}
	for _, h := range r.Headers {
		if name := strings.ToLower(h[0]); !utf8.ValidString(h[1]) {
			headers[name] = v.Headers[name]
		}
	}
	v.Method, v.Scheme, v.Authority, v.Path, v.Headers = q.GetMethod(), q.GetScheme(), q.GetHost(), q.GetPath(), headers
	return v
}

// Check is what Envoy asks policyd for a request that it received.
func (r Request) Check(v explain.View, maxBody uint32) *authv3.CheckRequest {
	q := rego.Request{
		Method: v.Method, Path: v.Path, Host: v.Authority, Scheme: v.Scheme, Protocol: r.Protocol(), ID: requestID,
		Source: rego.Endpoint{Address: v.Peer, Principal: r.Principal}, Target: rego.Endpoint{Address: r.address(), Port: r.port()}, Body: []byte(r.Body),
	}
	for name := range v.Headers { // joined as Envoy joins them
		if value, ok := v.Headers.Get(name); ok {
			q.Headers = append(q.Headers, rego.Header{Name: name, Value: value})
		}
	}
	out := q.CheckRequest(maxBody)
	out.Attributes.MetadataContext = &corev3.Metadata{}
	if r.Claims != nil {
		if payload, err := structpb.NewStruct(r.Claims); err == nil {
			out.Attributes.MetadataContext.FilterMetadata = map[string]*structpb.Struct{
				"envoy.filters.http.jwt_authn": {Fields: map[string]*structpb.Value{"payload": structpb.NewStructValue(payload)}}}
		}
	}
	if r.SNI != "" {
		out.Attributes.TlsSession = &authv3.AttributeContext_TLSSession{Sni: r.SNI}
	}
	return out
}

// address and port are where the request goes: what a runner binds is not
// known here, and no drawn policy asks.
func (r Request) address() string { return "127.0.0.1" }

func (r Request) port() uint32 { return 9080 }

const requestID = "fuzz"

// Protocol is what the proxy calls it.
func (r Request) Protocol() string {
	if r.H2 {
		return "HTTP/2"
	}
	return "HTTP/1.1"
}

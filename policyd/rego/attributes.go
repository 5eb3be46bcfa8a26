package rego

import (
	"fmt"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/ast"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// item is one member of an object.
type item = [2]*ast.Term

func object(items []item) *ast.Term { return ast.NewTerm(ast.NewObject(items...)) }

// text adds a string member, unless it is empty: protojson leaves it out.
func text(items []item, key *ast.Term, s string) []item {
	if s == "" {
		return items
	}
	return append(items, item{key, ast.StringTerm(s)})
}

// text adds a string member that is needed.
func (n *need) text(items []item, key *ast.Term, s string) []item {
	if s == "" || n.child(string(key.Value.(ast.String))) == nil {
		return items
	}
	return append(items, item{key, ast.StringTerm(s)})
}

// texts adds an object of strings, those members of it that are needed.
func (n *need) texts(items []item, key *ast.Term, m map[string]string) []item {
	n = n.child(string(key.Value.(ast.String)))
	if len(m) == 0 || n == nil {
		return items
	}
	if !n.all {
		some := make([]item, 0, len(n.of))
		for name := range n.of {
			if value, ok := m[name]; ok {
				some = append(some, item{ast.StringTerm(name), ast.StringTerm(value)})
			}
		}
		return append(items, item{key, object(some)})
	}
	members := make([]item, 0, len(m))
	// One piece of memory for all of them: they live and die together.
	terms := make([]ast.Term, 2*len(m))
	for k, v := range m {
		name, known := usual[k]
		if !known {
			name, terms = &terms[0], terms[1:]
			name.Value = ast.String(k)
		}
		value := &terms[0]
		value.Value, terms = ast.String(v), terms[1:]
		members = append(members, item{name, value})
	}
	return append(items, item{key, object(members)})
}

// usual are the names of headers that most requests have. Terms are never
// changed.
var usual = func() map[string]*ast.Term {
	out := map[string]*ast.Term{}
	for _, name := range []string{
		":authority", ":method", ":path", ":scheme", "accept", "accept-encoding", "accept-language", "authorization", "cache-control",
		"content-length", "content-type", "cookie", "host", "origin", "referer", "te", "traceparent", "tracestate", "user-agent",
		"x-envoy-attempt-count", "x-envoy-auth-partial-body", "x-envoy-expected-rq-timeout-ms", "x-envoy-external-address", "x-envoy-internal",
		"x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
	} {
		out[name] = ast.StringTerm(name)
	}
	return out
}()

// message adds a member as protojson writes it: the slow way, for what few
// requests have.
func message(items []item, key *ast.Term, m proto.Message) ([]item, error) {
	encoded, err := protojson.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as JSON", key)
	}
	value, err := parseJSON(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as JSON", key)
	}
	return append(items, item{key, ast.NewTerm(value)}), nil
}

// timestamp adds a time as protojson writes it.
func timestamp(items []item, key *ast.Term, t *timestamppb.Timestamp) ([]item, error) {
	if !t.IsValid() {
		return message(items, key, t)
	}
	whole, fraction, _ := strings.Cut(t.AsTime().Format("2006-01-02T15:04:05.000000000"), ".")
	for strings.HasSuffix(fraction, "000") {
		fraction = fraction[:len(fraction)-3]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return append(items, item{key, ast.StringTerm(whole + "Z")}), nil
}

// attributeItems are the members of `input.attributes` that are needed, without
// request.
func attributeItems(a *authv3.AttributeContext, n *need) (items []item, err error) {
	if items, err = peer(items, keySource, a.GetSource(), n); err != nil {
		return nil, err
	}
	if items, err = peer(items, keyDestination, a.GetDestination(), n); err != nil {
		return nil, err
	}
	items = n.texts(items, keyContextExtensions, a.GetContextExtensions())
	// What may fail is made whole, even where nobody needs it.
	if m := a.GetMetadataContext(); m != nil {
		if items, err = metadata(items, keyMetadataContext, m); err != nil {
			return nil, err
		}
	}
	if m := a.GetRouteMetadataContext(); m != nil {
		if items, err = metadata(items, keyRouteMetadataContext, m); err != nil {
			return nil, err
		}
	}
	// In lower case, as proxies compare it: names of hosts have no case.
	if tls := a.GetTlsSession(); tls != nil && n.child("tlsSession") != nil {
		items = append(items, item{keyTLSSession, object(text(nil, keySNI, strings.ToLower(tls.GetSni())))})
	}
	return items, nil
}

// metadata leaves typed_filter_metadata out: its types need not be known here.
func metadata(items []item, key *ast.Term, m *corev3.Metadata) ([]item, error) {
	if len(m.GetFilterMetadata()) == 0 {
		return append(items, item{key, object(nil)}), nil
	}
	return message(items, key, &corev3.Metadata{FilterMetadata: m.GetFilterMetadata()})
}

func peer(items []item, key *ast.Term, p *authv3.AttributeContext_Peer, n *need) ([]item, error) {
	n = n.child(string(key.Value.(ast.String)))
	if p == nil || n == nil && plainAddress(p.GetAddress()) {
		return items, nil
	}
	var members []item
	var err error
	if a := p.GetAddress(); a != nil {
		if members, err = address(members, a); err != nil {
			return nil, err
		}
	}
	members = n.text(members, keyService, p.GetService())
	members = n.texts(members, keyLabels, p.GetLabels())
	members = n.text(members, keyPrincipal, p.GetPrincipal())
	members = n.text(members, keyCertificate, p.GetCertificate())
	return append(items, item{key, object(members)}), nil
}

// plainAddress tells whether an address is none, or an IP and a port.
func plainAddress(a *corev3.Address) bool {
	s := a.GetSocketAddress()
	_, port := s.GetPortSpecifier().(*corev3.SocketAddress_PortValue)
	return a == nil || s != nil && port && s.GetProtocol() == corev3.SocketAddress_TCP && s.GetResolverName() == "" &&
		!s.GetIpv4Compat() && s.GetNetworkNamespaceFilepath() == ""
}

func address(items []item, a *corev3.Address) ([]item, error) {
	if !plainAddress(a) {
		return message(items, keyAddress, a)
	}
	s := a.GetSocketAddress()
	members := text(nil, keyAddress, s.GetAddress())
	members = append(members, item{keyPortValue, ast.InternedTerm(int(s.GetPortValue()))})
	return append(items, item{keyAddress, object([]item{{keySocketAddress, object(members)}})}), nil
}

// httpItems are the members of `input.attributes.request.http` that are
// needed, without the body.
func httpItems(h *authv3.AttributeContext_HttpRequest, n *need) []item {
	if n == nil {
		return nil
	}
	items := make([]item, 0, 12)
	items = n.text(items, keyID, h.GetId())
	items = n.text(items, keyMethod, h.GetMethod())
	items = n.texts(items, keyHeaders, h.GetHeaders())
	if n.child("headerMap") != nil {
		items = headerMap(items, h.GetHeaderMap())
	}
	items = n.text(items, keyPath, h.GetPath())
	items = n.text(items, keyHost, h.GetHost())
	items = n.text(items, keyScheme, h.GetScheme())
	items = n.text(items, keyQuery, h.GetQuery())
	items = n.text(items, keyFragment, h.GetFragment())
	if size := h.GetSize(); size != 0 {
		items = n.text(items, keySize, strconv.FormatInt(size, 10)) // protojson's int64 is a string
	}
	return n.text(items, keyProtocol, h.GetProtocol())
}

// headerMap is there where Envoy is told encode_raw_headers.
func headerMap(items []item, m *corev3.HeaderMap) []item {
	if m == nil {
		return items
	}
	if with, err := message(items, keyHeaderMap, m); err == nil {
		return with
	}
	return items
}

package rego

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// attributesOf is the document's attributes, as plain JSON.
func attributesOf(t *testing.T, r *authv3.CheckRequest) any {
	t.Helper()
	document, err := NewInput(r).document(&bodyRules{max: 1 << 20, raw: true}, everything)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ast.JSON(document)
	if err != nil {
		t.Fatal(err)
	}
	return plain.(map[string]any)["attributes"]
}

// protojsonOf is the same by protojson, the encoding that the input names.
func protojsonOf(t *testing.T, r *authv3.CheckRequest) any {
	t.Helper()
	text, err := protojson.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		t.Fatal(err)
	}
	return plain["attributes"]
}

func socket(address string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}}}
}

// fullRequest has every field of a CheckRequest.
func fullRequest(t *testing.T) *authv3.CheckRequest {
	t.Helper()
	fields, err := structpb.NewStruct(map[string]any{"sub": "anna", "n": 1.5, "list": []any{"a", nil, true}})
	if err != nil {
		t.Fatal(err)
	}
	meta := &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy.filters.http.jwt_authn": fields}}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: socket("127.80.0.4", 40000), Service: "reviews",
			Labels: map[string]string{"app": "reviews"}, Principal: "spiffe://cluster.local/ns/default/sa/reviews", Certificate: "pem"},
		Destination: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/run/s", Mode: 0o600}}}},
		Request: &authv3.AttributeContext_Request{
			Time: &timestamppb.Timestamp{Seconds: 1790000000, Nanos: 5000000},
			Http: &authv3.AttributeContext_HttpRequest{
				Id: "1", Method: "POST", Path: "/a/b?c=d", Host: "ratings:9080", Scheme: "https", Query: "q", Fragment: "f",
				Size: 12, Protocol: "HTTP/2", Body: "hello", Headers: map[string]string{"a": "b", "empty": ""},
				HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "a", RawValue: []byte("b")}}},
			},
		},
		ContextExtensions: map[string]string{"k": "v"}, MetadataContext: meta, RouteMetadataContext: &corev3.Metadata{},
		TlsSession: &authv3.AttributeContext_TLSSession{Sni: "ratings"},
	}}
}

func TestAttributesAreProtojson(t *testing.T) {
	full := fullRequest(t)
	packed := fullRequest(t)
	packed.Attributes.Request.Http.Body, packed.Attributes.Request.Http.RawBody = "", []byte{0, 0xff}
	udp := fullRequest(t)
	udp.Attributes.Source.Address.GetSocketAddress().Protocol = corev3.SocketAddress_UDP
	named := fullRequest(t)
	named.Attributes.Source.Address.GetSocketAddress().PortSpecifier = &corev3.SocketAddress_NamedPort{NamedPort: "http"}
	for name, r := range map[string]*authv3.CheckRequest{
		"every field": full, "raw body": packed, "UDP": udp, "a named port": named,
		"as Envoy asks": Request{Path: "/x", Source: Endpoint{Address: "::1", Port: 1}}.CheckRequest(0),
		"as little as can be": {Attributes: &authv3.AttributeContext{
			Source:  &authv3.AttributeContext_Peer{Address: socket("127.0.0.1", 0)},
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(protojsonOf(t, r), attributesOf(t, r)); diff != "" {
				t.Errorf("the attributes differ (-protojson +ours):\n%s", diff)
			}
		})
	}
}

func TestTypedMetadataIsLeftOut(t *testing.T) {
	r := fullRequest(t)
	r.Attributes.MetadataContext.TypedFilterMetadata = map[string]*anypb.Any{"x": {TypeUrl: "type.googleapis.com/no.such.Type", Value: []byte{1}}}
	if diff := cmp.Diff(protojsonOf(t, fullRequest(t)), attributesOf(t, r)); diff != "" {
		t.Errorf("a type that is not known here changes the input:\n%s", diff)
	}
}

func TestBodyIsCutForEachPolicy(t *testing.T) {
	r := Request{Method: "POST", Headers: []Header{{"content-type", "application/json"}}, Body: []byte(`{"a":1}`)}
	in := NewInput(r.CheckRequest(100))
	for _, c := range []struct {
		max  uint32
		want string
	}{
		{100, `[{"a": 1}, false, "{\"a\":1}"]`}, {0, `[null, false, "absent"]`}, {3, `[null, true, "{\"a"]`}, {100, `[{"a": 1}, false, "{\"a\":1}"]`},
	} {
		document, err := in.document(&bodyRules{max: c.max}, everything)
		if err != nil {
			t.Fatal(err)
		}
		body := ast.StringTerm("absent")
		http, err := document.Find(ast.Ref{keyAttributes, keyRequest, keyHTTP})
		if err != nil {
			t.Fatal(err)
		}
		if term := http.(ast.Object).Get(keyBody); term != nil {
			body = term
		}
		object := document.(ast.Object)
		got := ast.NewArray(object.Get(keyParsedBody), object.Get(keyTruncatedBody), body).String()
		if got != c.want {
			t.Errorf("with %d bytes the policy sees %s, wanted %s", c.max, got, c.want)
		}
	}
}

func TestPartOfAStreamedBodyIsTruncated(t *testing.T) {
	r := Request{Method: "POST", Headers: []Header{{"content-type", "application/json"}}, Body: []byte(`[1, 2]`)}.CheckRequest(3)
	delete(r.Attributes.Request.Http.Headers, "content-length")
	document, err := NewInput(r).document(&bodyRules{max: 100}, everything)
	if err != nil || !document.(ast.Object).Get(keyTruncatedBody).Equal(ast.InternedTerm(true)) {
		t.Errorf("got %v, %v", document, err)
	}
}

// FuzzInput looks for a request that breaks the builder, or whose path it
// reads otherwise than net/url does.
func FuzzInput(f *testing.F) {
	f.Add("/a/b?c=d", "application/json", "12", []byte(`{"a":1}`), false)
	f.Add("//host/%2F?x=%zz;y", "application/x-www-form-urlencoded", "-1", []byte("a=1&b"), true)
	f.Add("", "multipart/form-data; boundary=B", "", []byte("--B\r\n\r\n--B--"), false)
	f.Add("/%", "multipart/form-data; boundary=\"", "9", []byte{0xff, 0}, true)
	f.Fuzz(func(t *testing.T, path, contentType, length string, body []byte, packed bool) {
		r := Request{Path: path, Body: body, Headers: []Header{{"content-type", contentType}, {"content-length", length}}}.CheckRequest(64)
		if h := r.Attributes.Request.Http; packed {
			h.RawBody, h.Body = []byte(h.Body), ""
		}
		document, err := NewInput(r).document(&bodyRules{max: 64}, everything)
		if err != nil {
			return
		}
		if _, err := ast.JSON(document); err != nil {
			t.Errorf("the document is no JSON: %v", err)
		}
		target := r.Attributes.Request.Http.Path
		parsed, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || strings.Contains(target, "#") {
			return
		}
		want := strings.Split(strings.TrimLeft(parsed.Path, "/"), "/")
		got := document.(ast.Object).Get(keyParsedPath).Value.(*ast.Array)
		if got.Len() != len(want) {
			t.Fatalf("%q is %v, wanted %q", target, got, want)
		}
		for i, segment := range want {
			if string(got.Elem(i).Value.(ast.String)) != validUTF8(segment) {
				t.Errorf("%q is %v, wanted %q", target, got, want)
			}
		}
	})
}

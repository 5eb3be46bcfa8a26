package rego

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// Request is one HTTP request, for asking a policy offline.
type Request struct {
	Method   string   // "GET" where empty
	Path     string   // with the query; "/" where empty
	Host     string   // the authority, with a port where it has one
	Scheme   string   // "http" where empty
	Protocol string   // "HTTP/1.1" where empty
	ID       string   // Envoy's id of the request; may be empty
	Headers  []Header // as sent: any case, a name may come twice, bytes may be raw
	Source   Endpoint
	Target   Endpoint // where the connection went
	Body     []byte
	Declared []Declared     // attributes of AttributeSets
	SNI      string         // what the client asked TLS for
	Claims   map[string]any // of the token that the proxy verified; nil: there was none
}

// Endpoint is one end of a connection.
type Endpoint struct {
	Address   string // an IP
	Port      uint32
	Principal string // the URI of its certificate; empty: it showed none
}

// CheckRequest is what Envoy's ext_authz filter asks for the request, when it
// is told to send so many bytes of the body: header names in lower case,
// values of one name joined by commas, pseudo headers among them, and bytes
// that are no UTF-8 made "!".
func (r Request) CheckRequest(maxBody uint32) *authv3.CheckRequest {
	h := &authv3.AttributeContext_HttpRequest{
		Id: r.ID, Method: cmp.Or(r.Method, "GET"), Path: envoyText(cmp.Or(r.Path, "/")), Host: envoyText(r.Host),
		Scheme: cmp.Or(r.Scheme, "http"), Protocol: cmp.Or(r.Protocol, "HTTP/1.1"), Size: -1,
	}
	h.Headers = r.headers(h)
	if length, err := strconv.ParseInt(h.Headers["content-length"], 10, 64); err == nil {
		h.Size = length
	}
	if maxBody > 0 {
		sent := r.Body[:min(len(r.Body), int(maxBody))]
		h.Body = envoyText(string(sent))
		h.Headers[partialBody] = strconv.FormatBool(len(sent) < len(r.Body))
	}
	out := &authv3.AttributeContext{
		Source: r.Source.peer(), Destination: r.Target.peer(),
		Request: &authv3.AttributeContext_Request{Http: h},
	}
	if r.SNI != "" {
		out.TlsSession = &authv3.AttributeContext_TLSSession{Sni: r.SNI}
	}
	if payload, err := structpb.NewStruct(r.Claims); err == nil && r.Claims != nil { // what JSON cannot hold, no token has
		out.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
			"envoy.filters.http.jwt_authn": {Fields: map[string]*structpb.Value{"payload": structpb.NewStructValue(payload)}}}}
	}
	return &authv3.CheckRequest{Attributes: out}
}

func (r Request) headers(h *authv3.AttributeContext_HttpRequest) map[string]string {
	headers := map[string]string{
		":method": h.Method, ":path": h.Path, ":authority": h.Host, ":scheme": h.Scheme,
	}
	for _, header := range r.Headers {
		name, value := strings.ToLower(header.Name), envoyText(header.Value)
		if before, twice := headers[name]; twice {
			value = before + "," + value
		}
		headers[name] = value
	}
	if _, given := headers["content-length"]; !given && len(r.Body) > 0 {
		headers["content-length"] = strconv.Itoa(len(r.Body))
	}
	return headers
}

func (e Endpoint) peer() *authv3.AttributeContext_Peer {
	out := &authv3.AttributeContext_Peer{Principal: e.Principal}
	if e.Address != "" {
		out.Address = &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: e.Address,
				PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: e.Port}},
		}}
	}
	return out
}

// envoyText is how Envoy makes bytes a protobuf string.
func envoyText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b.WriteByte('!')
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

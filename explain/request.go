// Package explain turns a model.Snapshot and one request into an Explanation:
// what the mesh would do with it, and why. Its evaluators are the reference
// that real Envoys are compared with. It never asks a proxy, a clock, a disk
// or a network.
package explain

import (
	"net"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Request is what would be sent.
type Request struct {
	// From is a workload ("namespace/name", or a name only one has), whose
	// sidecar the request passes; a gateway workload, which it reaches from
	// outside; or empty: from outside through the mesh's first gateway.
	From          string  `json:"from,omitempty"`
	Host          string  `json:"host"`           // the authority; may carry a port
	Port          uint32  `json:"port,omitempty"` // where Host has none; 0: 80
	Method        string  `json:"method,omitempty"`
	Path          string  `json:"path"` // with the query, as sent
	Headers       Headers `json:"headers,omitempty"`
	SourceAddress string  `json:"sourceAddress,omitempty"` // IP of the connection's peer; empty: 127.0.0.1
	// Principal is who a client of a gateway is by its certificate, without
	// "spiffe://"; empty: it shows none.
	Principal string `json:"principal,omitempty"`
	Body      string `json:"body,omitempty"`
	// Now is when the request is sent; zero: the times of tokens are not looked at.
	Now time.Time `json:"-"`
	// Unheard is for how long the proxies have not had the newest configuration;
	// 0: they have it.
	Unheard model.Duration `json:"unheard,omitempty"`
	// Attributes are declared ones whose sources an explanation cannot see: a
	// verified token, what a filter sets. Given ones are converted as drawn.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// view is the request as its first proxy receives it.
func (r Request) view() View {
	v := View{Method: r.Method, Scheme: "http", Authority: r.Host, Path: r.Path, Peer: r.SourceAddress, Principal: r.Principal, Body: r.Body, Given: r.Attributes, Headers: r.Headers.normal()}
	if v.Method == "" {
		v.Method = "GET"
	}
	if v.Path == "" {
		v.Path = "/"
	}
	if v.Peer == "" {
		v.Peer = "127.0.0.1"
	}
	host, port := SplitAuthority(r.Host)
	switch {
	case port != 0:
		v.Port = port
	case r.Port != 0 && r.Port != 80:
		v.Port, v.Authority = r.Port, net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
	default:
		v.Port = 80
	}
	return v
}

// View is a request as one proxy sees it, where its filters run.
type View struct {
	Method    string  `json:"method"`
	Scheme    string  `json:"scheme"`
	Authority string  `json:"authority"`
	Path      string  `json:"path"` // with the query; normalized where the mesh says so
	Headers   Headers `json:"headers,omitempty"`
	Peer      string  `json:"peer"`   // IP of the connection's other end
	Remote    string  `json:"remote"` // IP of the client, after X-Forwarded-For
	Port      uint32  `json:"port"`   // that the caller means
	// Principal is who the caller's certificate says that it is, without
	// "spiffe://"; empty: the connection has none.
	Principal string `json:"principal,omitempty"`
	// Bound is the port that the proxy was reached on, where that is another
	// one: a gateway's 80 is really 8080. Policies' ports compare this one.
	Bound uint32 `json:"bound,omitempty"`
	// Attributes are those drawn so far; Given the ones that the explanation was
	// told. Neither they nor the body is part of what is shown.
	Attributes Attributes        `json:"-"`
	Given      map[string]string `json:"-"`
	Body       string            `json:"-"`
	// Claims are those of the token that was verified; nil: there is none.
	Claims map[string]any `json:"-"`
	// Destination is the IP of the proxy's own end of the connection, and
	// ServerName what the caller asked TLS for there.
	Destination string `json:"-"`
	ServerName  string `json:"-"`
}

// Target gives the path and the query, apart.
func (v View) Target() (path, query string) {
	path, query, _ = strings.Cut(v.Path, "?")
	return path, query
}

// Header gives a header's value as Envoy's matchers see it: pseudo headers
// too, several of one name joined by ",". Absent differs from empty.
func (v View) Header(name string) (string, bool) {
	switch strings.ToLower(name) {
	case ":method":
		return v.Method, true
	case ":path":
		return v.Path, true
	case ":scheme":
		return v.Scheme, true
	case ":authority", "host":
		return v.Authority, true
	}
	value, ok := v.Headers.Get(name)
	if !ok {
		value, ok = v.added(name)
	}
	return value, ok
}

// added gives a header that the first proxy adds where the client sent none.
func (v View) added(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "x-forwarded-proto":
		return "http", true
	case "x-request-id":
		return madeID, true
	}
	return "", false
}

// madeID stands for the id that a proxy will make.
const madeID = "(made by the proxy)"

// clone is a View whose headers may be changed.
func (v View) clone() View {
	v.Headers = v.Headers.normal()
	return v
}

// Headers holds a request's headers by name; a name may come several times.
type Headers map[string][]string

// Get gives a name's values joined by ",", as Envoy's matchers see them. Names
// are compared in lower case.
func (h Headers) Get(name string) (string, bool) {
	values, ok := h[strings.ToLower(name)]
	return join(name, values), ok && len(values) > 0
}

// normal is a copy with names in lower case.
func (h Headers) normal() Headers {
	out := make(Headers, len(h))
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		low := strings.ToLower(name)
		out[low] = append(out[low], h[name]...)
	}
	return out
}

// SplitAuthority parts an authority; port is 0 where there is none.
func SplitAuthority(authority string) (host string, port uint32) {
	host, digits, err := net.SplitHostPort(authority)
	if err != nil {
		return authority, 0
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return authority, 0
	}
	return host, uint32(n)
}

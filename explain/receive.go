package explain

import (
	"maps"
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Receive gives a request as the filters of a proxy in a role first see it:
// its path normalized where the mesh says so, its client found, the host's
// last dot and the headers that steer proxies taken off. !ok is a request that
// Envoy answers with 400 (or, where the path does not begin with "/", 404).
func Receive(mesh model.Mesh, role Role, v View) (received View, ok bool) {
	v = v.clone()
	v.Remote = remote(role, v)
	v.Authority = withoutLastDot(v.Authority)
	maps.DeleteFunc(v.Headers, func(name string, _ []string) bool { return strippedHeaders[name] })
	proto, told := v.Headers.Get("x-forwarded-proto")
	switch {
	case role == RoleGateway: // it tells, and believes nobody
		delete(v.Headers, "x-forwarded-proto")
		if v.Scheme == "https" {
			v.Headers["x-forwarded-proto"] = []string{"https"}
		}
	case told:
		v.Scheme = proto
	}
	if referer, ok := v.Headers.Get("referer"); ok && !validReferer(referer) {
		delete(v.Headers, "referer")
	}
	if !validTarget(v.Path) {
		return v, false
	}
	if mesh.NormalizePath {
		normal, ok := NormalizePath(mesh, v.Path)
		if !ok {
			return v, false
		}
		v.Path = normal
	}
	return v, true
}

// withoutLastDot takes the dot off a fully qualified host name, port or not.
func withoutLastDot(authority string) string {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && strings.LastIndexByte(authority, ']') < i {
		host, port = authority[:i], authority[i:]
	}
	return strings.TrimSuffix(host, ".") + port
}

// remote is the client's address as RBAC's remote_ip has it: at a gateway the
// peer, behind it the last of X-Forwarded-For.
func remote(role Role, v View) string {
	forwarded, ok := v.Headers.Get("x-forwarded-for")
	if role == RoleGateway || !ok {
		return v.Peer
	}
	last := strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	addr, err := netip.ParseAddr(last)
	if err != nil {
		return v.Peer
	}
	return addr.WithZone("").String()
}

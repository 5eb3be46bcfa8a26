package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/krater-mesh/krater/model"
)

// maxDirectBody is the largest body that a VirtualService may declare. Envoy's
// own bound is 4 kB.
const maxDirectBody = 1 << 20

var redirectCodes = map[uint32]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

func (b *routing) redirect(r model.Redirect) *routev3.RedirectAction {
	out := &routev3.RedirectAction{HostRedirect: r.Authority, PortRedirect: b.redirectPort(r), ResponseCode: redirectCodes[r.Code]}
	if r.Scheme != "" {
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: r.Scheme}
	}
	switch {
	case r.PrefixRewrite != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: r.PrefixRewrite}
	case r.URI != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: r.URI}
	}
	return out
}

// redirectPort is the port that Location names; 0: Envoy keeps the request's,
// but for the old scheme's default. The scheme's own is named only where it was
// asked for: else the request's would stay.
func (b *routing) redirectPort(r model.Redirect) uint32 {
	scheme, port := r.Scheme, r.Port
	if scheme == "" {
		scheme = "http"
		if b.tls {
			scheme = "https"
		}
	}
	switch r.DerivePort {
	case "FROM_REQUEST_PORT":
		port = b.port.Number
	case "FROM_PROTOCOL_DEFAULT":
		return map[string]uint32{"http": 80, "https": 443}[scheme]
	}
	if port == 80 && scheme == "http" || port == 443 && scheme == "https" {
		return 0
	}
	return port
}

func direct(d model.DirectResponse) *routev3.DirectResponseAction {
	out := &routev3.DirectResponseAction{Status: d.Status}
	switch {
	case len(d.Bytes) > 0:
		out.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: d.Bytes}}
	case d.Body != "":
		out.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: d.Body}}
	}
	return out
}

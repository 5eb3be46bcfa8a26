package crds

import (
	"regexp"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (v *virtualService) redirect(r *networking.HTTPRedirect, field string) *model.Redirect {
	if r == nil {
		return nil
	}
	out := &model.Redirect{URI: r.GetUri(), PrefixRewrite: r.GetPrefixRewrite(), Authority: r.GetAuthority(),
		Scheme: r.GetScheme(), Code: r.GetRedirectCode()}
	switch p := r.GetRedirectPort().(type) {
	case *networking.HTTPRedirect_Port:
		out.Port = v.port(p.Port, field+".port")
	case *networking.HTTPRedirect_DerivePort:
		out.DerivePort = p.DerivePort.String()
	}
	v.oneLine(out.URI, field+".uri")
	v.oneLine(out.PrefixRewrite, field+".prefixRewrite")
	v.oneLine(out.Authority, field+".authority")
	if *out == (model.Redirect{Code: out.Code}) && !v.reported(field) {
		v.missing(field, "a redirect says where to")
	}
	switch out.Code {
	case 0:
		out.Code = 301
	case 301, 302, 303, 307, 308:
	default:
		v.bad(field+".redirectCode", "want 301, 302, 303, 307 or 308")
	}
	if out.URI != "" && out.PrefixRewrite != "" {
		v.bad(field, "only one of uri and prefixRewrite can be given")
	}
	if out.Scheme != "" && out.Scheme != "http" && out.Scheme != "https" {
		v.bad(field+".scheme", "want http or https")
	}
	return out
}

// maxBody bounds a direct response: it is sent to every proxy with the route.
const maxBody = 1 << 20

func (v *virtualService) directResponse(d *networking.HTTPDirectResponse, field string) *model.DirectResponse {
	if d == nil {
		return nil
	}
	out := &model.DirectResponse{Status: d.GetStatus(), Body: d.GetBody().GetString_(), Bytes: d.GetBody().GetBytes()}
	if out.Status < 200 || out.Status > 599 {
		v.bad(field+".status", "a status is from 200 to 599")
	}
	if len(out.Body)+len(out.Bytes) > maxBody {
		v.add(model.Error, model.CodeInvalidValue, field+".body", "let a service give it", "the body is longer than 1 MiB")
	}
	return out
}

func (v *virtualService) rewrite(r *networking.HTTPRewrite, field string) *model.Rewrite {
	if r == nil {
		return nil
	}
	out := &model.Rewrite{URI: r.GetUri(), Authority: r.GetAuthority()}
	v.oneLine(out.URI, field+".uri")
	v.oneLine(out.Authority, field+".authority")
	if x := r.GetUriRegexRewrite(); x != nil {
		at := field + ".uriRegexRewrite"
		v.regex(x.GetMatch(), at+".match")
		v.substitution(x, at+".rewrite")
		out.Regex = &model.RegexRewrite{Match: x.GetMatch(), Rewrite: x.GetRewrite()}
		if out.URI != "" {
			v.bad(field, "only one of uri and uriRegexRewrite can be given")
		}
	}
	if *out == (model.Rewrite{}) && !v.reported(field) {
		v.missing(field, "a rewrite says what to")
	}
	return out
}

// substitution checks that \N names a group of the expression: proxies refuse
// the whole route else.
func (v *virtualService) substitution(x *networking.RegexRewrite, field string) {
	expression, err := regexp.Compile(x.GetMatch())
	for rest := x.GetRewrite(); err == nil; {
		_, after, escaped := strings.Cut(rest, `\`)
		if !escaped {
			return
		}
		switch {
		case after == "" || after[0] != '\\' && (after[0] < '0' || after[0] > '9'):
			v.add(model.Error, model.CodeInvalidValue, field, `write \\ for one backslash`, `after \ comes the number of a group, or another \`)
			return
		case after[0] != '\\' && int(after[0]-'0') > expression.NumSubexp():
			v.bad(field, `\%c names no group: the expression has %d`, after[0], expression.NumSubexp())
			return
		}
		rest = after[1:]
	}
}

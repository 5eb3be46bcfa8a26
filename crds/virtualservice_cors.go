package crds

import (
	"slices"
	"strings"
	"time"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// corsMethods are those that a preflight may ask for; "*" is any.
var corsMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"}

func (v *virtualService) cors(p *networking.CorsPolicy, field string) *model.CORSPolicy {
	if p == nil {
		return nil
	}
	out := &model.CORSPolicy{AllowOrigins: v.origins(p, field), AllowMethods: p.GetAllowMethods(),
		AllowHeaders: v.corsHeaders(p.GetAllowHeaders(), field+".allowHeaders"), ExposeHeaders: v.corsHeaders(p.GetExposeHeaders(), field+".exposeHeaders"),
		MaxAge: v.duration(p.GetMaxAge(), field+".maxAge")}
	for i, m := range out.AllowMethods {
		if !slices.Contains(corsMethods, m) {
			v.add(model.Error, model.CodeInvalidValue, index(field+".allowMethods", i), meant(m, corsMethods), "%q is no method", m)
		}
	}
	if out.MaxAge != nil && time.Duration(*out.MaxAge)%time.Second != 0 {
		v.bad(field+".maxAge", "it is told to browsers in whole seconds")
	}
	if a := p.GetAllowCredentials(); a != nil {
		value := a.GetValue()
		out.AllowCredentials = &value
	}
	switch p.GetUnmatchedPreflights() {
	case networking.CorsPolicy_FORWARD:
		out.StopUnmatched = new(bool)
	case networking.CorsPolicy_IGNORE:
		stop := true
		out.StopUnmatched = &stop
	}
	return out
}

// origins reads the new form, or where there is none the old: exact names.
func (v *virtualService) origins(p *networking.CorsPolicy, field string) []model.StringMatch {
	//lint:ignore SA1019 tutorials still have it
	old := p.GetAllowOrigin()
	var out []model.StringMatch
	for i, o := range p.GetAllowOrigins() {
		at := index(field+".allowOrigins", i)
		m := v.stringMatch(o, at)
		if m.Value == "" && !v.reported(at) {
			v.missing(at, "exact, prefix or regex is needed")
		}
		out = append(out, m)
	}
	if len(out) > 0 && len(old) > 0 {
		v.add(model.Warning, model.CodeInvalidValue, field+".allowOrigin", "move them into allowOrigins", "beside allowOrigins it has no effect")
		return out
	}
	for i, o := range old {
		if o == "" {
			v.bad(index(field+".allowOrigin", i), "the origin is empty")
		}
		out = append(out, model.StringMatch{Kind: model.Exact, Value: o})
	}
	return out
}

func (v *virtualService) corsHeaders(names []string, field string) []string {
	for i, n := range names {
		if n != "*" && (strings.HasPrefix(n, ":") || !headerName(strings.ToLower(n))) {
			v.bad(index(field, i), "%q is no header name", n)
		}
	}
	return names
}

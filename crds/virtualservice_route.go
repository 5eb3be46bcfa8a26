package crds

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) httpRoute(h *networking.HTTPRoute, field string) model.HTTPRoute {
	out := model.HTTPRoute{
		Matches: c.httpMatches(h.GetMatch(), field+".match"),
		Headers: c.headerChanges(h.GetHeaders(), field+".headers"),
		Retries: c.retries(h.GetRetries(), field+".retries"),
		Fault:   c.fault(h.GetFault(), field+".fault"),
		Rewrite: c.rewrite(h.GetRewrite(), field+".rewrite"),
	}
	if t := h.GetTimeout(); t.AsDuration() != 0 { // "0s" is Istio's way to say none
		out.Timeout = c.duration(t, field+".timeout")
	}
	answers := 0
	if len(h.GetRoute()) > 0 {
		answers++
		out.Destinations = c.destinations(h.GetRoute(), field+".route")
	}
	if r := h.GetRedirect(); r != nil {
		answers++
		out.Redirect = c.redirect(r, field+".redirect")
	}
	if d := h.GetDirectResponse(); d != nil {
		answers++
		out.Direct = &model.DirectResponse{Status: d.GetStatus(), Body: d.GetBody().GetString_()}
		if d.GetStatus() < 200 || d.GetStatus() > 599 {
			c.bad(field+".directResponse.status", "a status is from 200 to 599")
		}
	}
	switch {
	case answers == 0 && !c.reported(field): // a refused delegate is said already
		c.missing(field, "a route needs destinations, a redirect or a direct response")
	case answers > 1:
		c.bad(field, "a route has destinations, or a redirect, or a direct response")
	}
	return out
}

func (c *conversion) destinations(in []*networking.HTTPRouteDestination, field string) []model.Destination {
	var out []model.Destination
	var sum uint32
	for i, r := range in {
		at := index(field, i)
		d := model.Destination{
			Host: r.GetDestination().GetHost(), Subset: r.GetDestination().GetSubset(),
			Port: r.GetDestination().GetPort().GetNumber(), Weight: c.count(r.GetWeight(), at+".weight"),
			Headers: c.headerChanges(r.GetHeaders(), at+".headers"),
		}
		if d.Host == "" {
			c.missing(at+".destination.host", "a destination has a host")
		} else {
			d.Host = c.host(d.Host, at+".destination.host")
		}
		if d.Port > 65535 {
			c.port(d.Port, at+".destination.port.number")
		}
		sum += d.Weight
		out = append(out, d)
	}
	if len(out) == 1 {
		out[0].Weight = 100 // the only one gets everything, whatever it says
	} else if sum == 0 {
		c.add(model.Error, model.CodeWeights, field, "give at least one destination a weight",
			"the weights of the destinations sum up to zero: nothing could be routed")
	}
	return out
}

func (c *conversion) redirect(r *networking.HTTPRedirect, field string) *model.Redirect {
	out := &model.Redirect{URI: r.GetUri(), PrefixRewrite: r.GetPrefixRewrite(), Authority: r.GetAuthority(),
		Scheme: r.GetScheme(), Port: r.GetPort(), Code: r.GetRedirectCode()}
	switch out.Code {
	case 0:
		out.Code = 301
	case 301, 302, 303, 307, 308:
	default:
		c.bad(field+".redirectCode", "want 301, 302, 303, 307 or 308")
	}
	if out.URI != "" && out.PrefixRewrite != "" {
		c.bad(field, "only one of uri and prefixRewrite can be given")
	}
	if out.Scheme != "" && out.Scheme != "http" && out.Scheme != "https" {
		c.bad(field+".scheme", "want http or https")
	}
	if *out == (model.Redirect{Code: out.Code}) {
		c.missing(field, "a redirect says where to")
	}
	return out
}

func (c *conversion) rewrite(r *networking.HTTPRewrite, field string) *model.Rewrite {
	if r == nil {
		return nil
	}
	out := &model.Rewrite{URI: r.GetUri(), Authority: r.GetAuthority()}
	if x := r.GetUriRegexRewrite(); x != nil {
		c.regex(x.GetMatch(), field+".uriRegexRewrite.match")
		out.Regex = &model.RegexRewrite{Match: x.GetMatch(), Rewrite: x.GetRewrite()}
		if out.URI != "" {
			c.bad(field, "only one of uri and uriRegexRewrite can be given")
		}
	}
	if *out == (model.Rewrite{}) {
		c.missing(field, "a rewrite says what to")
	}
	return out
}

// retryConditions are the names that Envoy knows.
var retryConditions = []string{"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure",
	"envoy-ratelimited", "retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers",
	"http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}

// defaultRetryOn is Istio's, where retries do not say.
func defaultRetryOn() []string {
	return []string{"connect-failure", "refused-stream", "unavailable", "cancelled"}
}

// DefaultRetries are a route's that says nothing: Istio's.
func DefaultRetries() model.Retries {
	return model.Retries{Attempts: 2, RetryOn: defaultRetryOn(), RetryOnStatus: []uint32{503}}
}

func (c *conversion) retries(r *networking.HTTPRetry, field string) *model.Retries {
	if r == nil {
		return nil
	}
	out := &model.Retries{Attempts: c.count(r.GetAttempts(), field+".attempts")}
	out.PerTryTimeout = c.duration(r.GetPerTryTimeout(), field+".perTryTimeout")
	for _, word := range strings.Split(r.GetRetryOn(), ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if n, err := strconv.ParseUint(word, 10, 32); err == nil {
			if n < 100 || n > 599 {
				c.bad(field+".retryOn", "%s is no status", word)
			}
			out.RetryOnStatus = append(out.RetryOnStatus, uint32(n))
		} else if !slices.Contains(retryConditions, word) {
			c.add(model.Error, model.CodeInvalidValue, field+".retryOn", meant(word, retryConditions), "unknown condition %q", word)
		} else {
			out.RetryOn = append(out.RetryOn, word)
		}
	}
	if out.Attempts > 0 && len(out.RetryOn)+len(out.RetryOnStatus) == 0 {
		d := DefaultRetries()
		out.RetryOn, out.RetryOnStatus = d.RetryOn, d.RetryOnStatus
	}
	return out
}

func (c *conversion) headerChanges(h *networking.Headers, field string) model.HeaderChanges {
	return model.HeaderChanges{
		Request:  c.headerOps(h.GetRequest(), field+".request"),
		Response: c.headerOps(h.GetResponse(), field+".response"),
	}
}

func (c *conversion) headerOps(o *networking.Headers_HeaderOperations, field string) model.HeaderOps {
	for part, names := range map[string]map[string]string{".set": o.GetSet(), ".add": o.GetAdd()} {
		for name := range names {
			if !headerName(strings.ToLower(name)) {
				c.bad(join(field+part, name), "%q is no header name", name)
			}
		}
	}
	return model.HeaderOps{Set: o.GetSet(), Add: o.GetAdd(), Remove: o.GetRemove()}
}

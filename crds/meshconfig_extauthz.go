package crds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

// defaultCheckTimeout is Istio's.
const defaultCheckTimeout = model.Duration(600 * time.Second)

func (c *conversion) httpProvider(p *meshconfig.MeshConfig_ExtensionProvider_EnvoyExternalAuthorizationHttpProvider, at string) *model.ExtAuthz {
	out := c.checkService(p.GetService(), p.GetPort(), p.GetTimeout(), p.GetStatusOnError(), at)
	out.HTTP, out.FailOpen, out.ClearRouteCache, out.PathPrefix = true, p.GetFailOpen(), p.GetClearRouteCache(), p.GetPathPrefix()
	if out.PathPrefix != "" && !strings.HasPrefix(out.PathPrefix, "/") {
		c.bad(at+".pathPrefix", "a path begins with a slash")
	}
	out.Body = c.checkedBody(p.GetIncludeRequestBodyInCheck(), at)
	sent, field := p.GetIncludeRequestHeadersInCheck(), at+".includeRequestHeadersInCheck"
	//lint:ignore SA1019 Istio still accepts it
	if old := p.GetIncludeHeadersInCheck(); len(sent) == 0 && len(old) > 0 {
		sent, field = old, at+".includeHeadersInCheck"
	}
	out.Headers = c.headerNames(sent, field)
	for _, name := range slices.Sorted(maps.Keys(p.GetIncludeAdditionalHeadersInCheck())) {
		if !headerName(strings.ToLower(name)) {
			c.bad(at+".includeAdditionalHeadersInCheck", "no header is named %q", name)
		}
		out.Added = append(out.Added, model.HeaderText{Name: strings.ToLower(name), Value: p.GetIncludeAdditionalHeadersInCheck()[name]})
	}
	out.ToUpstream = c.headerNames(p.GetHeadersToUpstreamOnAllow(), at+".headersToUpstreamOnAllow")
	out.ToClientOnDeny = c.headerNames(p.GetHeadersToDownstreamOnDeny(), at+".headersToDownstreamOnDeny")
	out.ToClientOnAllow = c.headerNames(p.GetHeadersToDownstreamOnAllow(), at+".headersToDownstreamOnAllow")
	return out
}

func (c *conversion) grpcProvider(p *meshconfig.MeshConfig_ExtensionProvider_EnvoyExternalAuthorizationGrpcProvider, at string) *model.ExtAuthz {
	out := c.checkService(p.GetService(), p.GetPort(), p.GetTimeout(), p.GetStatusOnError(), at)
	out.FailOpen, out.ClearRouteCache, out.Body = p.GetFailOpen(), p.GetClearRouteCache(), c.checkedBody(p.GetIncludeRequestBodyInCheck(), at)
	return out
}

// checkService reads what both kinds have. A service is "[NAMESPACE/]HOST".
func (c *conversion) checkService(service string, port uint32, timeout *durationpb.Duration, status, at string) *model.ExtAuthz {
	out := &model.ExtAuthz{Host: service, Port: c.port(port, at+".port"), Timeout: defaultCheckTimeout}
	if namespace, host, found := strings.Cut(service, "/"); found {
		out.Namespace, out.Host = namespace, host
	}
	if out.Host == "" || strings.ContainsAny(out.Host, "*/") {
		c.missing(at+".service", "the service's host name: [NAMESPACE/]HOST")
	}
	if d := c.duration(timeout, at+".timeout"); d != nil {
		out.Timeout = *d
	}
	if status != "" {
		n, err := strconv.ParseUint(status, 10, 32)
		if err != nil || n < 200 || n > 599 {
			c.bad(at+".statusOnError", "want an HTTP status, got %q", status)
		}
		out.StatusOnError = uint32(n)
	}
	return out
}

func (c *conversion) checkedBody(b *meshconfig.MeshConfig_ExtensionProvider_EnvoyExternalAuthorizationRequestBody, at string) *model.CheckedBody {
	if b == nil {
		return nil
	}
	if b.GetMaxRequestBytes() == 0 {
		c.missing(at+".includeRequestBodyInCheck.maxRequestBytes", "how many bytes may be sent?")
	}
	return &model.CheckedBody{MaxBytes: b.GetMaxRequestBytes(), Partial: b.GetAllowPartialMessage(), AsBytes: b.GetPackAsBytes()}
}

// headerNames are patterns of names, without the star alone.
func (c *conversion) headerNames(in []string, field string) []model.StringMatch {
	var out []model.StringMatch
	for i, text := range in {
		m := c.pattern(strings.ToLower(text), index(field, i))
		if m.Kind == model.Present {
			m = model.StringMatch{Kind: model.Prefix}
		}
		out = append(out, m)
	}
	return out
}

package translate

import (
	"slices"
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/krater-mesh/krater/model"
)

// logsDecisions tells whether somebody wants records of the workload's
// decisions; credentials: with the headers that name a caller to a server.
func (p *proxy) logsDecisions() (logs, credentials bool) {
	for _, rule := range p.view.telemetry {
		if rule.Decisions != nil && rule.Selector.Matches(p.w) {
			logs, credentials = true, credentials || rule.Decisions.Credentials
		}
	}
	return logs, credentials
}

// decisionLog tells the collector what the proxy itself decided, with the
// headers that the policies read; nil: nobody wants that.
func (p *proxy) decisionLog(c chain) *accesslogv3.AccessLog {
	logs, credentials := p.logsDecisions()
	if !logs || !c.served() {
		return nil
	}
	tags := p.standardTags(c)
	for _, a := range p.declared() {
		if !a.Redact {
			tags = append(tags, formatted("attribute."+a.Name, state(attributeState(a))))
		}
	}
	record := recordTo(model.ScopeDecisions, tags)
	record.AdditionalRequestHeadersToLog = p.headersRead(credentials)
	return accessLog("envoy.access_loggers.http_grpc", c, "", record)
}

// headersRead are those that policies of the workload read, but for what stays
// in the proxy.
func (p *proxy) headersRead(credentials bool) []string {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	var reads []model.Read
	for _, policy := range r.Rego {
		reads = append(reads, policy.Recorded().Reads...)
	}
	for _, list := range [][]model.AuthorizationPolicy{r.Custom, r.Audit, r.Deny, r.Allow} {
		for _, policy := range list {
			reads = append(reads, policy.Recorded().Reads...)
		}
	}
	var out []string
	for _, read := range reads {
		path := model.RefPath(read.Ref)
		if len(path) < 5 || strings.Join(path[:4], ".") != "attributes.request.http.headers" {
			continue
		}
		name := strings.ToLower(path[4])
		if name == "" || name[0] == ':' || p.staysHere(name) || !credentials && model.Credential(name) {
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// staysHere tells whether a redacted attribute is drawn from a header.
func (p *proxy) staysHere(header string) bool {
	return slices.ContainsFunc(p.declared(), func(a model.Attribute) bool {
		return a.Redact && (strings.EqualFold(a.Header, header) || a.Cookie != "" && header == "cookie" ||
			a.CEL != "" && strings.Contains(strings.ToLower(a.CEL), header))
	})
}

// decisionMetadata tells policyd how its decisions are to be told of.
func (p *proxy) decisionMetadata() []*corev3.HeaderValue {
	var out []*corev3.HeaderValue
	if logs, _ := p.logsDecisions(); logs {
		out = append(out, &corev3.HeaderValue{Key: "krater-log", Value: "inputs"})
	}
	if words := denialWords(p.mesh.Denials); words != "" {
		out = append(out, &corev3.HeaderValue{Key: "krater-denials", Value: words})
	}
	return out
}

func denialWords(d model.Denials) string {
	var words []string
	if d.Header {
		words = append(words, "header")
	}
	if d.Body != "" {
		words = append(words, string(d.Body))
	}
	return strings.Join(words, ",")
}

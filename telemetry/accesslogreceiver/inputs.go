package accesslogreceiver

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/mesh"
)

// carried begins what a log entry tells of the input document: of the rest
// nothing is known.
var carried = [][]string{
	{"attributes", "request", "http", "method"}, {"attributes", "request", "http", "path"}, {"attributes", "request", "http", "host"},
	{"attributes", "request", "http", "scheme"}, {"attributes", "request", "http", "protocol"}, {"attributes", "request", "http", "headers"},
	{"attributes", "source", "address"}, {"attributes", "source", "principal"}, {"attributes", "destination", "address"},
	{"attributes", "tlsSession", "sni"}, {"attributes", "metadataContext", "filterMetadata", model.FilterJWT},
	{"parsed_path"}, {"parsed_query"}, {"attribute"}, {"source_principal"},
}

// carriedFor is what is told to the rules of AuthorizationPolicies besides: what
// policyd gets neither.
var carriedFor = [][]string{{"remote_address"}, {"attributes", "metadataContext", "filterMetadata"}}

// ofRequests is what a connection has nothing of: its rules do not ask for that.
var ofRequests = [][]string{{"attributes", "request"}, {"parsed_path"}, {"parsed_query"}, {"attribute"}, {"attributes", "metadataContext", "filterMetadata", model.FilterJWT}}

// inputOf is what a policy reads of a request, as far as its log entry tells,
// and the references that it tells of. What is not there was absent.
func inputOf(p model.PolicyReads, l logged, view *mesh.View, proxy string) (any, []string) {
	whole, out := document(l, view, proxy), map[string]any{}
	carried := carried
	if p.Query == "" {
		carried = append(carriedFor, carried...)
	}
	var reads []string
	for _, r := range p.Reads {
		path := model.RefPath(r.Ref)
		if !tells(carried, path) || l.http == nil && tells(ofRequests, path) {
			continue
		}
		reads = append(reads, r.Ref)
		if value, ok := model.Lookup(whole, path); ok {
			model.PutAt(out, path, value)
		}
	}
	return out, reads
}

// tells is whether an entry has what a path leads to. Headers are told one by
// one: all of them are never known.
func tells(carried [][]string, path []string) bool {
	for _, c := range carried {
		if len(path) < len(c) || strings.Join(path[:len(c)], "\x00") != strings.Join(c, "\x00") {
			continue
		}
		return c[len(c)-1] != "headers" || len(path) > len(c)
	}
	return false
}

// document is the input document, as far as an entry has it.
func document(l logged, view *mesh.View, proxy string) map[string]any {
	p := l.common
	source := map[string]any{"address": addressOf(p.GetDownstreamDirectRemoteAddress())}
	attributes := map[string]any{"source": source, "destination": map[string]any{"address": addressOf(p.GetDownstreamLocalAddress())}}
	out := map[string]any{"attributes": attributes, "remote_address": p.GetDownstreamRemoteAddress().GetSocketAddress().GetAddress()}
	if names := p.GetTlsProperties().GetPeerCertificateProperties().GetSubjectAltName(); len(names) > 0 {
		source["principal"], out["source_principal"] = names[0].GetUri(), names[0].GetUri()
	}
	if sni := p.GetTlsProperties().GetTlsSniHostname(); sni != "" {
		attributes["tlsSession"] = map[string]any{"sni": sni}
	}
	left := map[string]any{}
	for filter, values := range p.GetMetadata().GetFilterMetadata() {
		left[filter] = values.AsMap()
	}
	attributes["metadataContext"] = map[string]any{"filterMetadata": left}
	out["attribute"] = declaredOf(p.GetCustomTags(), view, proxy)
	if l.http != nil {
		attributes["request"] = map[string]any{"http": request(l.http)}
		path := fullPath(l.http.GetRequest())
		out["parsed_path"], out["parsed_query"] = parsedPath(path), parsedQuery(path)
	}
	return out
}

// request is what the document says of one.
func request(e *accesslogdatav3.HTTPAccessLogEntry) map[string]any {
	q := e.GetRequest()
	method, path := q.GetRequestMethod().String(), fullPath(q)
	headers := map[string]any{":method": method, ":path": path, ":authority": q.GetAuthority(), ":scheme": q.GetScheme()}
	for name, value := range q.GetRequestHeaders() {
		headers[name] = value
	}
	return map[string]any{
		"method": method, "path": path, "host": q.GetAuthority(), "scheme": q.GetScheme(), "headers": headers,
		"protocol": protocols[e.GetProtocolVersion()],
	}
}

// fullPath is the path with its query, as the client sent it.
func fullPath(q *accesslogdatav3.HTTPRequestProperties) string {
	if path := q.GetOriginalPath(); path != "" {
		return path
	}
	return q.GetPath()
}

var protocols = map[accesslogdatav3.HTTPAccessLogEntry_HTTPVersion]string{
	accesslogdatav3.HTTPAccessLogEntry_HTTP10: "HTTP/1.0", accesslogdatav3.HTTPAccessLogEntry_HTTP11: "HTTP/1.1",
	accesslogdatav3.HTTPAccessLogEntry_HTTP2: "HTTP/2", accesslogdatav3.HTTPAccessLogEntry_HTTP3: "HTTP/3",
}

func addressOf(a *corev3.Address) map[string]any {
	s := a.GetSocketAddress()
	return map[string]any{"socketAddress": map[string]any{"address": s.GetAddress(), "portValue": json.Number(strconv.Itoa(int(s.GetPortValue())))}}
}

// parsedPath is input.parsed_path: the path in its unescaped segments.
func parsedPath(path string) []any {
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	if text, err := url.PathUnescape(path); err == nil {
		path = text
	}
	var out []any
	for _, s := range strings.Split(strings.TrimLeft(path, "/"), "/") {
		out = append(out, s)
	}
	return out
}

// parsedQuery is input.parsed_query: each name with its values.
func parsedQuery(path string) map[string]any {
	_, query, _ := strings.Cut(path, "?")
	query, _, _ = strings.Cut(query, "#")
	values, _ := url.ParseQuery(query) // what can be read of it
	out := map[string]any{}
	for name, list := range values {
		var all []any
		for _, v := range list {
			all = append(all, v)
		}
		out[name] = all
	}
	return out
}

// declaredOf is input.attribute: what AttributeSets declare, by its types.
func declaredOf(tags map[string]string, view *mesh.View, proxy string) map[string]any {
	out := map[string]any{}
	for tag, text := range tags {
		name, ok := strings.CutPrefix(tag, attributePrefix)
		if !ok || text == "" || view.Redacted(name, proxy) {
			continue
		}
		switch view.AttributeType(name, proxy) {
		case model.AttributeInt, model.AttributeDouble:
			out[name] = json.Number(text)
		case model.AttributeBool:
			out[name] = text == "true"
		case model.AttributeList:
			var list []any
			for part := range strings.SplitSeq(text, ",") {
				list = append(list, part)
			}
			out[name] = list
		default:
			out[name] = text
		}
	}
	return out
}

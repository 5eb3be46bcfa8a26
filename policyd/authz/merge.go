package authz

import (
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// merged is what several allowing policies say together. What an earlier one
// settled stays: a header or query parameter that it set or removed, and a
// key of its metadata, are not touched by a later one. Response headers are
// added up. The identity is that of the last policy, or of the first that
// had no verdict and was let through.
type merged struct {
	decision        model.Decision
	headers         []rego.Header
	responseHeaders []rego.Header
	removeHeaders   []string
	setQuery        []rego.Header
	removeQuery     []string
	metadata        map[string]*structpb.Value
}

func (m *merged) add(o outcome) {
	if m.decision.Reason == "" {
		m.decision = o.decision
	}
	a := o.answer
	settled, removed := m.headers, m.removeHeaders
	for _, h := range a.Headers {
		if !nameBefore(settled, h.Name) && !listed(removed, h.Name) {
			m.headers = append(m.headers, h)
		}
	}
	for _, name := range a.RemoveHeaders {
		if !nameBefore(settled, name) && !listed(removed, name) {
			m.removeHeaders = append(m.removeHeaders, name)
		}
	}
	m.responseHeaders = append(m.responseHeaders, a.ResponseHeaders...)
	m.addQuery(a)
	if m.metadata == nil {
		m.metadata = make(map[string]*structpb.Value, len(a.Metadata)+1)
	}
	addMetadata(m.metadata, a.Metadata)
}

// addQuery is for query parameters, whose names have a case.
func (m *merged) addQuery(a rego.Answer) {
	settled := map[string]bool{}
	for _, p := range m.setQuery {
		settled[p.Name] = true
	}
	for _, name := range m.removeQuery {
		settled[name] = true
	}
	for _, p := range a.SetQuery {
		if !settled[p.Name] {
			m.setQuery = append(m.setQuery, p)
		}
	}
	for _, name := range a.RemoveQuery {
		if !settled[name] {
			m.removeQuery = append(m.removeQuery, name)
		}
	}
}

func (m *merged) response() *authv3.CheckResponse {
	m.metadata[KeyDecision] = decisionValue(m.decision)
	ok := &authv3.OkHttpResponse{
		Headers:                 requestHeaders(m.headers),
		HeadersToRemove:         m.removeHeaders,
		ResponseHeadersToAdd:    addedHeaders(m.responseHeaders),
		QueryParametersToSet:    queryParameters(m.setQuery),
		QueryParametersToRemove: m.removeQuery,
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: &structpb.Struct{Fields: m.metadata},
	}
}

func nameBefore(headers []rego.Header, name string) bool {
	for _, h := range headers {
		if sameName(h.Name, name) {
			return true
		}
	}
	return false
}

func listed(names []string, name string) bool {
	for _, n := range names {
		if sameName(n, name) {
			return true
		}
	}
	return false
}

func sameName(a, b string) bool { return strings.EqualFold(a, b) }

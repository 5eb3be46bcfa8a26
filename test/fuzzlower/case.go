package fuzzlower

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
)

// Case is the request as test/policycases has it.
func (r Request) Case() policycases.Request {
	out := policycases.Request{Method: r.Method, Path: r.Target, Host: r.Host, Protocol: r.Protocol(), Claims: maps.Clone(r.Claims),
		Source: policycases.Endpoint{Address: r.Peer, Principal: r.Principal}, SNI: r.SNI}
	if !r.H2 {
		out.Protocol = ""
	}
	if !printable(r.Target) {
		out.Path, out.PathBase64 = "", base64.StdEncoding.EncodeToString([]byte(r.Target))
	}
	raw := false // one that is not plain makes all raw: their order counts
	for _, h := range r.Headers {
		raw = raw || !printable(h[1]) || strings.TrimSpace(h[1]) != h[1] || strings.HasPrefix(h[0], ":")
	}
	for _, h := range r.Headers {
		if raw {
			out.RawHeaders = append(out.RawHeaders, policycases.Raw{Name: h[0], Base64: base64.StdEncoding.EncodeToString([]byte(h[1]))})
		} else {
			out.Headers = append(out.Headers, h[0]+": "+h[1])
		}
	}
	for _, h := range r.Trailers {
		out.Trailers = append(out.Trailers, h[0]+": "+h[1])
	}
	if printable(r.Body) {
		out.Body = r.Body
	} else {
		out.BodyBase64 = base64.StdEncoding.EncodeToString([]byte(r.Body))
	}
	return out
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// CaseFile is a file for test/policycases of a policy, a request and the
// answer that OPA gives.
func CaseFile(p Policy, r Request, want rego.Answer) string {
	status := want.Status
	if want.Allowed {
		status = 0
	}
	suite := policycases.Suite{
		Policy: policycases.Policy{Modules: p.Model("p").Modules, Data: json.RawMessage(p.DataJSON()), Query: p.Query, Failure: p.Failure, MaxBody: p.MaxBody},
		Cases: []policycases.Case{{Name: "found by drawing", Request: r.Case(), Want: policycases.Answer{
			Allowed: want.Allowed, Status: status, Body: want.Body, Headers: want.Headers, ResponseHeaders: want.ResponseHeaders,
			RemoveHeaders: want.RemoveHeaders, SetQuery: want.SetQuery, RemoveQuery: want.RemoveQuery, Metadata: want.Metadata}}},
	}
	if want.Failure != nil {
		suite.Cases[0].Want.Failure = want.Failure.Kind
	}
	b, err := yaml.Marshal(suite)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

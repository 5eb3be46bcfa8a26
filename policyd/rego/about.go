package rego

import (
	"strings"

	"github.com/krater-mesh/krater/policyd/decisionlog"
)

// About is what the request's record calls it by.
func (in *Input) About() decisionlog.About {
	a := in.request.GetAttributes()
	http := a.GetRequest().GetHttp()
	path, _, _ := strings.Cut(http.GetPath(), "?")
	path, _, _ = strings.Cut(path, "#")
	out := decisionlog.About{
		RequestID: http.GetHeaders()["x-request-id"], Method: http.GetMethod(), Path: path,
		Caller: strings.TrimPrefix(a.GetSource().GetPrincipal(), "spiffe://"),
	}
	if out.Caller == "" {
		out.Caller = a.GetSource().GetAddress().GetSocketAddress().GetAddress()
	}
	return out
}

// BodySize is how many bytes of the body came with the request.
func (in *Input) BodySize() int {
	http := in.request.GetAttributes().GetRequest().GetHttp()
	return len(http.GetBody()) + len(http.GetRawBody())
}

// Result is what the policy said, as OPA's decision logs have it; nil: it had
// no verdict.
func (a Answer) Result() any {
	if a.Failure != nil {
		return nil
	}
	if a.Allowed && len(a.Headers)+len(a.ResponseHeaders)+len(a.RemoveHeaders)+len(a.SetQuery)+len(a.RemoveQuery)+len(a.Metadata) == 0 {
		return true
	}
	if !a.Allowed && a.Status == defaultDenial && a.Body == "" && len(a.Headers)+len(a.Metadata) == 0 {
		return false
	}
	out := map[string]any{"allowed": a.Allowed}
	if !a.Allowed {
		out["http_status"] = a.Status
	}
	if a.Body != "" {
		out["body"] = a.Body
	}
	for name, headers := range map[string][]Header{
		"headers": a.Headers, "response_headers_to_add": a.ResponseHeaders, "query_parameters_to_set": a.SetQuery,
	} {
		if len(headers) > 0 {
			out[name] = byName(headers)
		}
	}
	if len(a.Metadata) > 0 {
		out["dynamic_metadata"] = a.Metadata
	}
	return out
}

// byName joins the values of one name by a comma.
func byName(headers []Header) map[string]any {
	out := map[string]any{}
	for _, h := range headers {
		if before, twice := out[h.Name].(string); twice {
			out[h.Name] = before + "," + h.Value
			continue
		}
		out[h.Name] = h.Value
	}
	return out
}

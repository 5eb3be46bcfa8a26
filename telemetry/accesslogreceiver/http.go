package accesslogreceiver

import (
	"net"
	"strconv"
	"strings"

	accesslogdatav3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"go.opentelemetry.io/collector/pdata/plog"
)

// protocolVersions are semantic conventions' network.protocol.version.
var protocolVersions = map[accesslogdatav3.HTTPAccessLogEntry_HTTPVersion]string{
	accesslogdatav3.HTTPAccessLogEntry_HTTP10: "1.0", accesslogdatav3.HTTPAccessLogEntry_HTTP11: "1.1",
	accesslogdatav3.HTTPAccessLogEntry_HTTP2: "2", accesslogdatav3.HTTPAccessLogEntry_HTTP3: "3",
}

// http sets what only requests have. The query stays out: it holds what
// people typed.
func (r record) http(e *accesslogdatav3.HTTPAccessLogEntry) {
	q, s := e.GetRequest(), e.GetResponse()
	method, path, code := q.GetRequestMethod().String(), pathOf(q), s.GetResponseCode().GetValue()
	r.str("http.request.method", method)
	r.str("url.path", path)
	r.str("url.scheme", q.GetScheme())
	r.authority(q.GetAuthority())
	r.str("user_agent.original", q.GetUserAgent())
	r.str("krater.request_id", q.GetRequestId())
	r.str("network.protocol.version", protocolVersions[e.GetProtocolVersion()])
	r.num("http.request.body.size", q.GetRequestBodyBytes())
	r.num("http.response.body.size", s.GetResponseBodyBytes())
	r.SetSeverityNumber(plog.SeverityNumberInfo)
	r.SetSeverityText("INFO")
	if code >= 500 {
		r.SetSeverityNumber(plog.SeverityNumberError)
		r.SetSeverityText("ERROR")
	}
	answer := "no response"
	if code != 0 { // 0: the caller went away first
		r.num("http.response.status_code", uint64(code))
		answer = strconv.Itoa(int(code))
	}
	r.Body().SetStr(method + " " + q.GetAuthority() + path + " " + answer)
}

// pathOf is the path as the client sent it, also where a route rewrote it,
// without query and fragment.
func pathOf(q *accesslogdatav3.HTTPRequestProperties) string {
	path := q.GetOriginalPath()
	if path == "" {
		path = q.GetPath()
	}
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	return path
}

// authority sets server.address and, where it is given, server.port.
func (r record) authority(authority string) {
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		r.str("server.address", authority)
		return
	}
	r.str("server.address", host)
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		r.num("server.port", n)
	}
}

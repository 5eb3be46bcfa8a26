package translate

import (
	"regexp"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// formats says how each attribute is written into records and labels by the
// proxy. Addresses have no port: it would be a new label for each connection.
var formats = map[string]string{
	"connection.id":                       "%CONNECTION_ID%",
	"connection.requested_server_name":    "%REQUESTED_SERVER_NAME%",
	"connection.dns_san_peer_certificate": "%DOWNSTREAM_PEER_DNS_SAN%",
	"connection.uri_san_peer_certificate": "%DOWNSTREAM_PEER_URI_SAN%",
	"destination.address":                 "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
	"destination.port":                    "%DOWNSTREAM_LOCAL_PORT%",
	"request.duration":                    "%DURATION%", // milliseconds
	"request.host":                        "%REQ(:AUTHORITY)%",
	"request.id":                          "%REQ(X-REQUEST-ID)%",
	"request.method":                      "%REQ(:METHOD)%",
	"request.path":                        "%PATH(WQ:ORIG_OR_PATH)%",
	"request.protocol":                    "%PROTOCOL%",
	"request.query":                       "%QUERY_PARAMS(ORIG)%",
	"request.referer":                     "%REQ(REFERER)%",
	"request.scheme":                      "%REQ(:SCHEME)%",
	"request.size":                        "%BYTES_RECEIVED%",
	"request.time":                        "%START_TIME%",
	"request.total_size":                  "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
	"request.url_path":                    "%PATH(NQ:ORIG_OR_PATH)%",
	"request.useragent":                   "%REQ(USER-AGENT)%",
	"response.code":                       "%RESPONSE_CODE%",
	"response.code_details":               "%RESPONSE_CODE_DETAILS%",
	"response.flags":                      "%RESPONSE_FLAGS%",
	"response.grpc_status":                "%GRPC_STATUS_NUMBER%",
	"response.size":                       "%BYTES_SENT%",
	"response.total_size":                 "%DOWNSTREAM_WIRE_BYTES_SENT%",
	"route.name":                          "%ROUTE_NAME%",
	"source.address":                      "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
	"source.port":                         "%DOWNSTREAM_REMOTE_PORT%",
	"upstream.address":                    "%UPSTREAM_REMOTE_ADDRESS%",
}

var headerFormat = regexp.MustCompile(`^(request|response)\.headers\[(?:'([^'\\]+)'|"([^"\\]+)")\]$`)

// format writes an attribute or expression as Envoy's command operators.
// Formatters cost about half of what CEL does, so CEL is for the rest.
func (p *proxy) format(value string, c chain, from model.Ref, field string) (string, bool) {
	value = strings.TrimSpace(value)
	if f, ok := formats[value]; ok {
		return f, true
	}
	if f, ok := p.meshFormat(value, c); ok {
		return f, true
	}
	if name, secret := p.tellsRedacted(value); secret {
		p.problem(model.Warning, model.CodeNotAllowed, from, field,
			"the attribute "+name+" is redacted: its value never leaves the proxy; it is left out", "leave it out, or declare it without redact")
		return "", false
	}
	if m := headerFormat.FindStringSubmatch(value); m != nil {
		operator := map[string]string{"request": "REQ", "response": "RESP"}[m[1]]
		return "%" + operator + "(" + strings.ToUpper(m[2]+m[3]) + ")%", true
	}
	if a, ok := p.declaredAs(value); ok {
		return state(attributeState(a)), true
	}
	text, ok := p.expression(value, from, field)
	if !ok {
		return "", false
	}
	return celOperator(text), true
}

// literal is a constant in a format string.
func literal(s string) string { return strings.ReplaceAll(s, "%", "%%") }
